import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../log.ts';
import { LabError } from '../model/failures.ts';
import { isListening } from './listening.ts';
import { boundLogFile, lastLines } from './log-file.ts';
import { endProcess, identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const stopGraceMs = 10_000;
const logMaxBytes = 10 * 1024 * 1024;
const inUse = /address already in use/i;
const lostItsPort = 'another program answers on its port';

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
  /** The one that clients use. */
  portOf: (ports: Ports) => number;
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
 * Idempotent. Throws when it cannot run or never serves, with the last lines of its output; `conflict`
 * when somebody else took a port of it meanwhile, so that another try is worth it.
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

/**
 * Ends the server of this record and resolves when it is gone. The record stays, since the next start
 * wants the same ports. Success when none runs.
 */
export async function endKeptServer(folder: string, file: string): Promise<void> {
  const known = await readRecord(folder, file);
  if (known !== null) await endProcess(known.process, stopGraceMs);
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
  const ended = new Promise<string>((done) => {
    child.once('exit', () => done('ended'));
    child.once('error', (error) => done(`did not start (${error.message})`));
  });
  await handle.close();
  child.unref();
  const identity = child.pid === undefined ? null : identify(child.pid);
  let why: string | null;
  if (identity === null) why = await ended;
  else {
    await writeRecord(folder, file, { process: identity, settings, ...ports });
    why = await Promise.race([whyNotReady(options, ports, identity), ended]);
    if (why === null) return { ports, pid: identity.pid };
    await endProcess(identity, stopGraceMs);
  }
  const words = await lastLines(output, 500, size);
  const message = `${name} was started with ${program} and ${why}:\n${words.slice(-10).join('\n')}`;
  const lost = why === lostItsPort || words.some((line) => inUse.test(line));
  throw lost ? new LabError('conflict', message) : new Error(message);
}

async function whyNotReady<Ports extends object>(
  options: KeptServerOptions<Ports>,
  ports: Ports,
  identity: ProcessIdentity,
): Promise<string | null> {
  try {
    const why = await options.whyNotReady(ports, () => isAlive(identity));
    if (why !== null) return why;
    // Whoever answered may be another server, which was faster to bind.
    const own = await isListening(identity.pid, options.portOf(ports));
    return own === false ? lostItsPort : null;
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
