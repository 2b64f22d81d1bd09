import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, realpath, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';

/**
 * Files below a folder that strangers may write to. A link is followed as long as it stays inside; one
 * that leads out, also one that is put there at this moment, counts as absent. So each folder on
 * the way is held open while the next one is looked up in it.
 */

/** The regular file at `path` below `root`, for reading or for appending; null when there is none inside. */
export async function openInside(
  root: string,
  path: string,
  how: 'read' | 'append' = 'read',
): Promise<FileHandle | null> {
  const { O_RDONLY, O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const access = how === 'read' ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
  return absentAsNull(async () => {
    const real = await realInside(root, path);
    if (real === null) return null;
    const folder = await openFolder(root, dirname(real), false);
    try {
      const name = real.slice(real.lastIndexOf(sep) + 1);
      const flags = access | O_NOFOLLOW | O_NONBLOCK;
      const file = await open(within(folder, name), flags, 0o666);
      if ((await file.stat()).isFile()) return file;
      await file.close();
      return null;
    } finally {
      await folder.close();
    }
  });
}

/** Its text; its size when that is above `maxBytes`; null when there is no file inside. */
export async function readInside(
  root: string,
  path: string,
  maxBytes: number,
): Promise<string | { bytes: number } | null> {
  const file = await openInside(root, path);
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    return size > maxBytes ? { bytes: size } : await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/**
 * Replaces a file at one stroke; folders on the way are made, for everybody to write to. Throws when a
 * link out of `root` is in the way.
 */
export async function writeInside(root: string, path: string, text: string): Promise<void> {
  const folder = await makeInside(root, dirname(path));
  try {
    const name = path.slice(path.lastIndexOf(sep) + 1);
    const draft = within(folder, `.${name}.${randomBytes(6).toString('hex')}`);
    try {
      await writeFile(draft, text, { mode: 0o666, flag: 'wx' });
      await rename(draft, within(folder, name));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  } finally {
    await folder.close();
  }
}

/** The folder at `path`, made where it is missing, for everybody to write to. The caller closes it. */
export async function makeInside(root: string, path: string): Promise<FileHandle> {
  await mkdir(root, { recursive: true });
  return openFolder(root, path === '.' ? '' : path, true);
}

/** What is in the folder at `path`, as a path to list; null when there is none inside. */
export async function folderInside(root: string, path: string): Promise<FileHandle | null> {
  return absentAsNull(async () => {
    const real = await realInside(root, join(path, '.'));
    return real === null ? null : openFolder(root, real, false);
  });
}

/** Path of an entry of an open folder, wherever the folder itself was moved meanwhile. */
export const within = (folder: FileHandle, name: string): string =>
  `/proc/self/fd/${folder.fd}/${name}`;

/** Where `path` really lies, relative to the root; the last name may be missing. Null when outside. */
async function realInside(root: string, path: string): Promise<string | null> {
  const realRoot = await realpath(root);
  const wanted = join(root, path);
  const real = await realpath(wanted).catch(async (error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
    return join(await realpath(dirname(wanted)), wanted.slice(wanted.lastIndexOf(sep) + 1));
  });
  if (real !== realRoot && !real.startsWith(realRoot + sep)) return null;
  return relative(realRoot, real);
}

async function openFolder(root: string, path: string, make: boolean): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  let folder = await open(root, flags);
  for (const name of path.split(sep).filter((one) => one !== '' && one !== '.')) {
    const next = within(folder, name);
    try {
      if (make) await makeOne(next);
      const inner = await open(next, flags | constants.O_NOFOLLOW);
      await folder.close();
      folder = inner;
    } catch (error) {
      await folder.close();
      throw error;
    }
  }
  return folder;
}

/** Success when it is there. The mode is set apart: a umask must not narrow it. */
async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return;
  }
  const handle = await open(
    path,
    constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  );
  try {
    await handle.chmod(0o777);
  } finally {
    await handle.close();
  }
}

const absent: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO', 'EACCES'];

async function absentAsNull<Result>(act: () => Promise<Result | null>): Promise<Result | null> {
  try {
    return await act();
  } catch (error) {
    if (absent.includes(codeOf(error))) return null;
    throw error;
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';
