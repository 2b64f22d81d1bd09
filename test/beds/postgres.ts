import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { createLog } from '../../src/log.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import type { Store } from '../../src/store/ports.ts';
import { startPostgres, stopPostgres } from '../../src/supervisor/postgres.ts';

const template = 'labkeeper_template';
const folderPrefix = 'labkeeper-test-postgres-';
const log = createLog({ process: 'test', level: 'warn' });

/**
 * A fresh database with all migrations applied, on the one server of this run. The URL holds the
 * password. Transactions open anywhere on this server hold back `events.since` everywhere: poll.
 */
export async function openTestDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const server = inject('postgres');
  if (server === null) throw new Error('no PostgreSQL in this run: guard with requirePart');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(server.url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    url: withDatabase(server.url, name),
    drop: () => onServer(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** The store on a fresh database of its own; `close` also drops that. */
export async function openTestStore(
  options: Partial<
    Pick<
      Parameters<typeof openPostgresStore>[0],
      | 'poolSize'
      | 'maxApps'
      | 'maxVolumes'
      | 'maxQueuedJobs'
      | 'maxUploads'
      | 'maxQueuedJobsPerPerson'
      | 'hostSilentMs'
      | 'volumeMaxBytes'
    >
  > = {},
): Promise<{ store: Store; url: string; close(): Promise<void> }> {
  const database = await openTestDatabase();
  const store = await openPostgresStore({
    ...{ url: database.url, poolSize: 10, applicationName: 'test', log },
    ...options,
  });
  return {
    store,
    url: database.url,
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
}

/** For the global set-up: one server for the run, and the template that databases are cloned from. */
export async function startPostgresBed(): Promise<{ url: string; stop(): Promise<void> }> {
  await removeLeftovers();
  const parent = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  await chmod(parent, 0o755);
  const folder = join(parent, 'postgres');
  const started = await startPostgres({
    folder,
    port: 0,
    passwordFile: join(parent, 'password'),
    log,
    // Nothing of a test outlives the machine's power.
    settings: { fsync: 'off', full_page_writes: 'off', max_connections: '300' },
  });
  const url = new URL(started.url);
  url.password = (await readFile(started.passwordFile, 'utf8')).trim();
  url.pathname = '/postgres';
  await onServer(url.href, `CREATE DATABASE ${template}`);
  await migrate(withDatabase(url.href, template));
  return {
    url: url.href,
    stop: async () => {
      await stopPostgres(folder);
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** Servers of runs that were killed: their folders name the run's process. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix)) continue;
    const pid = Number(name.slice(folderPrefix.length).split('-', 1)[0]);
    if (isAlive(pid)) continue;
    const parent = join(tmpdir(), name);
    try {
      await stopPostgres(join(parent, 'postgres'));
      await rm(parent, { recursive: true, force: true });
    } catch (error) {
      // A run beside this one has just removed it.
      if (existsSync(parent)) throw error;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function withDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
