import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Log } from '../log.ts';
import { findFreePort } from './free-port.ts';
import { boundLogFile, lastLines } from './log-file.ts';
import { prepareNamespace } from './temporal-namespace.ts';
import { endProcess, identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const address = '127.0.0.1';
const readyDeadlineMs = 60_000;
const stopGraceMs = 10_000;
const logMaxBytes = 10 * 1024 * 1024;

export interface RunningTemporal {
  /** Of the frontend: `host:port`. */
  address: string;
  /** Of the Web UI. */
  uiUrl: string;
  pid: number;
  /** It ran already: started by an earlier supervisor. */
  adopted: boolean;
}

interface Record {
  process: ProcessIdentity;
  port: number;
  uiPort: number;
}

/**
 * Starts the Temporal development server on the file in `folder`, or adopts the one that an earlier
 * call left running on it, whatever its ports. It outlives the caller: only `stopTemporal` ends it.
 * Ports are wishes: a busy one becomes the next free one, 0 any. Idempotent.
 *
 * Throws when the program cannot run or does not answer within a minute; the message has the last
 * lines of its output.
 */
export async function startTemporal(options: {
  folder: string;
  /** Path of the Temporal CLI. */
  cli: string;
  port: number;
  uiPort: number;
  log: Log;
  /** Come on top of ours, for servers of tests. */
  dynamicConfig?: Readonly<{ [key: string]: string }>;
}): Promise<RunningTemporal> {
  const { log } = options;
  const folder = resolve(options.folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const known = await readRecord(folder);
  if (known && isAlive(known.process)) {
    const why = await whyNotReady(known.port, known.process);
    if (why === null) {
      log.info({ port: known.port, temporalPid: known.process.pid }, 'Temporal runs already');
      return running(known, true);
    }
    log.warn({ temporalPid: known.process.pid, why }, 'Temporal does not answer and is replaced');
    await endProcess(known.process, stopGraceMs);
  }
  const record = await startServer({ ...options, folder });
  log.info({ port: record.port, temporalPid: record.process.pid }, 'Temporal runs');
  return running(record, false);
}

/** Ends the server of `folder` and resolves when it is gone. Success when none runs. */
export async function stopTemporal(folder: string): Promise<void> {
  const known = await readRecord(resolve(folder));
  if (known) await endProcess(known.process, stopGraceMs);
  await rm(recordPath(resolve(folder)), { force: true });
}

async function startServer(options: {
  folder: string;
  cli: string;
  port: number;
  uiPort: number;
  dynamicConfig?: Readonly<{ [key: string]: string }>;
}): Promise<Record> {
  const { folder, cli } = options;
  const port = await findFreePort({ wanted: options.port, address });
  const uiPort = await findFreePort({ wanted: options.uiPort, address, taken: new Set([port]) });
  const dynamicConfig = {
    // Without it each step costs about 50 ms once a first burst is spent.
    'history.transferProcessorMaxPollRPS': '2000',
    ...options.dynamicConfig,
  };
  const output = join(folder, 'server.log');
  await boundLogFile(output, logMaxBytes);
  const file = await open(output, 'a', 0o600);
  const child = spawn(
    cli,
    [
      ...['server', 'start-dev', '--ip', address, '--port', String(port)],
      ...['--ui-port', String(uiPort), '--db-filename', join(folder, 'temporal.db')],
      ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
      ...Object.entries(dynamicConfig).flatMap(([key, value]) => [
        '--dynamic-config-value',
        `${key}=${value}`,
      ]),
      ...['--log-level', 'warn'],
    ],
    { cwd: folder, detached: true, stdio: ['ignore', file.fd, file.fd] },
  );
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  await file.close();
  const identity = child.pid === undefined ? null : identify(child.pid);
  if (identity === null) {
    const why = await Promise.race([failed, Promise.resolve('it ended at once')]).catch(String);
    throw new Error(
      `cannot start Temporal with ${cli}: ${why}\n${(await lastLines(output, 10)).join('\n')}`,
    );
  }
  child.unref();
  const record = { process: identity, port, uiPort };
  await writeRecord(folder, record);
  const how = await whyNotReady(port, identity);
  if (how === null) return record;
  await endProcess(identity, stopGraceMs);
  throw new Error(
    `Temporal was started with ${cli} and ${how}:\n${(await lastLines(output, 10)).join('\n')}`,
  );
}

/** Null once the server serves our namespace, else why it does not. */
async function whyNotReady(port: number, identity: ProcessIdentity): Promise<string | null> {
  try {
    await prepareNamespace({
      connection: { address: `${address}:${port}` },
      namespace: 'default',
      deadlineMs: readyDeadlineMs,
      goOn: () => isAlive(identity),
    });
    return null;
  } catch (error) {
    return isAlive(identity) ? `does not answer (${String(error)})` : 'ended';
  }
}

function running(record: Record, adopted: boolean): RunningTemporal {
  return {
    address: `${address}:${record.port}`,
    uiUrl: `http://${address}:${record.uiPort}`,
    pid: record.process.pid,
    adopted,
  };
}

function recordPath(folder: string): string {
  return join(folder, 'server.json');
}

async function readRecord(folder: string): Promise<Record | null> {
  const text = await readFile(recordPath(folder), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Record);
}

async function writeRecord(folder: string, record: Record): Promise<void> {
  const path = recordPath(folder);
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
