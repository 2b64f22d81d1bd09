import { constants } from 'node:fs';
import { chmod, mkdir, open, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { jobIdPattern } from '../../model/job-ids.ts';
import { LabError } from '../../model/failures.ts';
import { parseLooseJson } from '../../model/loose-json.ts';
import type { Collected, JobFolders, JobPaths } from '../job-folders.ts';

const maxProgressBytes = 256 * 1024;
/** A file that is being written is looked at again, so often and so soon. */
const looks = 3;
const betweenLooksMs = 60;

/** Job folders below one folder of this host. */
export function jobFolders({ folder }: { folder: string }): JobFolders {
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
        await mkdir(paths.output, { recursive: true });
        // Programs in containers run as whoever their image says.
        await chmod(paths.output, 0o777);
        const draft = `${paths.config}.tmp`;
        await writeFile(draft, JSON.stringify(config ?? {}, null, 2), { mode: 0o644 });
        await rename(draft, paths.config);
        for (const name of ['progress.json', 'result.json']) {
          await rm(join(paths.output, name), { recursive: true, force: true });
        }
        return paths;
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
      return { progress, result: await readResult(paths, maxResultBytes) };
    },

    async remove(id) {
      await rm(pathsOf(id).root, { recursive: true, force: true });
    },
  };
}

const pathsBelow = (root: string): JobPaths => ({
  root,
  config: join(root, 'config.json'),
  inputs: join(root, 'inputs'),
  output: join(root, 'output'),
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

async function readResult(paths: JobPaths, maxBytes: number): Promise<Collected['result']> {
  for (let look = 1; ; look += 1) {
    const text = await readInside(paths, 'result.json', maxBytes);
    if (text === null) return null;
    if (typeof text !== 'string') {
      return { problem: `result.json has ${text.bytes} bytes, and ${maxBytes} are read at most` };
    }
    const value = parseLooseJson(text);
    if (value !== undefined) return { value };
    if (look >= looks) return { problem: 'result.json is not valid JSON' };
    await new Promise((done) => setTimeout(done, betweenLooksMs));
  }
}

/** Its text; its size when it is too large; null when there is none that lies in the folder. */
async function readInside(
  paths: JobPaths,
  name: string,
  maxBytes: number,
): Promise<string | { bytes: number } | null> {
  let file;
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    file = await open(join(paths.output, name), flags);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
  try {
    // Where it really lies: a program may have put a link in the place of a folder.
    const [real, root] = [await readlink(`/proc/self/fd/${file.fd}`), await realRoot(paths.root)];
    const stat = await file.stat();
    if (root === null || !real.startsWith(root + sep) || !stat.isFile()) return null;
    if (stat.size > maxBytes) return { bytes: stat.size };
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function realRoot(root: string): Promise<string | null> {
  const handle = await open(root, constants.O_RDONLY | constants.O_DIRECTORY).catch(() => null);
  if (handle === null) return null;
  try {
    return await readlink(`/proc/self/fd/${handle.fd}`);
  } finally {
    await handle.close();
  }
}

const absent: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO'];

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && absent.includes(String(error.code));
}

async function withStorage<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new LabError(
      'storage_full',
      `cannot ${what}: the disk of the data folder is full. Free space there, then try again`,
      { cause: error },
    );
  }
}
