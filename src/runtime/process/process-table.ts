import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Names one process for good: a pid alone is used again by others. */
export interface ProcessIdentity {
  pid: number;
  /** Since boot in clock ticks (Linux) or as `ps` prints it: only ever compared. */
  startTime: string;
  bootId: string;
}

export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  session: number;
  zombie: boolean;
  threads: number;
  /** User and system time in clock ticks. */
  cpuTicks: number;
  startTime: string;
}

const hasProc = existsSync('/proc/self/stat');

/** Changes with every boot of the machine. */
export function currentBootId(): string {
  if (hasProc) return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return spawnSync('sysctl', ['-n', 'kern.boottime'], { encoding: 'utf8' }).stdout.trim();
}

/** Null when there is no such process. */
export function identityOf(pid: number): ProcessIdentity | null {
  const entry = readProcess(pid);
  if (entry === null) return null;
  return { pid, startTime: entry.startTime, bootId: currentBootId() };
}

/** True while exactly this process runs; a zombie does not run. */
export function isRunning(identity: ProcessIdentity): boolean {
  const entry = readProcess(identity.pid);
  return (
    entry !== null &&
    !entry.zombie &&
    entry.startTime === identity.startTime &&
    currentBootId() === identity.bootId
  );
}

/** Null when there is no such process. */
export function readProcess(pid: number): ProcessEntry | null {
  if (!hasProc) return listProcesses().find((entry) => entry.pid === pid) ?? null;
  const stat = readProcFile(pid, 'stat');
  return stat === null ? null : parseStat(pid, stat.toString('latin1'));
}

/** Every process of this machine that can be seen. */
export function listProcesses(): ProcessEntry[] {
  if (!hasProc) return listByPs();
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const entry = readProcess(Number(name));
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** A file of /proc/<pid>; null when the process is gone or belongs to somebody else. */
export function readProcFile(pid: number, file: string): Buffer | null {
  if (!hasProc) return null;
  try {
    return readFileSync(`/proc/${pid}/${file}`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
}

/** proc(5): the name in brackets may hold anything, so fields are counted after its end. */
function parseStat(pid: number, stat: string): ProcessEntry {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => fields[number - 3] ?? '';
  return {
    pid,
    parent: Number(field(4)),
    group: Number(field(5)),
    session: Number(field(6)),
    zombie: field(3) === 'Z' || field(3) === 'X',
    threads: Number(field(20)),
    cpuTicks: Number(field(14)) + Number(field(15)),
    startTime: field(22),
  };
}

/** Systems without /proc. Sessions are not told there: the group stands for them. */
function listByPs(): ProcessEntry[] {
  const { stdout } = spawnSync('ps', ['-axo', 'pid=,ppid=,pgid=,state=,lstart='], {
    encoding: 'utf8',
  });
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, group, state, ...started] = line.trim().split(/\s+/);
    if (pid === undefined || state === undefined) return [];
    return {
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      session: Number(group),
      zombie: state.startsWith('Z'),
      threads: 1,
      cpuTicks: 0,
      startTime: started.join(' '),
    };
  });
}
