import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Authentication } from '../model/bind.ts';
import { findFreePort } from './free-port.ts';

const loopback = '127.0.0.1';

/** The ports of our own processes. */
export interface Ports {
  console: number;
  apps: number;
  api: number;
  agent: number;
  gatewayMetrics: number;
  workerMetrics: number;
}

/** What runs where; kept as `run/addresses.json` for the next start and for tools. */
export interface Addresses {
  wished: Ports;
  ports: Ports;
  consoleUrl: string;
  appsUrl: string;
  apiUrl: string;
  temporalAddress: string;
  temporalUiUrl: string | null;
  databaseUrl: string;
  /** Whether people log in there. */
  authentication: Authentication;
}

/** The ports that the settings ask for. */
export function wishedPorts(config: Config): Ports {
  return {
    console: config.LABKEEPER_CONSOLE_PORT,
    apps: config.LABKEEPER_APPS_PORT,
    api: config.LABKEEPER_API_PORT,
    agent: config.LABKEEPER_AGENT_PORT,
    gatewayMetrics: config.LABKEEPER_GATEWAY_METRICS_PORT,
    workerMetrics: config.LABKEEPER_WORKER_METRICS_PORT,
  };
}

/**
 * A free port for each wish: the wished one or the next free one. `keep` are ports that a process
 * of ours still holds and goes on with.
 */
export async function choosePorts(
  wished: Ports,
  bind: string,
  keep: Partial<Ports> = {},
): Promise<Ports> {
  const taken = new Set<number>(Object.values(keep));
  const chosen: Ports = { ...wished, ...keep };
  for (const name of Object.keys(wished) as (keyof Ports)[]) {
    if (keep[name] !== undefined) continue;
    const others = Object.entries(wished).filter(([other]) => other !== name);
    const avoid = new Set([...taken, ...others.map(([, port]) => port)]);
    const address = name === 'console' || name === 'apps' ? bind : loopback;
    chosen[name] = await findFreePort({ wanted: wished[name], address, taken: avoid });
    taken.add(chosen[name]);
  }
  return chosen;
}

/** What the last start wrote; null when there was none. */
export async function readAddresses(run: string): Promise<Addresses | null> {
  const text = await readFile(join(run, 'addresses.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Addresses);
}

export async function writeAddresses(run: string, addresses: Addresses): Promise<void> {
  const path = join(run, 'addresses.json');
  await writeFile(`${path}.new`, JSON.stringify(addresses, null, 2), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
