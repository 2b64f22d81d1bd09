import type { Database } from '../database.ts';

/**
 * A batch from the beginning, in the order in which events came: the oldest are looked at, and those
 * that are old enough go. Two sweepers at once take different ones.
 */
export async function forgetEvents(
  database: Database,
  olderThanMs: number,
  limit: number,
): Promise<number> {
  const rows = await database.query(
    'forget old events',
    `DELETE FROM events WHERE id IN (
       SELECT id FROM (
         SELECT id, at FROM events ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
       ) AS oldest WHERE at < now() - $1::float8 * interval '1 ms')
     RETURNING id`,
    [olderThanMs, limit],
  );
  return rows.length;
}

/** Never one that is not over. Its id may be used again afterwards, as for a new command. */
export async function forgetOperations(
  database: Database,
  olderThanMs: number,
  limit: number,
): Promise<number> {
  const rows = await database.query(
    'forget old operations',
    `DELETE FROM operations WHERE id IN (
       SELECT id FROM operations
       WHERE finished_at < now() - $1::float8 * interval '1 ms' AND state <> 'accepted'
       ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING id`,
    [olderThanMs, limit],
  );
  return rows.length;
}
