import { constants } from 'node:fs';
import { open, readFile, realpath, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import type { Log } from '../log.ts';
import { LabError } from '../model/failures.ts';
import { chooseDatabaseUser, reachableFolder, type DatabaseUser } from './postgres-user.ts';
import {
  findPostgresProgram,
  runPostgresProgram,
  type PostgresProgram,
} from './postgres-program.ts';
import { makeDatabase, role, startFailure } from './postgres-cluster.ts';
import { writeSettings } from './postgres-settings.ts';
import { isRunningIn, readPostmaster, whenFolderIsQuiet } from './postgres-postmaster.ts';

const database = 'labkeeper';
const logMaxBytes = 10 * 1024 * 1024;

export interface RunningPostgres {
  /** Without the password, which is in `passwordFile`. */
  url: string;
  passwordFile: string;
  port: number;
  pid: number;
  /** It ran already: started by an earlier supervisor. */
  adopted: boolean;
}

/**
 * Makes the database in `folder` on first use and starts it, or adopts the server that runs on it,
 * whatever its port. It outlives the caller: only `stopPostgres` ends it. `port` 0 takes a free one.
 * `settings` come on top of ours, for servers of tests.
 *
 * Throws `LabError`: `conflict` when the port is taken, `storage_full`, `invalid` when the folder
 * cannot be used (other version, not reachable, password lost); each says the remedy.
 */
export async function startPostgres(options: {
  folder: string;
  port: number;
  passwordFile: string;
  log: Log;
  settings?: Readonly<Record<string, string>>;
}): Promise<RunningPostgres> {
  const { passwordFile, log } = options;
  const user = await chooseDatabaseUser(options.folder, log);
  const program = await findPostgresProgram(user, log);
  const folder = await reachableFolder(options.folder, user, log);
  await refuseOtherVersions(folder, program);
  await makeDatabase(folder, passwordFile, program, user, log);
  const password = (await readFile(passwordFile, 'utf8')).trim();

  const postmaster = await readPostmaster(folder);
  const adopted = postmaster !== null && (await isRunningIn(postmaster.pid, folder));
  if (!adopted) {
    await whenFolderIsQuiet(folder, postmaster);
    await boundPostgresLog(folder);
    await startServer({ ...options, folder, program, user });
  }
  const { pid, port } = await serverThatAnswers(folder, password);
  await ensureDatabase(port, password);
  log.info({ port, databasePid: pid, adopted }, 'PostgreSQL runs');
  const url = `postgres://${role}@127.0.0.1:${port}/${database}`;
  return { url, passwordFile, port, pid, adopted };
}

/**
 * Ends the server of `folder`: sessions are cut, everything committed is kept. Resolves when it is
 * gone; success when none runs.
 */
export async function stopPostgres(folder: string, log?: Log): Promise<void> {
  const postmaster = await readPostmaster(folder);
  if (postmaster === null || !(await isRunningIn(postmaster.pid, folder))) return;
  // The user of the database may not reach the link, only what it leads to.
  const real = await realpath(folder);
  const user = await chooseDatabaseUser(real, log);
  const program = await findPostgresProgram(user, log);
  const stop = ['stop', '-D', real, '-m', 'fast', '-w', '-t', '60', '-s'];
  const ended = await runPostgresProgram(program, 'pg_ctl', stop, user);
  if (ended.exitCode !== 0) {
    throw new Error(`cannot stop PostgreSQL in ${folder}: ${ended.output}`);
  }
  await whenFolderIsQuiet(real, postmaster);
}

/** Empties the server's log when it is over its limit; safe at any time, the server appends. */
export async function boundPostgresLog(folder: string): Promise<void> {
  const file = join(folder, 'server.log');
  if ((await sizeOf(file)) <= logMaxBytes) return;
  const handle = await open(file, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    await handle.truncate(0);
  } finally {
    await handle.close();
  }
}

async function refuseOtherVersions(folder: string, program: PostgresProgram): Promise<void> {
  const written = await readFile(join(folder, 'PG_VERSION'), 'utf8').then(
    (text) => Number(text.trim()),
    () => null,
  );
  if (written === null || written === program.major) return;
  const remedy =
    written > program.major
      ? 'the data is newer than the program: update labkeeper'
      : `dump it with PostgreSQL ${written} (pg_dumpall) and restore it into an empty folder`;
  throw new LabError(
    'invalid',
    `cannot start PostgreSQL ${program.major} on ${folder}, which PostgreSQL ${written} wrote: ${remedy}`,
  );
}

async function startServer(start: {
  folder: string;
  port: number;
  program: PostgresProgram;
  user: DatabaseUser | null;
  settings?: Readonly<Record<string, string>>;
}): Promise<void> {
  const { folder, program, user } = start;
  const port = await freePort(start.port);
  await writeSettings(folder, { ...start.settings, port: String(port) }, user);
  const serverLog = join(folder, 'server.log');
  const logFrom = await sizeOf(serverLog);
  const command = ['start', '-D', folder, '-l', serverLog, '-w', '-t', '60', '-s'];
  const started = await runPostgresProgram(program, 'pg_ctl', command, user);
  if (started.exitCode === 0) return;
  const said = await readFile(serverLog).then(
    (bytes) => bytes.subarray(logFrom).subarray(-4000).toString('utf8').trim(),
    () => '',
  );
  throw startFailure(`start PostgreSQL in ${folder}`, `${started.output}\n${said}`.trim());
}

/** The wanted port, proven free, or a free one for 0. */
async function freePort(wanted: number): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', (cause) => {
      reject(
        new LabError(
          'conflict',
          `cannot start PostgreSQL on 127.0.0.1:${wanted}: another program uses that port; choose another`,
          { cause, details: { port: wanted } },
        ),
      );
    });
    probe.listen({ host: '127.0.0.1', port: wanted, exclusive: true }, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Waits until the server of this folder (and no other) answers. */
async function serverThatAnswers(
  folder: string,
  password: string,
): Promise<{ pid: number; port: number }> {
  const endsAtMs = performance.now() + 60_000;
  let why: unknown = 'it wrote no postmaster.pid';
  while (performance.now() < endsAtMs) {
    const postmaster = await readPostmaster(folder);
    if (postmaster !== null) {
      try {
        const { pid, port } = postmaster;
        const [row] = await asOwner(port, password, 'postgres', 'SHOW data_directory');
        if (row?.['data_directory'] === folder) return { pid, port };
        why = `the server on port ${port} belongs to another folder`;
      } catch (error) {
        why = error;
        if (error instanceof pg.DatabaseError && error.code === '28P01') {
          throw new LabError(
            'invalid',
            `PostgreSQL in ${folder} refuses the password in its password file; put the right file back from a backup of the data folder`,
            { cause: error },
          );
        }
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`PostgreSQL in ${folder} did not answer within 60 s: ${String(why)}`);
}

async function ensureDatabase(port: number, password: string): Promise<void> {
  const find = `SELECT 1 FROM pg_database WHERE datname = '${database}'`;
  const found = await asOwner(port, password, 'postgres', find);
  if (found.length > 0) return;
  await asOwner(port, password, 'postgres', `CREATE DATABASE ${database}`);
}

async function asOwner(
  port: number,
  password: string,
  name: string,
  sql: string,
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    ...{ host: '127.0.0.1', port, user: role, password, database: name },
    ...{ connectionTimeoutMillis: 3000, application_name: 'labkeeper supervisor' },
  });
  // A connection that breaks also rejects the query; without this it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  );
}
