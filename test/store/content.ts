import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { queryOn } from '../../src/store/postgres/database.ts';
import {
  applyMigration,
  doneMigrations,
  knownMigrations,
} from '../../src/store/postgres/migrations.ts';
import { openTestDatabase } from '../beds/postgres.ts';
import { runSql, withClient } from './sql.ts';

const folder = join(import.meta.dirname, 'content');

/**
 * A database as this program's migrations made it one by one, each with rows of its time:
 * `content/<number>.sql` is run right after its migration. `last` ends earlier. A migration that adds a
 * table brings such a file with rows for it.
 */
export async function openFilledDatabase(
  options: { last?: string } = {},
): Promise<{ url: string; drop(): Promise<void> }> {
  const database = await openEmptyDatabase();
  const files = await readdir(folder);
  await withClient(database.url, async (client) => {
    const query = queryOn(client);
    await doneMigrations(query);
    for (const name of await knownMigrations()) {
      if (options.last !== undefined && name > options.last) break;
      await applyMigration(query, name);
      const file = `${name.slice(0, 4)}.sql`;
      if (files.includes(file)) await client.query(await readFile(join(folder, file), 'utf8'));
    }
  });
  return database;
}

/** A database without anything in it. */
export async function openEmptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const database = await openTestDatabase();
  await runSql(database.url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  return database;
}

export type Rows = Record<string, unknown>[];

/** Every row of a table as JSON, in an order of their own. */
export async function rowsOf(url: string, table: string): Promise<Rows> {
  const rows = await runSql(
    url,
    `SELECT to_jsonb(one) AS row FROM "${table}" AS one ORDER BY to_jsonb(one)::text`,
  );
  return rows.map(({ row }) => row as Record<string, unknown>);
}

/** Names of all tables, from the catalog. */
export async function tablesOf(url: string): Promise<string[]> {
  const rows = await runSql(
    url,
    `SELECT relname::text AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
  );
  return rows.map(({ name }) => String(name));
}
