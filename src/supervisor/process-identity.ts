import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Names one process for good: pids are given again, and after a boot all of them are. Two identities
 * are the same process when all three agree.
 */
export interface ProcessIdentity {
  pid: number;
  /** As the system counts it; compared, never computed with. */
  startedAt: string;
  bootId: string;
}

/** Identity of the process that has this pid now; null when there is none or it is a zombie. */
export function identify(pid: number): ProcessIdentity | null {
  const startedAt = startOf(pid);
  return startedAt === null ? null : { pid, startedAt, bootId: bootId() };
}

/** Whether the process that was identified still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now?.startedAt === identity.startedAt && now.bootId === identity.bootId;
}

/**
 * Sends the signal if the process still is the identified one. False when it is gone. `group` sends
 * it to the whole process group that it leads.
 */
export function signal(
  identity: ProcessIdentity,
  name: NodeJS.Signals,
  to: 'process' | 'group' = 'process',
): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(to === 'group' ? -identity.pid : identity.pid, name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** Polls until the process is gone; false when it still runs at the deadline. */
export async function waitUntilGone(
  identity: ProcessIdentity,
  deadlineMs: number,
): Promise<boolean> {
  const endsAtMs = performance.now() + deadlineMs;
  while (isAlive(identity)) {
    if (performance.now() > endsAtMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** SIGTERM, and SIGKILL to its group when it is not gone after `graceMs`. Success when gone already. */
export async function endProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  signal(identity, 'SIGTERM');
  if (await waitUntilGone(identity, graceMs)) return;
  signal(identity, 'SIGKILL', 'group');
  signal(identity, 'SIGKILL');
  await waitUntilGone(identity, 5_000);
}

function startOf(pid: number): string | null {
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout.trim() || null;
  }
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name in parentheses may hold anything; what follows it starts with the state.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
}

function bootId(): string {
  if (process.platform === 'linux') {
    return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown';
  }
  const { stdout } = spawnSync('sysctl', ['-n', 'kern.boottime'], { encoding: 'utf8' });
  return stdout.trim();
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}
