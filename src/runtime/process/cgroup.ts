import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { AppSpec } from '../../model/app-spec.ts';

/**
 * The control group of one instance: what enforces its limits and counts its use. All folders are
 * the same under version 2; under version 1 each controller has its own.
 */
export interface Cgroup {
  version: 1 | 2;
  memory: string;
  cpu: string;
  /** Where CPU time is counted: version 1 keeps that apart, and may not have it. */
  cpuAccount: string | null;
  pids: string;
}

/** Where groups can be made on this machine: the folders that those of instances lie in. */
export type CgroupParent = Cgroup;

/** Makes the group and sets memory and CPU. Throws when the kernel refuses. Idempotent. */
export function createCgroup(
  parent: CgroupParent,
  name: string,
  limits: AppSpec['limits'],
): Cgroup {
  const at = (folder: string) => join(folder, name);
  const cgroup: Cgroup = {
    version: parent.version,
    memory: at(parent.memory),
    cpu: at(parent.cpu),
    cpuAccount: parent.cpuAccount === null ? null : at(parent.cpuAccount),
    pids: at(parent.pids),
  };
  for (const folder of foldersOf(cgroup)) mkdirSync(folder, { recursive: true });
  const periodUs = 100_000;
  // The kernel refuses a quota below one millisecond.
  const quotaUs = Math.max(1_000, Math.round(limits.cpus * periodUs));
  if (cgroup.version === 2) {
    write(cgroup.memory, 'memory.max', limits.memoryBytes);
    writeIfThere(cgroup.memory, 'memory.swap.max', 0);
    write(cgroup.cpu, 'cpu.max', `${quotaUs} ${periodUs}`);
  } else {
    write(cgroup.memory, 'memory.limit_in_bytes', limits.memoryBytes);
    writeIfThere(cgroup.memory, 'memory.memsw.limit_in_bytes', limits.memoryBytes);
    write(cgroup.cpu, 'cpu.cfs_period_us', periodUs);
    write(cgroup.cpu, 'cpu.cfs_quota_us', quotaUs);
  }
  return cgroup;
}

/** Moves a process (all its threads) into the group. */
export function enterCgroup(cgroup: Cgroup, pid: number): void {
  for (const folder of foldersOf(cgroup)) write(folder, 'cgroup.procs', pid);
}

/** How many threads the group may have; those that are there already stay, whatever the limit. */
export function limitPids(cgroup: Cgroup, pids: number): void {
  write(cgroup.pids, 'pids.max', pids);
}

/** Moves a process out of the group, to where `cgroup`'s parents hang. */
export function leaveCgroup(cgroup: Cgroup, pid: number, homes: readonly string[]): void {
  foldersOf(cgroup).forEach((_folder, index) => {
    const home = homes[index];
    if (home !== undefined) write(home, 'cgroup.procs', pid);
  });
}

/** The group each folder's hierarchy keeps this process in now, in the order of `foldersOf`. */
export function homesOf(cgroup: Cgroup): string[] {
  const now = ownGroups();
  const controllers =
    cgroup.version === 2
      ? ['unified']
      : ['memory', 'cpu', ...(cgroup.cpuAccount === null ? [] : ['cpuacct']), 'pids'];
  return uniqueInOrder(controllers.map((name) => now[name]).filter((home) => home !== undefined));
}

/** Processes of the group; none when it is gone. */
export function pidsIn(cgroup: Cgroup): number[] {
  const text = read(cgroup.pids, 'cgroup.procs') ?? '';
  return text.split('\n').filter(Boolean).map(Number);
}

/** One write ends all of it where the kernel can do that (version 2 since Linux 5.14). */
export function killCgroup(cgroup: Cgroup): void {
  if (cgroup.version === 2) writeIfThere(cgroup.pids, 'cgroup.kill', 1);
}

/** How often the kernel killed a process of the group for want of memory. */
export function outOfMemoryKills(cgroup: Cgroup): number {
  const file = cgroup.version === 2 ? 'memory.events' : 'memory.oom_control';
  const count = /^oom_kill (\d+)$/m.exec(read(cgroup.memory, file) ?? '')?.[1];
  return Number(count ?? 0);
}

/** Bytes in use without what the kernel can drop at once; null when the group is gone. */
export function memoryIn(cgroup: Cgroup): number | null {
  const current = read(
    cgroup.memory,
    cgroup.version === 2 ? 'memory.current' : 'memory.usage_in_bytes',
  );
  if (current === null) return null;
  const key = cgroup.version === 2 ? 'inactive_file' : 'total_inactive_file';
  const stat = read(cgroup.memory, 'memory.stat') ?? '';
  const cache = new RegExp(`^${key} (\\d+)$`, 'm').exec(stat)?.[1];
  return Math.max(0, Number(current) - Number(cache ?? 0));
}

/** CPU time since the beginning; null where it is not counted. */
export function cpuMsIn(cgroup: Cgroup): number | null {
  if (cgroup.version === 2) {
    const usec = /^usage_usec (\d+)$/m.exec(read(cgroup.cpu, 'cpu.stat') ?? '')?.[1];
    return usec === undefined ? null : Number(usec) / 1_000;
  }
  const nanoseconds = cgroup.cpuAccount === null ? null : read(cgroup.cpuAccount, 'cpuacct.usage');
  return nanoseconds === null ? null : Number(nanoseconds) / 1_000_000;
}

/** Success when absent, and when the kernel still counts something of it: then it stays empty. */
export function removeCgroup(cgroup: Cgroup): void {
  for (const folder of foldersOf(cgroup)) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if (!isOneOf(error, ['ENOENT', 'EBUSY', 'ENOTEMPTY'])) throw error;
    }
  }
}

/** Where this process is now, by controller, as directories. */
export function ownGroups(): Record<string, string | undefined> {
  const mounts = cgroupMounts();
  const groups: Record<string, string> = {};
  for (const line of (read('/proc/self', 'cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers === '' ? ['unified'] : controllers.split(',')) {
      const mount = mounts[controller];
      if (mount === undefined) continue;
      // Inside a container the mount may show the container's own group as its root.
      const folder = join(mount, path);
      groups[controller] = existsSync(folder) ? folder : mount;
    }
  }
  return groups;
}

/** Mount points by version 1 controller; `unified` is version 2. */
function cgroupMounts(): Record<string, string> {
  const mounts: Record<string, string> = {};
  for (const line of (read('/proc/self', 'mounts') ?? '').split('\n')) {
    const [, point, type, options] = line.split(' ');
    if (point === undefined || options === undefined) continue;
    if (type === 'cgroup2') mounts['unified'] = point;
    if (type === 'cgroup') for (const option of options.split(',')) mounts[option] = point;
  }
  return mounts;
}

function foldersOf(cgroup: Cgroup): string[] {
  const { memory, cpu, cpuAccount, pids } = cgroup;
  return uniqueInOrder([memory, cpu, ...(cpuAccount === null ? [] : [cpuAccount]), pids]);
}

const uniqueInOrder = (items: string[]): string[] => [...new Set(items)];

function read(folder: string, file: string): string | null {
  try {
    return readFileSync(join(folder, file), 'utf8');
  } catch (error) {
    if (isOneOf(error, ['ENOENT', 'ENODEV', 'ENOTDIR'])) return null;
    throw error;
  }
}

function write(folder: string, file: string, value: string | number): void {
  writeFileSync(join(folder, file), String(value));
}

function writeIfThere(folder: string, file: string, value: string | number): void {
  if (existsSync(folder) && readdirSync(folder).includes(file)) write(folder, file, value);
}

function isOneOf(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
