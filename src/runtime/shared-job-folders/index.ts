import { readResult } from '../job-folders/read-result.ts';
import { asStorageFull } from '../../model/storage-full.ts';
import { isRecord } from '../../model/is-record.ts';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { jobIdPattern } from '../../model/job-ids.ts';
import { LabError } from '../../model/failures.ts';
import { parseLooseJson } from '../../model/loose-json.ts';
import {
  folderInside,
  makeInside,
  openInside,
  readInside,
  within,
  writeInside,
} from '../../open-inside.ts';
import type { JobPaths } from '../job-folders.ts';
import type { SharedJobFolders } from '../shared-job-folders.ts';

const maxProgressBytes = 256 * 1024;

/** The shared folder as this host has it. */
export function sharedJobFolders(options: {
  /** Where this host finds the shared folder. */
  root: string;
  /** Where containers find it. */
  inContainer: string;
  /** The configuration that a job was submitted with. */
  configOf: (id: string) => Promise<string | null>;
}): SharedJobFolders {
  const { root, configOf } = options;

  return {
    inContainer: (id) => pathsBelow(options.inContainer, id),

    async prepare(id) {
      const paths = pathsBelow(root, id);
      const config = await configOf(id);
      return withStorage(`prepare the shared folder of job/${id}`, async () => {
        for (const name of ['logs', 'progress', 'results']) {
          await (await makeInside(root, `jobs/${id}/${name}`)).close();
        }
        if (config !== null) {
          await writeInside(root, `jobs/${id}/config.resolved.yaml`, config);
        }
        // What the attempt before has left is not this one's.
        for (const [folder, name] of [
          ['progress', 'progress.json'],
          ['results', 'result.json'],
        ] as const) {
          const open = await folderInside(root, `jobs/${id}/${folder}`);
          if (open === null) continue;
          await rm(within(open, name), { recursive: true, force: true });
          await open.close();
        }
        return paths;
      });
    },

    async readProgress(id) {
      const text = await readInside(root, `${place(id)}/progress/progress.json`, maxProgressBytes);
      if (typeof text !== 'string') return null;
      const value = parseLooseJson(text);
      return isRecord(value) ? value : null;
    },

    async collect(id, maxResultBytes) {
      const progress = await this.readProgress(id);
      const read = () => readInside(root, `${place(id)}/results/result.json`, maxResultBytes);
      return { progress, result: await readResult(read, maxResultBytes) };
    },

    async keepLog(id, pieces) {
      let file = null;
      try {
        for await (const piece of pieces) {
          if (piece.length === 0) continue;
          if (file === null) {
            await (await makeInside(root, `${place(id)}/logs`)).close();
            file = await openInside(root, `${place(id)}/logs/${id}.log`, 'append');
          }
          if (file === null) return;
          await file.appendFile(piece);
        }
      } finally {
        await file?.close();
      }
    },

    async remove(id) {
      const folder = await folderInside(root, 'jobs');
      if (folder === null) return;
      try {
        await rm(within(folder, place(id).slice('jobs/'.length)), { recursive: true, force: true });
      } finally {
        await folder.close();
      }
    },
  };
}

function place(id: string): string {
  if (!jobIdPattern.test(id)) throw new LabError('invalid', `${id} cannot be the id of a job`);
  return `jobs/${id}`;
}

function pathsBelow(root: string, id: string): JobPaths {
  const own = join(root, place(id));
  return {
    root,
    config: join(own, 'config.resolved.yaml'),
    inputs: root,
    output: own,
  };
}

async function withStorage<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw asStorageFull(error, what, 'its disk');
  }
}
