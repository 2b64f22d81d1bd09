import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { queryOn, type Query } from '../database.ts';
import { meaningOf } from '../failures.ts';
import { knownMigrations, refuseNewer } from '../migrations.ts';
import { readSequences, readTables, type Sequence, type Table } from './catalog.ts';
import { beginSession, quoted, type BackupDatabase } from './session.ts';

/** All rows as they were at one moment, however long reading them takes. */
export interface Snapshot {
  installation: string;
  /** The moment, by the database's clock: ISO 8601 in UTC. */
  takenAt: string;
  /** Of PostgreSQL, for people. */
  serverVersion: string;
  migrations: string[];
  tables: Table[];
  /** Rows in PostgreSQL's COPY text format, in pieces; only as fast as they are read. */
  rows(table: Table): AsyncIterable<Buffer>;
  /** How many rows `rows` gave of a table. */
  counts: Readonly<Record<string, number>>;
  sequences(): Promise<Sequence[]>;
  /** Success also when it is closed already, or broken. */
  close(): Promise<void>;
}

/**
 * Opens one read-only transaction that sees one moment. It holds nobody up: readers and writers go
 * on, and so do streams of events, since it never gets a transaction number. A migration waits for
 * its end. Throws `invalid` when a newer program migrated the database: this one would not know
 * what of it matters.
 */
export async function openSnapshot(database: BackupDatabase): Promise<Snapshot> {
  const attempt = 'back up the database';
  const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
  let client: pg.Client | null = null;
  try {
    client = await beginSession(database, 'labkeeper backup', begin);
    return await describe(client);
  } catch (error) {
    await client?.end().catch(() => undefined);
    throw meaningOf(error, attempt);
  }
}

async function describe(client: pg.Client): Promise<Snapshot> {
  const query = queryOn(client);
  const migrations = (
    await query<{ name: string }>('list migrations', 'SELECT name FROM migrations ORDER BY name')
  ).map(({ name }) => name);
  refuseNewer('this database', migrations, await knownMigrations());
  const facts = await readFacts(query);
  const tables = await readTables(query);
  const counts: Record<string, number> = {};
  return {
    ...facts,
    migrations,
    tables,
    counts,
    async *rows({ name, columns }) {
      const list = columns.map(quoted).join(', ');
      const stream = client.query(copyTo(`COPY ${quoted(name)} (${list}) TO STDOUT`));
      try {
        for await (const piece of stream) yield piece as Buffer;
      } catch (error) {
        throw meaningOf(error, `read the rows of ${name}`);
      }
      counts[name] = stream.rowCount;
    },
    sequences: () => readSequences(query),
    close: () => client.end().catch(() => undefined),
  };
}

async function readFacts(
  query: Query,
): Promise<{ installation: string; takenAt: string; serverVersion: string }> {
  const [row] = await query<{ id: string; at: Date; version: string }>(
    'read which installation this is',
    `SELECT id, transaction_timestamp() AS at, current_setting('server_version') AS version
     FROM installation`,
  );
  if (row === undefined) throw new Error('cannot back up: the database names no installation');
  return { installation: row.id, takenAt: row.at.toISOString(), serverVersion: row.version };
}
