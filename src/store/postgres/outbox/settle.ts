import type { EntityName } from '../../../model/names.ts';
import type { Outbox } from '../../ports.ts';
import type { Database } from '../database.ts';

export async function entryDelivered(database: Database, id: string): Promise<void> {
  await database.query(`settle outbox entry ${id}`, 'DELETE FROM outbox WHERE id = $1', [id]);
}

export async function dropEntries(database: Database, entity: EntityName): Promise<void> {
  await database.query(`drop outbox entries of ${entity}`, 'DELETE FROM outbox WHERE entity = $1', [
    entity,
  ]);
}

/** 1 s, 2 s, 4 s … a minute. */
export async function entryPostponed(database: Database, id: string, error: string): Promise<void> {
  await database.query(
    `postpone outbox entry ${id}`,
    `UPDATE outbox SET attempts = attempts + 1, last_error = left($2, 1000),
       due_at = now() + least(60, power(2, least(attempts, 6))) * interval '1 s'
     WHERE id = $1`,
    [id, error],
  );
}

export async function outboxBacklog(database: Database): ReturnType<Outbox['backlog']> {
  const [row] = await database.query<{ entries: number; oldest_ms: number }>(
    'measure the outbox',
    `SELECT count(*)::integer AS entries, COALESCE(greatest(0,
       round(extract(epoch FROM now() - min(created_at)) * 1000)), 0)::float8 AS oldest_ms
     FROM outbox`,
  );
  return { entries: row?.entries ?? 0, oldestAgeMs: row?.oldest_ms ?? 0 };
}
