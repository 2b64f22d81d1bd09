import { asStorageFull } from '../../model/storage-full.ts';
import { isRecord } from '../../model/is-record.ts';
import { constants } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { Readable } from 'node:stream';
import {
  folderInside,
  makeInside,
  openInside,
  readInside,
  within,
  writeInside,
} from '../../open-inside.ts';
import { parseYaml, setInYaml, toYaml } from './yaml.ts';
import type { ConfigProblem, SharedConfig, SharedFile, SharedFolder } from '../shared-folder.ts';

const configs = 'configs';
/** A folder of logs or configurations that has more is somebody's mistake. */
const maxListed = 10_000;

/** The shared folder as it lies on this machine, or is mounted there. */
export function sharedFolder({ root }: { root: string }): SharedFolder {
  return {
    root,
    read: (path, maxBytes) => readInside(root, path, maxBytes),

    write: (path, text) => withStorage(`write ${path}`, () => writeInside(root, path, text)),

    async makeFolder(path) {
      await withStorage(`make ${path}`, async () => {
        const folder = await makeInside(root, path);
        await folder.close();
      });
    },

    async hasFolder(path) {
      const folder = await folderInside(root, path);
      await folder?.close();
      return folder !== null;
    },

    list: (path) => listEntries(root, path, 'files'),
    listFolders: (path) => listEntries(root, path, 'folders'),

    async stream(path) {
      const file = await openInside(root, path);
      if (file === null) return null;
      const { size } = await file.stat();
      if (size === 0) {
        await file.close();
        return new ReadableStream({ start: (controller) => controller.close() });
      }
      // To where it ends now: what a running job goes on writing is no part of this answer.
      const bytes = file.createReadStream({ start: 0, end: size - 1, highWaterMark: 64 * 1024 });
      return Readable.toWeb(bytes) as ReadableStream<Uint8Array>;
    },

    readConfig: (path, maxBytes) => readConfig(root, path, maxBytes),
    toYaml,
    setInYaml,
  };
}

async function listEntries(
  root: string,
  path: string,
  kind: 'files' | 'folders',
): Promise<SharedFile[]> {
  const folder = await folderInside(root, path);
  if (folder === null) return [];
  try {
    const entries = await readdir(within(folder, '.'), { withFileTypes: true });
    const files: SharedFile[] = [];
    for (const entry of entries.slice(0, maxListed)) {
      if (kind === 'files' ? !entry.isFile() : !entry.isDirectory()) continue;
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      // It may be gone again, or be another thing by now.
      const file = await open(within(folder, entry.name), flags).catch(() => null);
      if (file === null) continue;
      try {
        const { size, mtimeMs } = await file.stat();
        files.push({ name: entry.name, bytes: kind === 'files' ? size : 0, modifiedAtMs: mtimeMs });
      } finally {
        await file.close();
      }
    }
    return files;
  } finally {
    await folder.close();
  }
}

async function readConfig(
  root: string,
  path: string,
  maxBytes: number,
): Promise<SharedConfig | ConfigProblem | null> {
  const home = await realpath(join(root, configs)).catch(() => null);
  if (home === null) return null;
  const real = await realpath(join(home, path)).catch(() => null);
  if (real === null) return null;
  if (!real.startsWith(home + sep)) return 'outside';
  const inConfigs = relative(home, real);
  const text = await readInside(home, inConfigs, maxBytes);
  if (text === null) return null;
  if (typeof text !== 'string') return 'too_large';
  if (text.includes('\0')) return 'invalid';
  const value = parseYaml(text);
  if (!isRecord(value)) return 'invalid';
  return { path: `${configs}/${inConfigs}`, text, value };
}

async function withStorage<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw asStorageFull(error, what, 'the disk of the shared folder');
  }
}
