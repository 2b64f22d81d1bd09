import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../../model/failures.ts';
import type { Query } from './database.ts';

/** The number is ours alone in this database: one migration at a time. */
export const migrationLockKey = 7_106_133;

/** Names of all migrations of this program, in their order. */
export async function knownMigrations(): Promise<string[]> {
  const names = await readdir(await migrationsFolder());
  return names.filter((name) => /^\d{4}-.+\.sql$/.test(name)).sort();
}

/** Those that the database has; none for an empty one. Makes the list when it is not there. */
export async function doneMigrations(query: Query): Promise<string[]> {
  await query(
    'make the list of migrations',
    'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
  );
  const rows = await query<{ name: string }>(
    'list migrations',
    'SELECT name FROM migrations ORDER BY name',
  );
  return rows.map(({ name }) => name);
}

/** One migration, in the transaction of the caller. */
export async function applyMigration(query: Query, name: string): Promise<void> {
  const sql = await readFile(join(await migrationsFolder(), name), 'utf8');
  try {
    await query(`apply migration ${name}`, sql);
    await query('note a migration', 'INSERT INTO migrations (name) VALUES ($1)', [name]);
  } catch (error) {
    throw new Error(`cannot apply migration ${name}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Throws `invalid` when a newer program has migrated it. `what` is a noun: `this database`. */
export function refuseNewer(what: string, done: readonly string[], known: readonly string[]): void {
  const unknown = done.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new LabError(
    'invalid',
    `cannot use ${what}: it is newer than the program, which does not know its migrations ${unknown.join(', ')}; update labkeeper, or restore a backup made before its update`,
    { details: { unknown } },
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
