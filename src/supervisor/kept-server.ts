import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../log.ts';
import { boundLogFile, lastLines } from './log-file.ts';
import { endProcess, identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const stopGraceMs = 10_000;
const logMaxBytes = 10 * 1024 * 1024;

export interface KeptServerOptions<Ports extends object> {
  /** For sentences: `Temporal`. */
  name: string;
  /** Its record is `<folder>/<file>.json`, its output `<folder>/<file>.log`. */
  folder: string;
  file: string;
  program: string;
  /**
   * What an adopted one must have been started with; another one is replaced. Holds no secret: it
   * stands in the record.
   */
  settings: string;
  /** Chooses ports, near those it last had, and says how to start it on them. */
  launch: (last: Ports | null) => Promise<{
    ports: Ports;
    args: readonly string[];
    /** All of its environment; without it ours. */
    environment?: Readonly<Record<string, string>>;
  }>;
  /** Null once it serves; rejects or says why when it will not, or `goOn` answers false. */
  whyNotReady: (ports: Ports, goOn: () => boolean) => Promise<string | null>;
  log: Log;
}

export interface KeptServer<Ports> {
  ports: Ports;
  pid: number;
  /** It ran already: started by an earlier supervisor. */
  adopted: boolean;
}

interface KnownServer {
  process: ProcessIdentity;
  settings?: string;
  [port: string]: unknown;
}

/**
 * Starts a server in a session of its own, or adopts the one that an earlier call left running with
 * the same settings, whatever its ports. It outlives the caller: only `endKeptServer` ends it.
 * Idempotent. Throws when it cannot run or never serves, with the last lines of its output.
 */
export async function keepServer<Ports extends object>(
  options: KeptServerOptions<Ports>,
): Promise<KeptServer<Ports>> {
  const { name, folder, file, log } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const known = await readRecord(folder, file);
  const last = known === null ? null : (portsOf(known) as Ports);
  if (known !== null && last !== null && isAlive(known.process)) {
    const why =
      (known.settings ?? options.settings) === options.settings
        ? await whyNotReady(options, last, known.process)
        : 'has other settings';
    if (why === null) {
      log.info({ ports: last, serverPid: known.process.pid }, `${name} runs already`);
      return { ports: last, pid: known.process.pid, adopted: true };
    }
    log.warn({ serverPid: known.process.pid, why }, `${name} runs already and is replaced`);
    await endProcess(known.process, stopGraceMs);
  }
  const { ports, pid } = await start(options, last);
  log.info({ ports, serverPid: pid }, `${name} runs`);
  return { ports, pid, adopted: false };
}

/** Ends the server of this record and resolves when it is gone. Success when none runs. */
export async function endKeptServer(folder: string, file: string): Promise<void> {
  const known = await readRecord(folder, file);
  if (known !== null) await endProcess(known.process, stopGraceMs);
  await rm(recordPath(folder, file), { force: true });
}

async function start<Ports extends object>(
  options: KeptServerOptions<Ports>,
  last: Ports | null,
): Promise<{ ports: Ports; pid: number }> {
  const { name, folder, file, program, settings } = options;
  const { ports, args, environment } = await options.launch(last);
  const output = join(folder, `${file}.log`);
  await boundLogFile(output, logMaxBytes);
  const handle = await open(output, 'a', 0o600);
  const { size } = await handle.stat();
  const child = spawn(program, args, {
    ...{ cwd: folder, detached: true, stdio: ['ignore', handle.fd, handle.fd] },
    ...(environment === undefined ? {} : { env: environment }),
  });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  failed.catch(() => undefined);
  const ended = new Promise<string>((done) => child.once('exit', () => done('ended')));
  await handle.close();
  const lastWords = async () => (await lastLines(output, 10, size)).join('\n');
  const identity = child.pid === undefined ? null : identify(child.pid);
  if (identity === null) {
    const why = await Promise.race([failed, Promise.resolve('it ended at once')]).catch(String);
    throw new Error(`cannot start ${name} with ${program}: ${why}\n${await lastWords()}`);
  }
  child.unref();
  await writeRecord(folder, file, { process: identity, settings, ...ports });
  const why = await Promise.race([whyNotReady(options, ports, identity), ended]);
  if (why === null) return { ports, pid: identity.pid };
  await endProcess(identity, stopGraceMs);
  throw new Error(`${name} was started with ${program} and ${why}:\n${await lastWords()}`);
}

async function whyNotReady<Ports extends object>(
  options: KeptServerOptions<Ports>,
  ports: Ports,
  identity: ProcessIdentity,
): Promise<string | null> {
  try {
    return await options.whyNotReady(ports, () => isAlive(identity));
  } catch (error) {
    return isAlive(identity) ? `does not answer (${String(error)})` : 'ended';
  }
}

function portsOf(record: KnownServer): object {
  const { process: _process, settings: _settings, ...ports } = record;
  return ports;
}

function recordPath(folder: string, file: string): string {
  return join(folder, `${file}.json`);
}

async function readRecord(folder: string, file: string): Promise<KnownServer | null> {
  const text = await readFile(recordPath(folder, file), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as KnownServer);
}

async function writeRecord(folder: string, file: string, record: KnownServer): Promise<void> {
  const path = recordPath(folder, file);
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
