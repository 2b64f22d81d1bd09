import type { Stats } from 'node:fs';
import { constants, lstat, open, opendir, readlink, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isLeftOut } from './left-out.ts';
import { toBytes, toText, type BytePath, type Entry } from './entry.ts';

/** What a copy of files in use could not take as it was: told to whoever made it. */
export interface Notes {
  /** Became shorter while it was read: the rest is zeros. */
  cutShort: number;
  /** Sockets, pipes and devices: they mean nothing elsewhere. */
  special: number;
}

export interface DataFile {
  /** Relative to the data folder. */
  entry: Entry;
  /** For files only; to be read to its end. */
  content: AsyncIterable<Buffer> | null;
}

const pieceBytes = 256 * 1024;

/**
 * Everything in the data folder but what is left out, folders before what is in them. Files are in
 * use: each is as it was while it was read, and one that vanishes before that is not there. What may not
 * be read is an error, since a backup without it would be none. `except` is passed over: the
 * archive itself when it is written below the folder.
 */
export async function* dataFiles(
  folder: string,
  notes: Notes,
  except: { device: number; inode: number } | null,
): AsyncGenerator<DataFile> {
  const root = Buffer.from(folder).toString('latin1');
  yield* filesIn(root, '', notes, except);
}

async function* filesIn(
  root: BytePath,
  folder: BytePath,
  notes: Notes,
  except: { device: number; inode: number } | null,
): AsyncGenerator<DataFile> {
  const names = await orVanished(`read the folder ${toText(join(root, folder))}`, () =>
    opendir(toBytes(join(root, folder)), { encoding: 'latin1' as BufferEncoding }),
  );
  if (names === null) return;
  for await (const { name } of names) {
    const path = folder === '' ? name : `${folder}/${name}`;
    if (isLeftOut(path)) continue;
    const full = join(root, path);
    // A room may lie on another disk, behind a link; links below are kept as links.
    const look = folder === '' ? stat : lstat;
    const found = await orVanished(`look at ${toText(full)}`, () => look(toBytes(full)));
    if (found === null || (found.dev === except?.device && found.ino === except.inode)) continue;
    if (found.isDirectory()) {
      yield { entry: entryOf(path, 'directory', found), content: null };
      yield* filesIn(root, path, notes, except);
    } else if (found.isSymbolicLink()) {
      const link = await orVanished(`read the link ${toText(full)}`, () =>
        readlink(toBytes(full), { encoding: 'latin1' }),
      );
      if (link === null) continue;
      yield { entry: { ...entryOf(path, 'symlink', found), link }, content: null };
    } else if (found.isFile()) {
      yield* oneFile(path, full, notes);
    } else {
      notes.special += 1;
    }
  }
}

async function* oneFile(path: BytePath, full: BytePath, notes: Notes): AsyncGenerator<DataFile> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  // Whatever took the file's place meanwhile: no link is followed, no pipe is waited for.
  const handle = await orVanished(`open ${toText(full)}`, () =>
    open(toBytes(full), O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
  );
  if (handle === null) return;
  try {
    const found = await handle.stat();
    if (!found.isFile()) return;
    const entry = { ...entryOf(path, 'file', found), size: found.size };
    yield { entry, content: exactly(handle, found.size, full, notes) };
  } finally {
    await handle.close();
  }
}

/** As many bytes as were promised: what was added meanwhile is left, what was cut off is zeros. */
async function* exactly(
  handle: FileHandle,
  size: number,
  full: BytePath,
  notes: Notes,
): AsyncGenerator<Buffer> {
  for (let at = 0; at < size;) {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, at).catch((error: unknown) => {
      throw new Error(`cannot read ${toText(full)}: ${String(error)}`, { cause: error });
    });
    if (bytesRead === 0) {
      notes.cutShort += 1;
      for (; at < size; at += pieceBytes) yield Buffer.alloc(Math.min(pieceBytes, size - at));
      return;
    }
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

function entryOf(path: BytePath, type: Entry['type'], found: Stats): Entry {
  const { uid, gid, mode, mtimeMs } = found;
  const modifiedAtS = Math.floor(mtimeMs / 1000);
  return { path, type, mode: mode & 0o7777, uid, gid, size: 0, modifiedAtS, link: null };
}

/** Null for what is not there any more; it was in use, and others may remove it. */
async function orVanished<Result>(
  attempt: string,
  act: () => Promise<Result>,
): Promise<Result | null> {
  try {
    return await act();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') return null;
    const remedy =
      code === 'EACCES' || code === 'EPERM' ? '; run the backup as root, or as its owner' : '';
    throw new Error(`cannot ${attempt}: ${(error as Error).message}${remedy}`, { cause: error });
  }
}
