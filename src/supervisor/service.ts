import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../log.ts';
import { lastLines, tailLogFile } from './log-file.ts';
import { endProcess, identify, isAlive, signal, type ProcessIdentity } from './process-identity.ts';

const logMaxBytes = 20 * 1024 * 1024;
const firstDelayMs = 500;
const longestDelayMs = 30_000;
/** One that ran this long was well: its next death is not part of a series. */
const wellAfterMs = 60_000;
/** A process that dies this often before it was ever ready will not get better. */
const firstStartTries = 3;
const readyDeadlineMs = 60_000;
const pollMs = 500;

export interface ServiceOptions {
  name: string;
  /** Program and arguments. */
  command: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  workingDirectory: string;
  /** Its record is `<run>/<name>.json`, its output `<run>/logs/<name>.log`. */
  run: string;
  /** Each line it writes, as it comes. */
  onLine: (line: string) => void;
  /** It died and is started again after this wait. */
  onDeath: (how: string, againInMs: number) => void;
  log: Log;
}

/** What an earlier supervisor left running. */
export interface ServiceRecord {
  process: ProcessIdentity;
  /** Digest of the settings it was started with; they may hold a secret. */
  settings: string;
}

/** A process of ours that is kept running until it is stopped. */
export interface Service {
  readonly name: string;
  pid(): number | null;
  /** SIGTERM, SIGKILL after `graceMs`; it is not started again. Success when it is gone. */
  stop(graceMs: number): Promise<void>;
  /** Ends it, in order, and starts it anew from the code on disk. */
  restart(graceMs: number): Promise<void>;
}

/**
 * Starts a process in a session of its own, which writes to a file, and keeps it running with
 * back-off. Resolves when it says `ready`; rejects with its last words when it cannot start.
 * `adopt` takes over a running one instead.
 */
export async function startService(
  options: ServiceOptions,
  adopt?: ServiceRecord,
): Promise<Service> {
  const { name, log, run } = options;
  const file = join(run, 'logs', `${name}.log`);
  let everReady = false;
  let settleReady: (error: Error | null) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    settleReady = (error) => (error === null ? resolve() : reject(error));
  });
  let current: ProcessIdentity | null = null;
  let stopping = false;
  let restarting = false;
  let deaths = 0;
  let endWait: () => void = () => undefined;

  const nowReady = () => {
    everReady = true;
    settleReady(null);
  };
  const tail = await tailLogFile({
    ...{ file, maxBytes: logMaxBytes, log },
    onLine: (line) => {
      if (current !== null && isReadyLine(line, current.pid)) nowReady();
      options.onLine(line);
    },
  });

  /** Runs it once; resolves with how it ended. */
  const runOnce = async (): Promise<string> => {
    const { identity, ended } = launch(options, file);
    current = identity;
    if (identity !== null) {
      const settings = digestOf(options.environment);
      await writeRecord(run, name, { process: identity, settings });
    }
    return ended;
  };
  const runAdopted = async (record: ServiceRecord): Promise<string> => {
    current = record.process;
    nowReady();
    while (isAlive(record.process)) await sleep(pollMs);
    return 'ended';
  };
  const keepRunning = async () => {
    for (let first = true; !stopping; first = false) {
      const beganMs = performance.now();
      const how = await (first && adopt !== undefined ? runAdopted(adopt) : runOnce());
      current = null;
      if (stopping) return;
      if (restarting) {
        restarting = false;
        continue;
      }
      deaths = performance.now() - beganMs > wellAfterMs ? 1 : deaths + 1;
      log.error({ name, how }, 'a process died');
      if (!everReady && deaths >= firstStartTries) throw new Error(`it ended at once (${how})`);
      const waitMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (deaths - 1));
      options.onDeath(how, waitMs);
      await Promise.race([sleep(waitMs), new Promise<void>((done) => (endWait = done))]);
    }
  };
  const stop = async (graceMs: number) => {
    stopping = true;
    endWait();
    if (current !== null) await endProcess(current, graceMs);
    await rm(recordPath(run, name), { force: true });
    await tail.stop();
  };

  keepRunning().catch((error: Error) => settleReady(error));
  const deadline = setTimeout(
    () => settleReady(new Error(`it was not ready within ${readyDeadlineMs / 1000} s`)),
    readyDeadlineMs,
  );
  try {
    await ready;
  } catch (error) {
    await stop(5_000);
    const why = error instanceof Error ? error.message : String(error);
    const words = (await lastLines(file, 8)).map(readable).join('\n  ');
    throw new Error(`cannot start the ${name} process: ${why}. Its last words:\n  ${words}`, {
      cause: error,
    });
  } finally {
    clearTimeout(deadline);
  }
  return {
    name,
    pid: () => current?.pid ?? null,
    stop,
    async restart(graceMs) {
      deaths = 0;
      restarting = current !== null;
      if (current !== null) await endProcess(current, graceMs);
      endWait();
    },
  };
}

