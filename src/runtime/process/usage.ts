import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Usage } from '../containers.ts';
import { cpuMsIn, memoryIn as memoryOfCgroup } from './cgroup.ts';
import type { Home } from './home.ts';
import { readProcFile, type ProcessEntry } from './process-table.ts';
import { membersOf } from './process-tree.ts';
import { readState, treeOf, type State } from './state.ts';

interface Sample {
  atMs: number;
  cpuMs: number;
}

const shortestSpanMs = 500;
const longestSpanMs = 5_000;
const KiB = 1024;

/** Remembers the last sample of each instance, so that most calls need not wait for a second one. */
export function usageReader(home: Home): (name: string) => Promise<Usage | null> {
  const samples = new Map<string, Sample>();

  return async (name) => {
    const state = await readState(home, name);
    if (state === null || state.start === null || state.exit !== null) {
      samples.delete(name);
      return null;
    }
    let before = samples.get(name);
    const ageMs = before === undefined ? Infinity : performance.now() - before.atMs;
    if (before === undefined || ageMs > longestSpanMs) {
      before = sample(state, membersOf(treeOf(state)));
      await pause(shortestSpanMs);
    } else if (ageMs < shortestSpanMs) {
      await pause(shortestSpanMs - ageMs);
    }
    const members = membersOf(treeOf(state));
    if (members.length === 0) return null;
    const after = sample(state, members);
    samples.set(name, after);
    return {
      memoryBytes: memoryIn(state, members),
      memoryLimitBytes: state.plan.limits.memoryBytes,
      cpus: Math.max(0, (after.cpuMs - before.cpuMs) / (after.atMs - before.atMs)),
      pids: members.reduce((sum, entry) => sum + entry.threads, 0),
    };
  };
}

/** Memory that an instance uses now; null when it does not run. */
export async function readMemory(home: Home, name: string): Promise<number | null> {
  const state = await readState(home, name);
  if (state === null || state.start === null || state.exit !== null) return null;
  const members = membersOf(treeOf(state));
  return members.length === 0 ? null : memoryIn(state, members);
}

function memoryIn(state: State, members: readonly ProcessEntry[]): number {
  const { cgroup } = state.plan;
  const counted = cgroup === null ? null : memoryOfCgroup(cgroup);
  return counted ?? members.reduce((sum, entry) => sum + memoryOf(entry.pid), 0);
}

function sample(state: State, members: readonly ProcessEntry[]): Sample {
  const { cgroup } = state.plan;
  const counted = cgroup === null ? null : cpuMsIn(cgroup);
  return {
    atMs: performance.now(),
    cpuMs: counted ?? members.reduce((sum, entry) => sum + entry.cpuTicks, 0) * msPerTick(),
  };
}

/** Shared pages are divided among those that share them, where the kernel tells. */
function memoryOf(pid: number): number {
  const rollup = readProcFile(pid, 'smaps_rollup')?.toString('latin1') ?? '';
  const proportional = /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1];
  if (proportional !== undefined) return Number(proportional) * KiB;
  const status = readProcFile(pid, 'status')?.toString('latin1') ?? '';
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * KiB;
}

let knownMsPerTick: number | undefined;

/** proc(5) counts in clock ticks: 100 a second on every Linux in use, asked all the same. */
function msPerTick(): number {
  if (knownMsPerTick === undefined) {
    const { stdout } = spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' });
    knownMsPerTick = 1_000 / (Number(stdout) || 100);
  }
  return knownMsPerTick;
}
