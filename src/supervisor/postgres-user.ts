import { execFile, spawnSync } from 'node:child_process';
import {
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rmdir,
  stat,
  symlink,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Log } from '../log.ts';
import { LabError } from '../model/failures.ts';

const run = promisify(execFile);

/** Where things of labkeeper lie that root must share with an unprivileged user. */
export const systemFolder = '/var/lib/labkeeper';

export interface DatabaseUser {
  name: string;
  uid: number;
  gid: number;
}

/**
 * PostgreSQL refuses to run as root. Null means: as we are. Under root: whoever owns the data
 * already, else a user `labkeeper` or `postgres` that exists, else a new system user `labkeeper`;
 * so the system is changed only when it must be.
 */
export async function chooseDatabaseUser(folder: string, log?: Log): Promise<DatabaseUser | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(join(folder, 'PG_VERSION')).then(
    (found) => found.uid,
    () => 0,
  );
  const candidates = owner === 0 ? ['labkeeper', 'postgres'] : [String(owner)];
  for (const candidate of candidates) {
    const user = await findUser(candidate);
    if (user !== null && user.uid !== 0) return user;
  }
  if (owner !== 0) {
    throw new LabError(
      'invalid',
      `cannot run PostgreSQL: its data in ${folder} belongs to user number ${owner}, which this machine does not know; chown it to root and start again`,
    );
  }
  return createUser(log);
}

/**
 * The real path of `folder` (made if it is not there), which `user` can reach. A new folder below a
 * closed one, such as a clone in /root, becomes a link to a folder under `systemFolder`.
 */
export async function reachableFolder(
  folder: string,
  user: DatabaseUser | null,
  log: Log,
): Promise<string> {
  const path = resolve(folder);
  const isNew = !(await isThere(path));
  await mkdir(dirname(path), { recursive: true });
  if (isNew) await mkdir(path, { mode: 0o700 });
  const real = await realpath(path);
  if (user === null) return real;
  const isEmpty = (await readdir(real)).length === 0;
  if (isEmpty) await chown(real, user.uid, user.gid);
  if (canEnter(real, user)) return real;
  if (!isEmpty) throw unreachable(real, user);
  const elsewhere = await folderElsewhere(user);
  await rmdir(path);
  await symlink(elsewhere, path);
  log.info({ folder: path, elsewhere, user: user.name }, 'database lies outside a closed folder');
  return elsewhere;
}

async function folderElsewhere(user: DatabaseUser): Promise<string> {
  try {
    await mkdir(systemFolder, { recursive: true, mode: 0o755 });
    const parent = await mkdtemp(join(systemFolder, 'database-'));
    const folder = join(parent, 'postgres');
    await mkdir(folder, { mode: 0o700 });
    await chown(parent, user.uid, user.gid);
    await chown(folder, user.uid, user.gid);
    if (canEnter(folder, user)) return folder;
    throw unreachable(folder, user);
  } catch (cause) {
    if (cause instanceof LabError) throw cause;
    throw new LabError('invalid', `cannot make a folder for the database in ${systemFolder}`, {
      cause,
    });
  }
}

function unreachable(folder: string, user: DatabaseUser): LabError {
  return new LabError(
    'invalid',
    `cannot run PostgreSQL in ${folder}: it must not run as root, and user ${user.name} cannot reach that folder; ` +
      'set LABKEEPER_DATA to a folder outside of closed ones (say /srv/labkeeper), or open the way: chmod o+x on each parent folder',
  );
}

/** Asks the system itself, which knows modes, lists and mounts. */
export function canEnter(folder: string, user: DatabaseUser): boolean {
  const { uid, gid } = user;
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { uid, gid, cwd: '/' }).status === 0;
}

async function findUser(nameOrNumber: string): Promise<DatabaseUser | null> {
  const ask = async (what: string) => (await run('id', [what, nameOrNumber])).stdout.trim();
  try {
    return { name: await ask('-un'), uid: Number(await ask('-u')), gid: Number(await ask('-g')) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    return null;
  }
}

async function createUser(log: Log | undefined): Promise<DatabaseUser> {
  const attempts: [string, string[]][] = [
    ['useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', 'labkeeper']],
    ['adduser', ['-S', '-D', '-H', '-s', '/sbin/nologin', 'labkeeper']],
  ];
  const failures: string[] = [];
  for (const [command, args] of attempts) {
    try {
      await run(command, args);
    } catch (error) {
      failures.push(`${command}: ${(error as Error).message.trim()}`);
    }
    const user = await findUser('labkeeper');
    if (user === null) continue;
    log?.info({ user: user.name, uid: user.uid }, 'made a system user for the database');
    return user;
  }
  throw new LabError(
    'invalid',
    `cannot run PostgreSQL: it must not run as root, and no user could be made for it (${failures.join('; ')}); make one named labkeeper, or start labkeeper as an ordinary user`,
  );
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
