import { chmod, lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../../model/failures.ts';
import { dnsLabelPattern } from '../../model/names.ts';
import type { VolumeFolders } from '../volumes.ts';
import { archiveFolder } from './archive.ts';
import { measureFolder } from './measure.ts';
import { removeFolder } from './remove.ts';

/** Below a folder that nobody but labkeeper may enter: containers get past it by their mount. */
const ownMode = 0o700;
/** What runs in a container may be any user there, and each of them may use the volumes it is given. */
const openMode = 0o777;

/** Volumes as plain folders: `<folder>/<name>`. `maxEntries` bounds a walk. */
export function volumeFolders(options: { folder: string; maxEntries?: number }): VolumeFolders {
  const { folder, maxEntries = 1_000_000 } = options;

  const pathOf = (name: string): string => {
    if (dnsLabelPattern.test(name)) return join(folder, name);
    throw new LabError('invalid', `${JSON.stringify(name)} cannot be the name of a volume`);
  };

  /** The folder's path, or null. Whatever else has its name is told. */
  const find = async (name: string): Promise<string | null> => {
    const path = pathOf(name);
    const found = await lstat(path).catch(nullWhenAbsent);
    if (found === null || found.isDirectory()) return found === null ? null : path;
    throw new LabError(
      'start_refused',
      `cannot use volume ${name}: ${path} is no folder. Put the folder of the volume back`,
    );
  };

  return {
    async ensure(name, { isNew, forContainers }) {
      const path = pathOf(name);
      if ((await find(name)) === null) {
        if (!isNew) throw lost(name, path);
        await make(folder, path, name);
      }
      if (forContainers) await chmod(path, openMode).catch(okWhenForeign);
      return path;
    },

    async measure(name, signal) {
      const path = await find(name);
      return path === null ? null : measureFolder(path, { maxEntries, signal });
    },

    async archive(name, signal) {
      return (await find(name)) === null ? null : archiveFolder(folder, name, signal);
    },

    async remove(name) {
      const isThere = (await find(name)) !== null;
      await removeFolder(folder, name, isThere);
    },
  };
}

function lost(name: string, path: string): LabError {
  return new LabError(
    'start_refused',
    `cannot use volume ${name}: its folder ${path} is not there any more. Put it back (its disk may not be mounted, or there is a backup), or remove the volume to begin with an empty one`,
    { details: { volume: name } },
  );
}

async function make(folder: string, path: string, name: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: ownMode });
    await chmod(folder, ownMode).catch(okWhenForeign);
    await mkdir(path, { mode: ownMode });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    throw new LabError(
      full ? 'storage_full' : 'start_refused',
      `cannot make the folder of volume ${name}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** Whoever made it for us chose its mode. */
function okWhenForeign(error: unknown): void {
  if (codeOf(error) !== 'EPERM') throw error;
}

function nullWhenAbsent(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
