import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Log } from '../log.ts';
import { LabError } from '../model/failures.ts';
import { runPostgresProgram, type PostgresProgram } from './postgres-program.ts';
import { settingsFile } from './postgres-settings.ts';
import type { DatabaseUser } from './postgres-user.ts';

/** Owner of the database, and its only role. */
export const role = 'labkeeper';

/**
 * Success when it is there. Made beside and renamed over the empty folder, so that an interruption
 * leaves no half database.
 */
export async function makeDatabase(
  folder: string,
  passwordFile: string,
  program: PostgresProgram,
  user: DatabaseUser | null,
  log: Log,
): Promise<void> {
  if (await exists(join(folder, 'PG_VERSION'))) {
    if (await exists(passwordFile)) return;
    throw new LabError(
      'invalid',
      `cannot open the database in ${folder}: its password file ${passwordFile} is missing; put it back from a backup of the data folder`,
    );
  }
  if ((await readdir(folder)).length > 0) {
    throw new LabError(
      'invalid',
      `cannot make a database in ${folder}: the folder holds something else; move that away, or set LABKEEPER_DATA to another folder`,
    );
  }
  await ensurePassword(passwordFile);
  log.info({ folder }, 'making the database');
  const fresh = `${folder}.new`;
  const freshPassword = `${fresh}.password`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  try {
    await rm(freshPassword, { force: true });
    await writeFile(freshPassword, await readFile(passwordFile), { mode: 0o600, flag: 'wx' });
    if (user !== null) {
      await chown(fresh, user.uid, user.gid);
      await chown(freshPassword, user.uid, user.gid);
    }
    const made = await runPostgresProgram(
      program,
      'initdb',
      [
        ...['-D', fresh, '-U', role, `--pwfile=${freshPassword}`, '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
        ...['--locale=C', '--no-instructions'],
      ],
      user,
    );
    if (made.exitCode !== 0) throw startFailure(`make a database in ${folder}`, made.output);
    await writeFile(join(fresh, 'postgresql.conf'), `\ninclude_if_exists '${settingsFile}'\n`, {
      flag: 'a',
    });
    await rename(fresh, folder);
  } finally {
    await rm(freshPassword, { force: true });
  }
}

async function ensurePassword(passwordFile: string): Promise<void> {
  if (await exists(passwordFile)) {
    await chmod(passwordFile, 0o600);
    return;
  }
  await mkdir(dirname(passwordFile), { recursive: true, mode: 0o700 });
  const fresh = `${passwordFile}.new`;
  await writeFile(fresh, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  await rename(fresh, passwordFile);
}

/** What PostgreSQL's own words mean for whoever started it. */
export function startFailure(attempt: string, output: string): LabError {
  if (/No space left on device|disk quota exceeded/i.test(output)) {
    return new LabError('storage_full', `cannot ${attempt}: the disk is full; free some space`);
  }
  if (/Address already in use/.test(output)) {
    return new LabError('conflict', `cannot ${attempt}: its port is in use; choose another`);
  }
  return new LabError('invalid', `cannot ${attempt}: ${output}`);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
