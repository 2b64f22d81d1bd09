import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect } from 'vitest';
import { processContainers } from '../../src/runtime/process/index.ts';
import { readAddresses, type Addresses } from '../../src/supervisor/addresses.ts';
import { stopPostgres } from '../../src/supervisor/postgres.ts';
import { endProcess } from '../../src/supervisor/process-identity.ts';
import { findLeftService } from '../../src/supervisor/service.ts';
import { stopTemporalServer } from '../../src/supervisor/temporal-production.ts';
import { productionFolder } from '../../src/supervisor/temporal-way.ts';
import { stopTemporal } from '../../src/supervisor/temporal.ts';
import { eventually } from '../beds/eventually.ts';

const root = join(import.meta.dirname, '..', '..');
export const startDeadlineMs = 90_000;

/** One run of `labkeeper up` as an operator starts it. */
export interface Up {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
}

/** Quick, and with ports that nobody else has; the data folder is below `folder`. */
export function upSettings(folder: string): Record<string, string> {
  return {
    ...{ LABKEEPER_DATA: join(folder, 'data'), LABKEEPER_DOCKER: 'off' },
    ...{ LABKEEPER_CONSOLE_PORT: '0', LABKEEPER_APPS_PORT: '0', LABKEEPER_API_PORT: '0' },
    ...{ LABKEEPER_AGENT_PORT: '0', LABKEEPER_GATEWAY_METRICS_PORT: '0' },
    ...{ LABKEEPER_WORKER_METRICS_PORT: '0', LABKEEPER_GATEWAY_VETO_MS: '3000' },
  };
}

export function startUp(settings: Record<string, string>, ...args: string[]): Up {
  const child = spawn(process.execPath, [...program, 'up', ...args], {
    cwd: root,
    env: { ...process.env, ...settings },
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return { child, output: () => output, ended };
}

/** What the doctor finds, and its exit code. */
export function askDoctor(settings: Record<string, string>): {
  status: number | null;
  ok: boolean;
  checks: { name: string; state: string; detail: string; remedy?: string }[];
} {
  const { status, stdout } = spawnSync(process.execPath, [...program, 'doctor', '--json'], {
    cwd: root,
    env: { ...process.env, ...settings },
    encoding: 'utf8',
  });
  return { status, ...(JSON.parse(stdout) as { ok: boolean; checks: [] }) };
}

/** Its URLs are printed, or it has ended: then its words are the failure. */
export async function untilReady(one: Up): Promise<void> {
  await eventually(
    () => {
      expect(one.output() + (one.child.exitCode ?? '')).toMatch(/Ctrl-C ends it|labkeeper: /);
    },
    { deadlineMs: startDeadlineMs },
  );
  expect(one.output()).toContain('Ctrl-C ends it');
}

export async function knownAddresses(folder: string): Promise<Addresses> {
  const found = await readAddresses(join(folder, 'data', 'run'));
  if (found === null) throw new Error('no addresses were written');
  return found;
}

/** What a failed test left running: apps, our processes, engines. */
export async function endLeftovers(folder: string): Promise<void> {
  const data = join(folder, 'data');
  const path = join(data, 'hosts', 'local', 'apps');
  const runtime = processContainers({
    ...{ installation: 'any', folder: path, log: pino({ level: 'silent' }) },
  });
  for (const name of await readdir(path).catch(() => [])) {
    if (name.startsWith('app-')) await runtime.remove(name);
  }
  for (const name of ['gateway', 'api', 'worker']) {
    const left = await findLeftService(join(data, 'run'), name);
    if (left !== null) await endProcess(left.process, 5_000);
  }
  await stopTemporal(join(data, 'temporal'));
  await stopTemporalServer(productionFolder(join(data, 'temporal')));
  await stopPostgres(join(data, 'postgres'));
}

const program = ['--import', 'tsx', join(root, 'src', 'cli', 'main.ts')];
