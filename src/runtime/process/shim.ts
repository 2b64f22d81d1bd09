import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Exit } from '../../model/app-state.ts';
import { openLogWriter } from '../log-files/writer.ts';
import {
  enterCgroup,
  homesOf,
  leaveCgroup,
  limitPids,
  outOfMemoryKills,
  removeCgroup,
} from './cgroup.ts';
import { identityOf, type ProcessIdentity } from './process-table.ts';
import { killTree, type Tree } from './process-tree.ts';
import {
  announceExit,
  claimRecord,
  exitDraft,
  logFolder,
  markOf,
  readRecord,
  recordFile,
  writeExit,
  writeRecord,
  type Plan,
  type Refusal,
  type StartRecord,
} from './records.ts';

/*
 * The program beside each command: `node <shim> <instance folder>`, with the command's secrets on its
 * standard input. It outlives every process of labkeeper, keeps the output, and writes how the
 * command ended. It reads no settings and takes no orders: whoever wants the command to end signals
 * the command.
 */
const folder = process.argv[2] ?? '';
/** What is left in the pipe after the last process ended is read for at most this long. */
const drainMs = 1_000;
const spaceWaitMs = 250;
const spaceTries = 2_400;
const folderLookMs = 2_000;

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
/** What runs; null before the start. */
let tree: Tree | null = null;

process.on('uncaughtException', giveUp);
run().catch(giveUp);

/** A command without its shim would be found by nobody: it ends with it. */
function giveUp(reason: unknown): void {
  const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  process.stderr.write(`${text}\n`, () => undefined);
  const end = () => process.exit(1);
  if (tree === null) end();
  else killTree(tree).then(end, end);
}

/** Whoever removes the folder gives the instance up; two looks, since disks may hiccup. */
function endWithFolder(): void {
  let missing = 0;
  setInterval(() => {
    const isThere = statSync(join(folder, recordFile('plan')), { throwIfNoEntry: false });
    missing = isThere === undefined ? missing + 1 : 0;
    if (missing > 1) giveUp(new Error(`${folder} was removed`));
  }, folderLookMs).unref();
}

async function run(): Promise<void> {
  const plan = readRecord(folder, 'plan');
  const secrets = readSecrets();
  if (secrets === null) return;
  const self = identityOf(process.pid);
  if (plan === null || self === null || !claimRecord(folder, 'shim', self)) return;
  // The room for the last word is taken now, since there may be none left when it is needed.
  writeFileSync(join(folder, exitDraft.file), ' '.repeat(exitDraft.bytes), { mode: 0o600 });
  const log = openLogWriter(join(folder, logFolder), plan.log);
  const output = openPipe();
  const started = await startCommand(plan, secrets, output?.writer ?? null);
  if ('code' in started) {
    writeRecord(folder, 'refusal', started);
    tellRuntime();
    process.exit(0);
  }
  const { child, root } = started;
  tree = { root, rootJustEnded: true, mark: markOf(plan), cgroup: plan.cgroup };
  endWithFolder();
  const ended = new Promise<Exit>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal, outOfMemory: false }));
  });
  const drained = keepOutput(child, output, (bytes) => log.write(bytes));
  const startedAtMs = Date.now();
  const record: StartRecord = { ...root, startedAtMs };
  await withSpace(() => writeRecord(folder, 'start', record));
  tellRuntime();

  const exit = await ended;
  exit.outOfMemory = wasOutOfMemory(plan, exit);
  await killTree(tree);
  await Promise.race([drained, pause(drainMs)]);
  log.close();
  if (plan.cgroup !== null) removeCgroup(plan.cgroup);
  await withSpace(() => writeExit(folder, exit));
  await withSpace(() => announceExit(folder));
  process.exit(0);
}

/** Null when whoever started this ended before it had said them all: the next one will. */
function readSecrets(): Record<string, string> | null {
  try {
    return JSON.parse(readFileSync(0, 'utf8')) as Record<string, string>;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

interface Pipe {
  reader: Socket;
  writer: number;
}

/**
 * One pipe for both streams keeps their order, and a real one can be opened again as /dev/stdout,
 * which the sockets that `spawn` makes cannot. Null where none can be made.
 */
function openPipe(): Pipe | null {
  const path = join(folder, 'output.pipe');
  rmSync(path, { force: true });
  if (spawnSync('mkfifo', ['-m', '600', path], { stdio: 'ignore' }).status !== 0) return null;
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  rmSync(path);
  return { reader: new Socket({ fd: reader, readable: true, writable: false }), writer };
}

async function startCommand(
  plan: Plan,
  secrets: Record<string, string>,
  writer: number | null,
): Promise<{ child: ChildProcess; root: ProcessIdentity } | Refusal> {
  const [file = '', ...args] = plan.command;
  const target = writer ?? 'pipe';
  const { cgroup } = plan;
  const homes = cgroup === null ? [] : homesOf(cgroup);
  // The command is born inside the group because its parent is there for that moment.
  if (cgroup !== null) enterCgroup(cgroup, process.pid);
  let child: ChildProcess;
  try {
    // A fork bomb is faster than the way out of the group, so it meets a limit from its first process.
    if (cgroup !== null) limitPids(cgroup, plan.limits.pids + ownThreads());
    child = spawn(file, args, {
      cwd: plan.workingDirectory,
      env: { ...plan.environment, ...secrets },
      detached: true,
      stdio: ['ignore', target, target],
    });
  } finally {
    if (cgroup !== null) {
      leaveCgroup(cgroup, process.pid, homes);
      limitPids(cgroup, plan.limits.pids);
    }
    if (writer !== null) closeSync(writer);
  }
  if (child.pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once('error', resolve));
    return { code: 'code' in error ? String(error.code) : 'unknown', message: error.message };
  }
  const root = identityOf(child.pid);
  if (root === null) throw new Error(`cannot read process ${child.pid} that was just started`);
  return { child, root };
}

/** Each counts as one process of the group that the shim is in. */
function ownThreads(): number {
  return readdirSync('/proc/self/task').length;
}

/** Resolves when the last writer of the output is gone. */
function keepOutput(
  child: ChildProcess,
  pipe: Pipe | null,
  keep: (bytes: Uint8Array) => void,
): Promise<unknown> {
  const streams = pipe === null ? [child.stdout, child.stderr] : [pipe.reader];
  return Promise.all(
    streams.map(
      (stream) =>
        new Promise<void>((resolve) => {
          stream?.on('data', keep);
          stream?.on('error', () => undefined);
          stream?.on('close', resolve);
        }),
    ),
  );
}

/** The kernel's own count tells; a kill that somebody asked for is no surprise. */
function wasOutOfMemory(plan: Plan, exit: Exit): boolean {
  if (plan.cgroup === null || exit.exitCode === 0) return false;
  if (readRecord(folder, 'stop') !== null) return false;
  return outOfMemoryKills(plan.cgroup) > 0;
}

/** Tries again for some minutes while the disk is full. */
async function withSpace(attempt: () => void): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      attempt();
      return;
    } catch (error) {
      if (tries >= spaceTries) throw error;
      await pause(spaceWaitMs);
    }
  }
}

/** One line wakes whoever waits for the start; nobody may be there any more. */
function tellRuntime(): void {
  try {
    writeSync(1, 'started\n');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
  }
}
