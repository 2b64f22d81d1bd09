import { chmod, lchown, lstat, lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises';
import { toBytes, toText, type BytePath, type Entry } from './entry.ts';
import { damaged } from './manifest.ts';

export interface Extraction {
  /** The next file, folder or link; a folder comes right before what is in it. */
  put(entry: Entry, content: AsyncIterable<Buffer>): Promise<void>;
  /** After the last one: folders get their modes and times. */
  finish(): Promise<{ files: number; bytes: number; foreignOwners: number }>;
}

/**
 * Writes files below `folder`, which nobody else writes to. Owners are kept when this is root; an
 * ordinary user owns what it restores. A path that leads anywhere but into a folder that this made is
 * refused, so no link of an archive is ever followed.
 */
export function beginExtraction(file: string, folder: string): Extraction {
  const root = Buffer.from(folder).toString('latin1');
  const isRoot = process.getuid?.() === 0;
  const own = process.getuid?.() ?? 0;
  /** Folders that are being filled, from the outside in. */
  const open: Entry[] = [];
  const done = { files: 0, bytes: 0, foreignOwners: 0 };

  async function closeUntil(parent: BytePath): Promise<void> {
    for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
      if (last.path === parent) return;
      open.pop();
      const path = toBytes(`${root}/${last.path}`);
      await chmod(path, last.mode);
      await utimes(path, last.modifiedAtS, last.modifiedAtS);
    }
    if (parent !== '') throw damaged(file, `nothing made the folder ${toText(parent)}`);
  }

  return {
    async put(entry, content) {
      const names = entry.path.split('/');
      if (
        names.some((name) => name === '' || name === '.' || name === '..' || name.includes('\0'))
      ) {
        throw damaged(file, `the path ${JSON.stringify(toText(entry.path))}`);
      }
      await closeUntil(names.slice(0, -1).join('/'));
      const path = toBytes(`${root}/${entry.path}`);
      if (!isRoot && entry.uid !== own) done.foreignOwners += 1;
      const owner = isRoot ? entry : null;
      if (entry.type === 'directory') {
        await makeFolder(path);
        if (owner !== null) await lchown(path, owner.uid, owner.gid);
        open.push(entry);
      } else if (entry.type === 'symlink') {
        await symlink(toBytes(entry.link ?? ''), path);
        if (owner !== null) await lchown(path, owner.uid, owner.gid);
        await lutimes(path, entry.modifiedAtS, entry.modifiedAtS);
      } else {
        await writeFile(path, entry, owner, content);
        done.files += 1;
        done.bytes += entry.size;
      }
    },
    async finish() {
      await closeUntil('');
      return done;
    },
  };
}

/** One may be there: the new database has put its password into secrets/. A link there is refused. */
async function makeFolder(path: Buffer): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!(await lstat(path)).isDirectory()) throw error;
  }
}

async function writeFile(
  path: Buffer,
  entry: Entry,
  owner: { uid: number; gid: number } | null,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    let at = 0;
    for await (const piece of content) {
      // What is all zeros stays a hole, so that a sparse file takes no more room than before.
      if (!isZero(piece)) await handle.write(piece, 0, piece.length, at);
      at += piece.length;
    }
    await handle.truncate(entry.size);
    if (owner !== null) await handle.chown(owner.uid, owner.gid);
    await handle.chmod(entry.mode);
    await handle.utimes(entry.modifiedAtS, entry.modifiedAtS);
  } finally {
    await handle.close();
  }
}

const zeros = Buffer.alloc(64 * 1024);

function isZero(piece: Buffer): boolean {
  for (let at = 0; at < piece.length; at += zeros.length) {
    const part = piece.subarray(at, at + zeros.length);
    if (zeros.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}
