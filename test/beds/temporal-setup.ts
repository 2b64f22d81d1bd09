import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { findTemporalCli } from '../../src/supervisor/temporal-cli.mjs';
import { identify } from '../../src/supervisor/process-identity.ts';
import { setUp } from './set-up.ts';
import { startTemporal, stopTemporal } from '../../src/supervisor/temporal.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port`; null where the machine has no Temporal CLI. */
    temporalAddress: string | null;
  }
}

const folderPrefix = 'labkeeper-test-temporal-';

/** One Temporal server for the whole run, on a file of its own that goes with it. */
export async function temporalBed(project: TestProject): Promise<() => Promise<void>> {
  const cli = findTemporalCli(process.env);
  // Labs have their own; on the production set-up nothing else is run.
  if (cli === null || setUp === 'production') {
    project.provide('temporalAddress', null);
    return () => Promise.resolve();
  }
  await removeLeftovers();
  const folder = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const { address } = await startTemporal({
    folder,
    cli: cli.path,
    port: 0,
    uiPort: 0,
    log: pino({ level: 'warn' }),
    // Else a closed id starts again only after a second.
    dynamicConfig: { 'history.workflowIdReuseMinimalInterval': '"0s"' },
  });
  project.provide('temporalAddress', address);
  return async () => {
    await stopTemporal(folder);
    await rm(folder, { recursive: true, force: true });
  };
}

/** Servers of runs that were killed: their folders name the run's process. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue;
    const pid = Number(name.slice(folderPrefix.length).split('-', 1)[0]);
    if (identify(pid) !== null) continue;
    await stopTemporal(join(tmpdir(), name));
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}