/** The process of this name that an earlier supervisor left running; null when there is none. */
export async function findLeftService(run: string, name: string): Promise<ServiceRecord | null> {
  const text = await readFile(recordPath(run, name), 'utf8').catch(() => null);
  if (text === null) return null;
  const record = JSON.parse(text) as ServiceRecord;
  return isAlive(record.process) ? record : null;
}

/** Whether it was started with these settings, so that a reload of its code is all it needs. */
export function hasSettings(
  record: ServiceRecord,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return record.settings === digestOf(environment);
}

/** Asks a process that reloads itself to do so. */
export function reload(record: ServiceRecord): void {
  signal(record.process, 'SIGHUP');
}

/** A log line in words for a terminal; others as they are. */
export function readable(line: string): string {
  const entry = parseLine(line);
  if (entry === null) return line;
  const { level: _level, time: _time, pid: _pid, process: _process, msg, err, ...facts } = entry;
  const cause =
    typeof err === 'object' && err !== null && 'message' in err ? `: ${String(err.message)}` : '';
  const words = Object.entries(facts)
    .filter(([, value]) => typeof value !== 'object')
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
  return `${String(msg)}${cause}${words === '' ? '' : ` (${words})`}`;
}

/** Severity of a log line as pino numbers it; a line that is none of ours counts as a warning. */
export function levelOf(line: string): number {
  const entry = parseLine(line);
  return entry === null ? 40 : Number(entry['level'] ?? 30);
}

function launch(
  options: ServiceOptions,
  file: string,
): { identity: ProcessIdentity | null; ended: Promise<string> } {
  const [program = '', ...args] = options.command;
  const output = openSync(file, 'a', 0o600);
  try {
    const child = spawn(program, args, {
      cwd: options.workingDirectory,
      env: { ...options.environment },
      detached: true,
      stdio: ['ignore', output, output],
    });
    const ended = new Promise<string>((done) => {
      child.once('exit', (code, killedBy) => done(killedBy ?? `exit code ${code}`));
      child.once('error', (error) => done(error.message));
    });
    return { identity: child.pid === undefined ? null : identify(child.pid), ended };
  } finally {
    closeSync(output);
  }
}

function isReadyLine(line: string, pid: number): boolean {
  if (!line.includes('"ready"')) return false;
  const entry = parseLine(line);
  return entry?.['msg'] === 'ready' && entry['pid'] === pid;
}

function parseLine(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function digestOf(environment: Readonly<Record<string, string | undefined>>): string {
  const lines = Object.entries(environment)
    .filter(([name]) => /^(LABKEEPER|TEMPORAL)_/.test(name))
    .map(([name, value]) => `${name}=${value ?? ''}`);
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

function recordPath(run: string, name: string): string {
  return join(run, `${name}.json`);
}

async function writeRecord(run: string, name: string, record: ServiceRecord): Promise<void> {
  const path = recordPath(run, name);
  await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
