import { setTimeout as pause } from 'node:timers/promises';
import { pidsIn, killCgroup, type Cgroup } from './cgroup.ts';
import {
  listProcesses,
  readProcFile,
  type ProcessEntry,
  type ProcessIdentity,
} from './process-table.ts';

export interface Tree {
  /** The command itself; null when it never ran. */
  root: ProcessIdentity | null;
  /** Ended a moment ago, so that its pid still means its group and session. */
  rootJustEnded?: boolean;
  /** `LABKEEPER_INSTANCE=…`, which every descendant inherits. */
  mark: string;
  cgroup: Cgroup | null;
}

const killDeadlineMs = 15_000;
const killPauseMs = 10;

/**
 * What runs of an instance: its process group and session, whatever descends from them, whatever
 * carries its mark in the environment (double forks, own sessions), and all of its cgroup.
 */
export function membersOf(tree: Tree): ProcessEntry[] {
  const all = listProcesses().filter((entry) => !entry.zombie && entry.pid !== process.pid);
  const { root } = tree;
  // A pid that was used again must not lend its group to a stranger.
  const rootCounts =
    root !== null &&
    (tree.rootJustEnded === true ||
      all.some((entry) => entry.pid === root.pid && entry.startTime === root.startTime));
  const caged = new Set(tree.cgroup === null ? [] : pidsIn(tree.cgroup));
  const members = new Set<number>();
  for (const entry of all) {
    const related =
      rootCounts &&
      (entry.pid === root.pid || entry.group === root.pid || entry.session === root.pid);
    if (related || caged.has(entry.pid) || carries(entry.pid, tree.mark)) members.add(entry.pid);
  }
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const entry of all) if (members.has(entry.parent)) members.add(entry.pid);
  }
  return all.filter((entry) => members.has(entry.pid));
}

/** SIGKILL, again and again, until nothing of it runs. Rejects when something cannot be killed. */
export async function killTree(tree: Tree): Promise<void> {
  const deadlineMs = performance.now() + killDeadlineMs;
  for (;;) {
    if (tree.cgroup !== null) killCgroup(tree.cgroup);
    const members = membersOf(tree);
    if (members.length === 0) return;
    if (performance.now() > deadlineMs) {
      const pids = members.map((entry) => entry.pid).join(', ');
      throw new Error(`cannot end ${tree.mark}: process ${pids} survives SIGKILL`);
    }
    // Frozen first: what cannot run cannot fork away from the next signal.
    signalAll(members, 'SIGSTOP');
    signalAll(members, 'SIGKILL');
    await pause(killPauseMs);
  }
}

/** Sends one signal to each; those that ended meanwhile are fine. */
export function signalAll(entries: readonly ProcessEntry[], signal: NodeJS.Signals): void {
  for (const { pid } of entries) sendSignal(pid, signal);
}

/** False when there was nobody to receive it. A negative pid is a process group. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

function carries(pid: number, mark: string): boolean {
  const environment = readProcFile(pid, 'environ');
  if (environment === null) return false;
  const text = `\0${environment.toString('latin1')}\0`;
  return text.includes(`\0${mark}\0`);
}
