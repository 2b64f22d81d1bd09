import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LabError } from '../model/failures.ts';
import { makeKeyFile } from '../store/key-file/key-file.ts';

/** Counts layouts of the data folder. A program opens its own and older ones, never newer ones. */
export const dataVersion = 1;

/** Lies in a folder that a restore has begun to fill, until it is whole. */
export const restoreMarker = 'RESTORING';

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
    await makeKeyFile(join(secrets, 'encryption-key'));
    return dataFolderAt(path, fresh);
  } catch (error) {
    throw explain(error, path);
  }
}

/** Where things lie below `path`; makes nothing. */
export function dataFolderAt(path: string, fresh = false): DataFolder {
  return {
    path,
    postgres: join(path, 'postgres'),
    databasePassword: join(path, 'secrets', 'database-password'),
    temporal: join(path, 'temporal'),
    internalToken: join(path, 'secrets', 'internal-token'),
    encryptionKey: join(path, 'secrets', 'encryption-key'),
    run: join(path, 'run'),
    logs: join(path, 'run', 'logs'),
    fresh,
  };
}

/**
 * What lies at `path`: nothing, a data folder that this program can open, a restore that did not
 * come to its end, or something else. Changes nothing. Throws `invalid` for a newer data folder.
 */
export async function lookAtDataFolder(
  path: string,
): Promise<'nothing' | 'data folder' | 'unfinished restore' | 'something else'> {
  const names: string[] = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw explain(error, path);
    return [];
  });
  if (names.includes('VERSION')) {
    await readVersion(path);
    return 'data folder';
  }
  if (names.includes(restoreMarker)) return 'unfinished restore';
  return names.every((name) => name === 'lost+found') ? 'nothing' : 'something else';
}

/** The last act of a restore: from here on the folder is a data folder. */
export async function sealDataFolder(path: string): Promise<void> {
  await writeVersion(path);
  await rm(join(path, restoreMarker), { force: true });
}

/** The version is written first, so that an interrupted first start is known as ours again. */
async function checkVersion(path: string): Promise<boolean> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  if ((await readVersion(path)) !== null) {
    // A restore that was cut off at its very last act.
    await rm(join(path, restoreMarker), { force: true });
    return false;
  }
  const others = (await readdir(path)).filter(
    (name) => name !== 'lost+found' && !name.startsWith('VERSION'),
  );
  if (others.includes(restoreMarker)) {
    throw new LabError(
      'invalid',
      `the folder ${path} holds a restore that did not come to its end: repeat \`labkeeper restore\`, which clears it first, or empty it by hand`,
    );
  }
  if (others.length > 0) {
    throw new LabError(
      'invalid',
      `the folder ${path} is not empty and is no data folder of labkeeper: choose an empty or a new one with --data`,
    );
  }
  await writeVersion(path);
  return true;
}

/** Null when there is none. Throws `invalid` for a newer one and for what is no version. */
async function readVersion(path: string): Promise<number | null> {
  const file = join(path, 'VERSION');
  const written = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return null;
  });
  if (written === null) return null;
  const version = Number(written.trim());
  if (Number.isInteger(version) && version >= 1 && version <= dataVersion) return version;
  throw new LabError(
    'invalid',
    Number.isInteger(version) && version > dataVersion
      ? `the data folder ${path} is newer (version ${version}) than this program (version ${dataVersion}): update labkeeper, or choose another folder with --data`
      : `the file ${file} does not hold a version: put the number back that it had (this program writes ${dataVersion})`,
  );
}

async function writeVersion(path: string): Promise<void> {
  const file = join(path, 'VERSION');
  await writeFile(`${file}.new`, `${dataVersion}\n`);
  await rename(`${file}.new`, file);
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
