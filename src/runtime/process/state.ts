import { readdirSync } from 'node:fs';
import type { Exit } from '../../model/app-state.ts';
import type { Instance } from '../containers.ts';
import { removeCgroup } from './cgroup.ts';
import { instanceFolder, namePattern, type Home } from './home.ts';
import { currentBootId, isRunning, type ProcessIdentity } from './process-table.ts';
import { killTree, type Tree } from './process-tree.ts';
import {
  announceExit,
  claimRecord,
  isErrno,
  markOf,
  readRecord,
  unknownExit,
  writeExit,
  type Plan,
  type StartRecord,
} from './records.ts';

export interface State {
  plan: Plan;
  shim: ProcessIdentity | null;
  start: StartRecord | null;
  paused: boolean;
  exit: Exit | null;
}

/**
 * What the records say, made true first: where the shim died (killed, or the machine was booted
 * again) nobody will write the exit, so whatever still runs is killed and an unknown exit written.
 */
export async function readState(home: Home, name: string): Promise<State | null> {
  const state = readRecords(home, name);
  if (state === null || state.exit !== null || state.shim === null) return state;
  if (isRunning(state.shim)) return state;
  // It may have written its last word between the two looks.
  const again = readRecords(home, name);
  if (again === null || again.exit !== null) return again;
  const rebooted = state.shim.bootId !== currentBootId();
  home.log?.warn({ instance: name, rebooted }, 'instance lost its shim');
  if (!rebooted) await killTree(treeOf(state));
  recordUnknownExit(home, name);
  if (state.plan.cgroup !== null) removeCgroup(state.plan.cgroup);
  return readRecords(home, name);
}

/** As they lie there; null when there is no such instance of this installation. */
export function readRecords(home: Home, name: string): State | null {
  const folder = instanceFolder(home, name);
  // The exit comes first: whatever is read later is at least as new. The plan comes last: while it
  // is there, the folder had not been removed when the others were read.
  const exit = readRecord(folder, 'exit');
  const shim = readRecord(folder, 'shim');
  const start = readRecord(folder, 'start');
  const paused = readRecord(folder, 'pause') !== null;
  const plan = readRecord(folder, 'plan');
  if (plan === null || plan.installation !== home.installation) return null;
  return { plan, shim, start, paused, exit };
}

/** Names of all instances, in no order. */
export function instanceNames(home: Home): string[] {
  try {
    return readdirSync(home.folder).filter((name) => namePattern.test(name));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** For an instance whose end nobody saw. Keeps what is there already; works on a full disk. */
export function recordUnknownExit(home: Home, name: string): void {
  const folder = instanceFolder(home, name);
  try {
    if (!claimRecord(folder, 'exit', unknownExit)) return;
    announceExit(folder);
  } catch (error) {
    if (!isErrno(error, 'ENOSPC') && !isErrno(error, 'EDQUOT')) throw error;
    home.log?.warn({ instance: name, err: error }, 'the disk is full');
    if (readRecord(folder, 'exit') === null) writeExit(folder, unknownExit);
  }
}

/** Everything that may run of it, the shim aside. */
export function treeOf(state: State): Tree {
  const { plan, start } = state;
  return { root: start, mark: markOf(plan), cgroup: plan.cgroup };
}

export function toInstance(state: State): Instance {
  const { plan, start, exit, paused } = state;
  const phase =
    exit !== null ? 'exited' : start === null ? 'created' : paused ? 'paused' : 'running';
  const reachable = phase === 'running' || phase === 'paused';
  return {
    name: plan.name,
    labels: plan.labels,
    phase,
    address: reachable ? { host: '127.0.0.1', port: plan.port } : null,
    doors: reachable ? [{ innerPort: plan.port, host: '127.0.0.1', port: plan.port }] : [],
    startedAtMs: start?.startedAtMs ?? null,
    exit,
    imageDigest: null,
    imageId: null,
  };
}
