import { constants, type Stats } from 'node:fs';
import { lstat, open, opendir, type FileHandle } from 'node:fs/promises';
import type { Artifact, ArtifactPage, OpenArtifact } from '../job-folders.ts';

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Folders within folders that are looked into; each keeps one file open. */
const mostDepth = 64;

/**
 * The regular file that `names` lead to from `root`, or null. Goes down by open folders and follows no link: a
 * program that puts a link in the place of a folder meanwhile leads it nowhere. `root` itself is trusted.
 */
export async function openBelow(
  root: string,
  names: readonly string[],
): Promise<FileHandle | null> {
  const folders = names.slice(0, -1);
  const folder = await openFolder(root, folders);
  if (folder === null) return null;
  try {
    const file = await open(inside(folder, names.at(-1) ?? ''), fileFlags).catch(nullWhenAbsent);
    if (file === null) return null;
    if ((await file.stat()).isFile()) return file;
    await file.close();
    return null;
  } finally {
    await folder.close();
  }
}

/** An open file for readers; it is theirs to close. */
export async function asArtifact(file: FileHandle): Promise<OpenArtifact> {
  const { size, ino, mtimeNs, mtimeMs } = await file.stat({ bigint: true });
  return {
    sizeBytes: Number(size),
    modifiedAtMs: Number(mtimeMs),
    version: [ino, size, mtimeNs].map((number) => number.toString(36)).join('-'),
    async *read(from, to) {
      if (from >= to) return;
      yield* file.createReadStream({ start: from, end: to - 1, autoClose: false });
    },
    close: () => file.close(),
  };
}

/**
 * The regular files below a folder in the order of their paths, folder by folder, from `after` on. Links and whatever
 * else is no file are absent. At most `maxEntries` entries are looked at; `complete` says whether that was all.
 */
export async function listBelow(
  root: string,
  names: readonly string[],
  page: { after: string | null; limit: number; maxEntries: number; skip: ReadonlySet<string> },
): Promise<ArtifactPage> {
  const found: Artifact[] = [];
  const budget = { entries: page.maxEntries, complete: true };
  const folder = await openFolder(root, names);
  if (folder === null) return { items: found, next: null, complete: true };
  const after = page.after === null ? null : page.after.split('/');
  for await (const artifact of walk(folder, '', after, budget, 0)) {
    if (page.skip.has(artifact.path)) continue;
    if (found.length === page.limit) {
      return { items: found, next: found.at(-1)?.path ?? null, complete: budget.complete };
    }
    found.push(artifact);
  }
  return { items: found, next: null, complete: budget.complete };
}

interface Budget {
  entries: number;
  complete: boolean;
}

/** Takes the folder over, and closes it. */
async function* walk(
  folder: FileHandle,
  prefix: string,
  after: readonly string[] | null,
  budget: Budget,
  depth: number,
): AsyncGenerator<Artifact> {
  try {
    for (const name of await namesIn(folder, budget)) {
      const order = after === null ? 1 : compare(name, after[0] ?? '');
      if (order < 0) continue;
      const path = `${prefix}${name}`;
      const stat = await lstat(inside(folder, name)).catch(nullWhenAbsent);
      if (stat?.isDirectory()) {
        if (depth === mostDepth) budget.complete = false;
        else {
          const next = await open(inside(folder, name), folderFlags).catch(nullWhenAbsent);
          const rest = order === 0 && after !== null && after.length > 1 ? after.slice(1) : null;
          if (next !== null) yield* walk(next, `${path}/`, rest, budget, depth + 1);
        }
      } else if (stat?.isFile() && order > 0) yield artifactOf(path, stat);
    }
  } finally {
    await folder.close();
  }
}

async function namesIn(folder: FileHandle, budget: Budget): Promise<string[]> {
  const names: string[] = [];
  const entries = await opendir(inside(folder, '.'), { bufferSize: 256 }).catch(nullWhenAbsent);
  if (entries === null) return names;
  for await (const { name } of entries) {
    budget.entries -= 1;
    if (budget.entries < 0) {
      budget.complete = false;
      break;
    }
    names.push(name);
  }
  return names.toSorted(compare);
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

const artifactOf = (path: string, stat: Stats): Artifact => ({
  path,
  sizeBytes: stat.size,
  modifiedAtMs: Math.floor(stat.mtimeMs),
});

async function openFolder(root: string, names: readonly string[]): Promise<FileHandle | null> {
  let folder = await open(root, folderFlags).catch(nullWhenAbsent);
  for (const name of names) {
    if (folder === null) return null;
    const next: FileHandle | null = await open(inside(folder, name), folderFlags).catch(
      nullWhenAbsent,
    );
    await folder.close();
    folder = next;
  }
  return folder;
}

/** An entry of an open folder, wherever the folder may lie by now. */
const inside = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`;

const absent: readonly string[] = [
  ...['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO', 'ENAMETOOLONG', 'ENODEV'],
];

function nullWhenAbsent(error: unknown): null {
  if (error instanceof Error && 'code' in error && absent.includes(String(error.code))) return null;
  throw error;
}
