import { setTimeout as pause } from 'node:timers/promises';
import type { EntityName } from '../../../model/names.ts';
import type { OutboxEntry } from '../../ports.ts';
import type { Database } from '../database.ts';
import { outboxColumns, toEntry, type OutboxRow } from './row.ts';

/** Whoever claims and dies holds an entry up for this long. */
const holdMs = 15_000;
const waitForEarlierMs = 1000;
const lookEveryMs = 20;

/**
 * Commands of one entity are delivered in the order they were accepted, so an entry behind another
 * one waits a moment for it; then it is left to the sweeper (null).
 */
export async function claimEntry(
  database: Database,
  operationId: string,
): Promise<OutboxEntry | null> {
  const endsAtMs = performance.now() + waitForEarlierMs;
  for (;;) {
    const [row] = await database.query<OutboxRow>(
      `claim the outbox entry of operation ${operationId}`,
      `UPDATE outbox SET due_at = now() + $2::float8 * interval '1 ms'
       WHERE operation_id = $1 AND due_at <= now() AND ${isFirstOfItsEntity}
       RETURNING ${outboxColumns}`,
      [operationId, holdMs],
    );
    if (row !== undefined) return toEntry(row);
    const isFree = await isUnclaimed(database, operationId);
    if (!isFree || performance.now() >= endsAtMs) return null;
    await pause(lookEveryMs);
  }
}

export async function claimNextEntry(
  database: Database,
  entity: EntityName,
): Promise<OutboxEntry | null> {
  const [row] = await database.query<OutboxRow>(
    `claim the next outbox entry of ${entity}`,
    `UPDATE outbox SET due_at = now() + $2::float8 * interval '1 ms'
     WHERE entity = $1 AND due_at <= now() AND ${isFirstOfItsEntity}
     RETURNING ${outboxColumns}`,
    [entity, holdMs],
  );
  return row === undefined ? null : toEntry(row);
}

/** SKIP LOCKED: what another sweeper is claiming right now is that one's. */
export async function claimDueEntries(
  database: Database,
  limit: number,
  holdForMs: number,
): Promise<OutboxEntry[]> {
  const rows = await database.query<OutboxRow>(
    'claim due outbox entries',
    `WITH due AS MATERIALIZED (
       SELECT id FROM outbox WHERE due_at <= now() AND ${isFirstOfItsEntity}
       ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
     )
     UPDATE outbox SET due_at = now() + $2::float8 * interval '1 ms'
     FROM due WHERE outbox.id = due.id
     RETURNING ${outboxColumns}`,
    [limit, holdForMs],
  );
  return rows.map(toEntry).sort((left, right) => Number(left.id) - Number(right.id));
}

const isFirstOfItsEntity = `NOT EXISTS (
  SELECT FROM outbox AS earlier WHERE earlier.entity = outbox.entity AND earlier.id < outbox.id)`;

/** Then another one stands before it, or did a moment ago. */
async function isUnclaimed(database: Database, operationId: string): Promise<boolean> {
  const rows = await database.query(
    `look for the outbox entry of operation ${operationId}`,
    'SELECT FROM outbox WHERE operation_id = $1 AND due_at <= now()',
    [operationId],
  );
  return rows.length > 0;
}
