import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { findTemporalCli } from '../../src/supervisor/temporal-cli.mjs';
import { startTemporal, stopTemporal } from '../../src/supervisor/temporal.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port`; null where the machine has no Temporal CLI. */
    temporalAddress: string | null;
  }
}

/** One Temporal server for the whole run, on a file of its own that goes with it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cli = findTemporalCli(process.env);
  if (cli === null) {
    project.provide('temporalAddress', null);
    return () => Promise.resolve();
  }
  const folder = await mkdtemp(join(tmpdir(), 'labkeeper-temporal-'));
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
