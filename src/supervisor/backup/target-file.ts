import { once } from 'node:events';
import { createWriteStream, fstatSync } from 'node:fs';
import { constants, link, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { Writable } from 'node:stream';
import { LabError } from '../../model/failures.ts';
import { identify } from '../process-identity.ts';

/** Where an archive goes. */
export interface Target {
  /** For people: the file, or `standard output`. */
  name: string;
  /** Whole and flushed when it has closed. */
  sink: Writable;
  /** What it is on disk, so that the copy does not copy itself; null for a pipe. */
  identity: { device: number; inode: number } | null;
  /** After the sink closed: only now it gets its name. */
  finish(): Promise<void>;
  /** Nothing of it is left. */
  abandon(): Promise<void>;
}

/**
 * A file that nobody sees under its name before it is whole, or standard output for `-`. Throws
 * `conflict` when something has that name, `invalid` when it cannot be made there.
 */
export async function openTarget(given: string, dataFolder: string): Promise<Target> {
  return given === '-' ? standardOutput() : openFile(resolve(given), dataFolder);
}

function standardOutput(): Target {
  if (process.stdout.isTTY) {
    throw new LabError(
      'invalid',
      'cannot write the archive to a terminal: name a file, or send it through a pipe',
    );
  }
  const found = fstatSync(1);
  return {
    name: 'standard output',
    sink: process.stdout,
    identity: found.isFile() ? { device: found.dev, inode: found.ino } : null,
    finish: async () => undefined,
    abandon: async () => undefined,
  };
}

async function openFile(path: string, dataFolder: string): Promise<Target> {
  const folder = dirname(path);
  await refuseFolder(path, folder, dataFolder);
  await removeLeftovers(folder, basename(path));
  const partial = join(folder, partialName(basename(path), process.pid));
  // Flushed: it is on disk before it gets its name.
  const sink = createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true });
  await once(sink, 'ready').catch((error: unknown) => {
    throw explain(error, path);
  });
  const { dev, ino } = await stat(partial);
  const abandon = async () => {
    sink.destroy();
    await rm(partial, { force: true });
  };
  return {
    ...{ name: path, sink, abandon, identity: { device: dev, inode: ino } },
    async finish() {
      try {
        await nameIt(partial, path);
        await syncFolder(folder);
      } catch (error) {
        await abandon();
        throw explain(error, path);
      }
    },
  };
}

async function refuseFolder(path: string, folder: string, dataFolder: string): Promise<void> {
  const real = await realpath(folder).catch((error: unknown) => {
    throw explain(error, path);
  });
  const data = await realpath(dataFolder);
  if (`${real}${sep}`.startsWith(`${data}${sep}`)) {
    throw new LabError(
      'invalid',
      `cannot write ${path}: it lies in the data folder that is backed up; choose a place outside, best on another disk`,
    );
  }
  if (
    await stat(path).then(
      () => true,
      () => false,
    )
  )
    throw taken(path);
}

/** The name is free until the very end, or nothing happens. */
async function nameIt(partial: string, path: string): Promise<void> {
  try {
    await link(partial, path);
    await rm(partial);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(path);
    // A file system without such links: the look at the beginning has to do.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    await rename(partial, path);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const partialName = (name: string, pid: number) => `.${name}.${pid}.partial`;

/** Of backups to this very name that were killed. */
async function removeLeftovers(folder: string, name: string): Promise<void> {
  for (const other of await readdir(folder)) {
    if (!other.startsWith(`.${name}.`) || !other.endsWith('.partial')) continue;
    const pid = Number(other.slice(name.length + 2, -'.partial'.length));
    if (other === partialName(name, pid) && identify(pid) === null) {
      await rm(join(folder, other), { force: true });
    }
  }
}

function taken(path: string): LabError {
  return new LabError(
    'conflict',
    `cannot write ${path}: something has that name already; choose another, or remove it first`,
  );
}

/** Errors of writing as people need them; others stay. */
export function explain(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error.name === 'LabError') return error;
  const code = 'code' in error ? error.code : null;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new LabError(
      'storage_full',
      `cannot write ${path}: the disk there is full; free some space, or choose another place`,
      { cause: error },
    );
  }
  const why: { [code: string]: string } = {
    EACCES: 'this user may not write there',
    ENOENT: 'its folder does not exist',
    ENOTDIR: 'a part of its path is a file',
    EROFS: 'the disk there is read-only',
    EPIPE: 'whoever read it has ended',
  };
  const known = typeof code === 'string' ? why[code] : undefined;
  if (known === undefined) return error;
  return new LabError('invalid', `cannot write ${path}: ${known}`, { cause: error });
}
