import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { LabError } from '../../../model/failures.ts';
import { queryOn, type Query } from '../database.ts';
import { adoptForeignEvents } from '../events/adopt.ts';
import { meaningOf } from '../failures.ts';
import {
  applyMigration,
  doneMigrations,
  knownMigrations,
  migrationLockKey,
  refuseNewer,
} from '../migrations.ts';
import {
  readForeignKeys,
  readTables,
  type ForeignKey,
  type Sequence,
  type Table,
} from './catalog.ts';
import { beginSession, quoted, type BackupDatabase } from './session.ts';
import { settleRestored, type RestoreFacts } from './settle.ts';

/** A restore into an empty database under way: one transaction, so all of it or nothing. */
export interface Restoring {
  /** Rows of one table as `Snapshot.rows` gave them. Resolves with their number. */
  load(table: Table, rows: AsyncIterable<Buffer>): Promise<number>;
  /** After all tables: numbers go on, the schema becomes this program's, rows forget the old machine. */
  finish(sequences: readonly Sequence[], facts: RestoreFacts): Promise<void>;
  commit(): Promise<void>;
  /** Nothing happened. Success also after a failure. */
  abandon(): Promise<void>;
}

/**
 * Makes the schema that the backup's rows have. Throws `invalid` when its migrations are not all
 * known here, `conflict` when the database is not empty or labkeeper's processes use it.
 */
export async function beginRestoring(
  database: BackupDatabase,
  migrations: readonly string[],
): Promise<Restoring> {
  const attempt = 'restore the database';
  const translated = (error: unknown) => {
    throw meaningOf(error, attempt);
  };
  const client = await beginSession(database, 'labkeeper restore', 'BEGIN').catch(translated);
  try {
    const query = queryOn(client);
    // A process that starts meanwhile waits with its own migrations, and finds nothing to do.
    await query('wait for others', 'SELECT pg_advisory_xact_lock($1)', [migrationLockKey]);
    await refuseUsed(query);
    const known = await knownMigrations();
    refuseNewer('this backup', migrations, known);
    await doneMigrations(query);
    for (const name of known) if (migrations.includes(name)) await applyMigration(query, name);
    const tables = new Map((await readTables(query)).map((table) => [table.name, table]));
    const foreignKeys = await readForeignKeys(query);
    await openTables(query, [...tables.keys()], foreignKeys);
    return {
      load: (table, rows) => load(client, tables, table, rows),
      async finish(sequences, facts) {
        try {
          await closeTables(query, [...tables.keys()], foreignKeys);
          for (const { name, value } of sequences) {
            const sequence = quoted(name);
            await query('go on counting', 'SELECT setval($1::regclass, $2)', [sequence, value]);
          }
          for (const name of known) {
            if (!migrations.includes(name)) await applyMigration(query, name);
          }
          await adoptForeignEvents(query);
          await settleRestored(query, facts);
          await query('count rows for the planner', 'ANALYZE');
        } catch (error) {
          translated(error);
        }
      },
      async commit() {
        await client.query('COMMIT').catch(translated);
        await client.end().catch(() => undefined);
      },
      abandon: () => client.end().catch(() => undefined),
    };
  } catch (error) {
    await client.end().catch(() => undefined);
    return translated(error);
  }
}

async function refuseUsed(query: Query): Promise<void> {
  const [found] = await query<{ database: string; relations: string; others: string[] }>(
    'look whether the database is empty',
    `SELECT current_database() AS database,
       (SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
         AS relations,
       (SELECT COALESCE(array_agg(DISTINCT application_name), '{}') FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND application_name LIKE 'labkeeper%') AS others`,
  );
  if (found === undefined) throw new Error('cannot restore: the database says nothing of itself');
  const { database, relations, others } = found;
  if (others.length > 0) {
    throw new LabError(
      'conflict',
      `cannot restore into the database ${database}: it is in use by ${others.join(', ')}; stop labkeeper first`,
    );
  }
  if (Number(relations) > 0) {
    throw new LabError(
      'conflict',
      `cannot restore into the database ${database}: it is not empty; make a new one, or drop this one and create it again`,
    );
  }
}

/** Rows come in table by table, as they are: no trigger, and no look at other tables. */
async function openTables(
  query: Query,
  tables: readonly string[],
  foreignKeys: readonly ForeignKey[],
): Promise<void> {
  for (const { table, name } of foreignKeys) {
    await query('drop', `ALTER TABLE ${quoted(table)} DROP CONSTRAINT ${quoted(name)}`);
  }
  for (const table of tables) {
    await query('mute', `ALTER TABLE ${quoted(table)} DISABLE TRIGGER USER`);
  }
  // What migrations put there by themselves is in the backup too.
  await query('clear', `TRUNCATE ${tables.map(quoted).join(', ')}`);
}

async function closeTables(
  query: Query,
  tables: readonly string[],
  foreignKeys: readonly ForeignKey[],
): Promise<void> {
  for (const { table, name, definition } of foreignKeys) {
    await query(
      `check that ${name} holds`,
      `ALTER TABLE ${quoted(table)} ADD CONSTRAINT ${quoted(name)} ${definition}`,
    );
  }
  for (const table of tables) {
    await query('unmute', `ALTER TABLE ${quoted(table)} ENABLE TRIGGER USER`);
  }
}

async function load(
  client: pg.Client,
  tables: ReadonlyMap<string, Table>,
  { name, columns }: Table,
  rows: AsyncIterable<Buffer>,
): Promise<number> {
  const here = tables.get(name)?.columns ?? [];
  if ([...here].sort().join() !== [...columns].sort().join()) {
    throw new LabError(
      'invalid',
      `cannot restore the table ${name}: its columns in the backup (${columns.join(', ')}) are not those that the backup's migrations make (${here.join(', ') || 'none'})`,
    );
  }
  const list = columns.map(quoted).join(', ');
  const stream = client.query(copyFrom(`COPY ${quoted(name)} (${list}) FROM STDIN`));
  try {
    await pipeline(Readable.from(rows), stream);
  } catch (error) {
    throw meaningOf(error, `restore the rows of ${name}`);
  }
  return stream.rowCount;
}
