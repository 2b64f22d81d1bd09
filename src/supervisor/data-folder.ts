import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LabError } from '../model/failures.ts';
import { makeKeyFile } from '../store/key-file/key-file.ts';

/** Counts layouts of the data folder. A program opens its own and older ones, never newer ones. */
export const dataVersion = 1;

/** Where everything that outlives a process lies. */
export interface DataFolder {
  path: string;
  postgres: string;
  databasePassword: string;
  temporal: string;
  internalToken: string;
  /** Seals secrets in the database: without it they are lost. */
  encryptionKey: string;
  /** Pids, ports, logs: worthless after a boot. */
  run: string;
  logs: string;
  /** True when this call made it. */
  fresh: boolean;
}

/**
 * Makes the folder, or opens one that labkeeper made. Idempotent. Throws `invalid` with the remedy
 * when it is newer than the program, belongs to something else, or cannot be written.
 */
export async function openDataFolder(given: string, hostName: string): Promise<DataFolder> {
  const path = resolve(given);
  try {
    const fresh = await checkVersion(path);
    const host = join('hosts', hostName);
    const rooms = ['temporal', join(host, 'apps'), join(host, 'jobs'), 'shared', 'volumes'];
    for (const room of [...rooms, 'documents', 'models', 'secrets', join('run', 'logs')]) {
      await mkdir(join(path, room), { recursive: true, mode: 0o700 });
    }
    const secrets = join(path, 'secrets');
    await chmod(secrets, 0o700);
    const internalToken = join(secrets, 'internal-token');
    await makeSecret(internalToken);
    const encryptionKey = join(secrets, 'encryption-key');
    await makeKeyFile(encryptionKey);
    return {
      path,
      postgres: join(path, 'postgres'),
      databasePassword: join(secrets, 'database-password'),
      temporal: join(path, 'temporal'),
      internalToken,
      encryptionKey,
      run: join(path, 'run'),
      logs: join(path, 'run', 'logs'),
      fresh,
    };
  } catch (error) {
    throw explain(error, path);
  }
}

/** The version is written first, so that an interrupted first start is known as ours again. */
async function checkVersion(path: string): Promise<boolean> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  const file = join(path, 'VERSION');
  const written = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return null;
  });
  if (written !== null) {
    const version = Number(written.trim());
    if (Number.isInteger(version) && version >= 1 && version <= dataVersion) return false;
    throw new LabError(
      'invalid',
      Number.isInteger(version) && version > dataVersion
        ? `the data folder ${path} is newer (version ${version}) than this program (version ${dataVersion}): update labkeeper, or choose another folder with --data`
        : `the file ${file} does not hold a version: put the number back that it had (this program writes ${dataVersion})`,
    );
  }
  const others = (await readdir(path)).filter(
    (name) => name !== 'lost+found' && !name.startsWith('VERSION'),
  );
  if (others.length > 0) {
    throw new LabError(
      'invalid',
      `the folder ${path} is not empty and is no data folder of labkeeper: choose an empty or a new one with --data`,
    );
  }
  await writeFile(`${file}.new`, `${dataVersion}\n`);
  await rename(`${file}.new`, file);
  return true;
}

async function makeSecret(file: string): Promise<void> {
  const there = await readFile(file, 'utf8').catch(() => '');
  if (there.trim().length >= 16) {
    await chmod(file, 0o600);
    return;
  }
  await writeFile(`${file}.new`, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

function explain(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  const why: { [code: string]: string } = {
    EACCES: 'this user may not write there: choose another folder with --data, or chown it',
    EROFS: 'its disk is read-only: choose another folder with --data',
    ENOSPC: 'its disk is full: free some space',
    ENOTDIR: 'a part of its path is a file: choose another folder with --data',
    EEXIST: 'a file has this name: choose another folder with --data',
  };
  const known = typeof code === 'string' ? why[code] : undefined;
  if (known === undefined) return error;
  return new LabError('invalid', `cannot use the data folder ${path}: ${known}`, { cause: error });
}
