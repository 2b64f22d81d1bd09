import { readResult } from './read-result.ts';
import { asStorageFull } from '../../model/storage-full.ts';
import { isRecord } from '../../model/is-record.ts';
import { chmod, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jobIdPattern } from '../../model/job-ids.ts';
import { LabError } from '../../model/failures.ts';
import { parseLooseJson } from '../../model/loose-json.ts';
import { archiveFolder } from '../volume-folders/archive.ts';
import { removeFolder } from '../volume-folders/remove.ts';
import { measureFolder } from '../volume-folders/measure.ts';
import type { JobFolders, JobPaths } from '../job-folders.ts';
import { asArtifact, listBelow, openBelow } from './output-files.ts';

const maxProgressBytes = 256 * 1024;

/** In each folder: whose it is. */
const markFile = '.installation';
/** What a job says of itself is shown as such, and is no artifact. */
const saidFiles: ReadonlySet<string> = new Set(['progress.json', 'result.json']);

/** Job folders below one folder of this host. `maxEntries` bounds what a walk over one looks at. */
export function jobFolders(options: {
  folder: string;
  /** Marks the folders that are ours to list: rows of another database know nothing of them. */
  installation: string;
  maxEntries?: number;
}): JobFolders {
  const { folder, installation, maxEntries = 100_000 } = options;
  const pathsOf = (id: string): JobPaths => {
    if (!jobIdPattern.test(id)) throw new LabError('invalid', `${id} cannot be the id of a job`);
    return pathsBelow(join(folder, id));
  };

  return {
    inContainer: pathsBelow('/labkeeper/job'),

    async prepare(id, { config }) {
      const paths = pathsOf(id);
      return withStorage(`prepare the folder of job/${id}`, async () => {
        await mkdir(paths.inputs, { recursive: true, mode: 0o755 });
        await writeFile(join(paths.root, markFile), installation, { mode: 0o644 });
        await mkdir(paths.output, { recursive: true });
        // Programs in containers run as whoever their image says.
        await chmod(paths.output, 0o777);
        const draft = `${paths.config}.tmp`;
        await writeFile(draft, JSON.stringify(config ?? {}, null, 2), { mode: 0o644 });
        await rename(draft, paths.config);
        for (const name of saidFiles) {
          await rm(join(paths.output, name), { recursive: true, force: true });
        }
        return paths;
      });
    },

    async putInput(id, { name, sizeBytes }, content) {
      const path = join(pathsOf(id).inputs, name);
      const there = await lstat(path).catch(() => null);
      if (there?.isFile() && there.size === sizeBytes) return;
      await withStorage(`write input ${name} of job/${id}`, async () => {
        const draft = join(pathsOf(id).root, 'input.tmp');
        await writeFile(draft, content, { mode: 0o644 });
        await rename(draft, path);
      });
    },

    async readProgress(id) {
      const paths = pathsOf(id);
      const text = await readInside(paths, 'progress.json', maxProgressBytes);
      if (text === null || typeof text !== 'string') return null;
      const value = parseLooseJson(text);
      return isRecord(value) ? value : null;
    },

    async collect(id, maxResultBytes) {
      const paths = pathsOf(id);
      const progress = await this.readProgress(id);
      const read = () => readInside(paths, 'result.json', maxResultBytes);
      return { progress, result: await readResult(read, maxResultBytes) };
    },

    async listArtifacts(id, page) {
      return listBelow(pathsOf(id).root, ['output'], { ...page, maxEntries, skip: saidFiles });
    },

    async openArtifact(id, path) {
      const names = path.split('/');
      const isPath = names.every((name) => name !== '' && name !== '.' && name !== '..');
      if (!isPath || path.includes('\0')) return null;
      const file = await openBelow(pathsOf(id).root, ['output', ...names]);
      return file === null ? null : asArtifact(file);
    },

    async archiveOutput(id, signal) {
      const { root, output } = pathsOf(id);
      const isThere = await isFolder(output);
      return isThere ? archiveFolder(root, 'output', signal, `what job/${id} left`) : null;
    },

    async measureOutput(id, signal) {
      const { output } = pathsOf(id);
      if (!(await isFolder(output))) return 0;
      return (await measureFolder(output, { maxEntries, signal })).sizeBytes;
    },

    async list() {
      const names = await readdir(folder).catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
        throw error;
      });
      const ours: string[] = [];
      for (const id of names) {
        if (!jobIdPattern.test(id)) continue;
        const mark = await openBelow(join(folder, id), [markFile]);
        if (mark === null) continue;
        try {
          if ((await mark.readFile('utf8')) === installation) ours.push(id);
        } finally {
          await mark.close();
        }
      }
      return ours;
    },

    async remove(id) {
      await removeFolder(folder, id, await isFolder(pathsOf(id).root));
    },
  };
}

const pathsBelow = (root: string): JobPaths => ({
  root,
  config: join(root, 'config.json'),
  inputs: join(root, 'inputs'),
  output: join(root, 'output'),
});

/** Its text; its size when it is too large; null when there is none that lies in the folder. */
async function readInside(
  paths: JobPaths,
  name: string,
  maxBytes: number,
): Promise<string | { bytes: number } | null> {
  const file = await openBelow(paths.root, ['output', name]);
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    if (size > maxBytes) return { bytes: size };
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

async function withStorage<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw asStorageFull(error, what, 'the disk of the data folder');
  }
}
