import pg from 'pg';
import { connectionOptions, queryOn, type Query } from './database.ts';
import { adoptForeignEvents } from './events/adopt.ts';
import { meaningOf } from './failures.ts';
import {
  applyMigration,
  doneMigrations,
  knownMigrations,
  migrationLockKey,
  refuseNewer,
} from './migrations.ts';

/**
 * Brings the database to this program's schema: numbered SQL files, each in a transaction of its
 * own, forward only, one process at a time. Idempotent. Throws `invalid` for a database that a newer program
 * has migrated; any other error means that it does not answer.
 */
export async function migrate(
  url: string,
  options: { passwordFile?: string } = {},
): Promise<{ applied: string[] }> {
  const client = new pg.Client(
    connectionOptions({ url, ...options, applicationName: 'labkeeper migrate' }),
  );
  // The failure also rejects the statement under way; without this it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1)', [migrationLockKey]);
    const applied = await applyMissing(client);
    await inTransaction(client, adoptForeignEvents);
    return { applied };
  } catch (error) {
    throw meaningOf(error, 'migrate the database');
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function applyMissing(client: pg.Client): Promise<string[]> {
  const query = queryOn(client);
  const known = await knownMigrations();
  const done = await doneMigrations(query);
  refuseNewer('this database', done, known);
  const missing = known.filter((name) => !done.includes(name));
  for (const name of missing) await inTransaction(client, (query) => applyMigration(query, name));
  return missing;
}

async function inTransaction(
  client: pg.Client,
  work: (query: Query) => Promise<void>,
): Promise<void> {
  await client.query('BEGIN');
  try {
    await work(queryOn(client));
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
