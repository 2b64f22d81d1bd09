import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { LabError } from '../../model/failures.ts';
import { connectionOptions } from './database.ts';
import { meaningOf } from './failures.ts';

/** The number is ours alone in this database: one migration at a time. */
const lockKey = 7_106_133;

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
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    const applied = await applyMissing(client);
    await adoptRestoredEvents(client);
    return { applied };
  } catch (error) {
    throw meaningOf(error, 'migrate the database');
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function applyMissing(client: pg.Client): Promise<string[]> {
  const folder = await migrationsFolder();
  const known = (await readdir(folder)).filter((name) => /^\d{4}-.+\.sql$/.test(name)).sort();
  await client.query(
    'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
  );
  const { rows } = await client.query<{ name: string }>(
    'SELECT name FROM migrations ORDER BY name',
  );
  const done = new Set(rows.map((row) => row.name));
  refuseNewerDatabase([...done], known);
  const missing = known.filter((name) => !done.has(name));
  for (const name of missing) {
    const sql = await readFile(join(folder, name), 'utf8');
    await client.query('BEGIN');
    try {
      await client.query(sql);
      await client.query('INSERT INTO migrations (name) VALUES ($1)', [name]);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw new Error(`cannot apply migration ${name}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
  return missing;
}

function refuseNewerDatabase(done: readonly string[], known: readonly string[]): void {
  const unknown = done.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new LabError(
    'invalid',
    `cannot use this database: it is newer than the program, which does not know its migrations ${unknown.join(', ')}; update labkeeper, or restore the backup made before its update`,
    { details: { unknown } },
  );
}

/**
 * A dump restored into another server brings transaction numbers that are ahead of its own; such
 * events would stay invisible to readers. They become older than all that comes.
 */
async function adoptRestoredEvents(client: pg.Client): Promise<void> {
  await client.query(
    "UPDATE events SET tx = '1' WHERE tx >= pg_snapshot_xmax(pg_current_snapshot())",
  );
}

/** Beside the source, or copied beside the built program as `migrations/`. */
async function migrationsFolder(): Promise<string> {
  const candidates = ['./migrations/', '../migrations/', '../../migrations/'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  for (const candidate of candidates) {
    const isHere = await access(join(candidate, '0001-foundation.sql')).then(
      () => true,
      () => false,
    );
    if (isHere) return candidate;
  }
  throw new Error(`cannot find the migrations of the database in ${candidates.join(' or ')}`);
}
