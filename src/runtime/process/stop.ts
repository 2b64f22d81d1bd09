import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Exit } from '../../model/app-state.ts';
import type { StopOptions } from '../containers.ts';
import { removeCgroup } from './cgroup.ts';
import { discard } from './ensure.ts';
import { archivedLogFolder, instanceFolder, type Home } from './home.ts';
import { resume } from './pause.ts';
import { currentBootId, isRunning } from './process-table.ts';
import { killTree, sendSignal } from './process-tree.ts';
import { claimRecord, exitedFolder, logFolder, unknownExit, writeRecord } from './records.ts';
import { readRecords, readState, recordUnknownExit, treeOf, type State } from './state.ts';
import { waitFor } from './wait.ts';
import { waitForStart } from './wait-for-start.ts';

/** How long the shim may take to write the exit after the tree was killed. */
const lastWordMs = 5_000;

/** SIGTERM, grace, SIGKILL of all of it; null when absent. */
export async function stopInstance(
  home: Home,
  name: string,
  { graceMs, onKill }: StopOptions,
): Promise<Exit | null> {
  const state = await readState(home, name);
  if (state === null) return null;
  if (state.exit !== null) return endLeftovers(state, state.exit);
  const started = await startOrFence(home, name);
  if (started === null) return null;
  if (started.exit !== null) return endLeftovers(started, started.exit);
  const folder = instanceFolder(home, name);
  noteStop(home, name);
  const { start, shim } = started;
  if (graceMs > 0 && start !== null && isRunning(start)) {
    sendSignal(-start.pid, 'SIGTERM');
    if (started.paused) resume(home, started);
    await waitFor(folder, graceMs, () => lastWord(home, name));
  }
  if (lastWord(home, name) === null) {
    onKill?.();
    await killTree(treeOf(started));
    await waitFor(folder, lastWordMs, () => lastWord(home, name));
  }
  if (lastWord(home, name) === null) {
    if (shim !== null && isRunning(shim)) sendSignal(shim.pid, 'SIGKILL');
    recordUnknownExit(home, name);
  }
  const last = lastWord(home, name) ?? unknownExit;
  return last === 'gone' ? null : endLeftovers(started, last);
}

/** Stops it at once, keeps its log, removes the rest. Success when absent. */
export async function removeInstance(home: Home, name: string): Promise<void> {
  await stopInstance(home, name, { graceMs: 0 });
  const folder = instanceFolder(home, name);
  const state = readRecords(home, name);
  const logs = join(folder, logFolder);
  const archive = archivedLogFolder(home, name);
  if (state !== null && existsSync(logs) && !existsSync(archive)) {
    mkdirSync(dirname(archive), { recursive: true, mode: 0o700 });
    renameSync(logs, archive);
  }
  discard(home, name);
  rmSync(join(home.folder, exitedFolder, name), { force: true });
  if (state?.plan.cgroup) removeCgroup(state.plan.cgroup);
}

/** What was written down but never started must not start any more; what starts now is awaited. */
async function startOrFence(home: Home, name: string): Promise<State | null> {
  const nobody = { pid: 0, startTime: '', bootId: currentBootId() };
  if (claimRecord(instanceFolder(home, name), 'shim', nobody)) {
    recordUnknownExit(home, name);
  }
  const started = await waitForStart(home, name);
  return started !== null && 'code' in started ? null : started;
}

/** Told to the shim, which else would take a SIGKILL for want of memory. Not worth failing a stop. */
function noteStop(home: Home, name: string): void {
  try {
    writeRecord(instanceFolder(home, name), 'stop', { atMs: Date.now() });
  } catch (error) {
    home.log?.warn({ instance: name, err: error }, 'stop could not be noted');
  }
}

/** How it ended; `gone` when somebody removed it meanwhile, null while it runs. */
function lastWord(home: Home, name: string): Exit | 'gone' | null {
  const state = readRecords(home, name);
  return state === null ? 'gone' : state.exit;
}

/** The shim has killed what the command left behind; this is for those whose shim was killed. */
async function endLeftovers(state: State, exit: Exit): Promise<Exit> {
  const { shim, plan } = state;
  if (plan.bootId !== currentBootId()) return exit;
  await killTree(treeOf(state));
  const endsAtMs = performance.now() + lastWordMs;
  while (shim !== null && isRunning(shim) && performance.now() < endsAtMs) await pause(2);
  return exit;
}
