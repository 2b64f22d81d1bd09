import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What `postmaster.pid` says of the server that runs, or ran, on a data folder. */
export interface Postmaster {
  pid: number;
  port: number;
}

/** Null when there is no such file, or it is not whole yet. */
export async function readPostmaster(folder: string): Promise<Postmaster | null> {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  const whole = Number.isInteger(pid) && pid > 0 && Number.isInteger(port) && port > 0;
  return whole ? { pid, port } : null;
}

/** True when process `pid` is the server of `folder`, and not a stranger that got its number. */
export async function isRunningIn(pid: number, folder: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  return (await workingFolder(pid)) === (await realpath(folder));
}

/**
 * A server that was ended or killed may have children that still write: waits until nothing runs in
 * the folder. Then a pid file whose number went to a stranger is removed, since PostgreSQL itself would refuse
 * to start as long as that stranger lives.
 */
export async function whenFolderIsQuiet(
  folder: string,
  postmaster: Postmaster | null,
): Promise<void> {
  if (process.platform !== 'linux' || postmaster === null) return;
  const endsAtMs = performance.now() + 10_000;
  while (await isAnyRunningIn(folder)) {
    if (performance.now() > endsAtMs) {
      throw new Error(
        `PostgreSQL in ${folder} has ended, but processes of it still run after 10 s: end them`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  if (isAlive(postmaster.pid)) await rm(join(folder, 'postmaster.pid'), { force: true });
}

async function isAnyRunningIn(folder: string): Promise<boolean> {
  const target = await realpath(folder);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const folders = await Promise.all(pids.map(workingFolder));
  return folders.includes(target);
}

async function workingFolder(pid: number): Promise<string | null> {
  return readlink(`/proc/${pid}/cwd`).catch(() => null);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
