import type { KeepByOutcome } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';

const isKept = (succeeded: number, other: number): string =>
  `(finished_at IS NULL OR finished_at > now() - interval '1 ms'
    * (CASE WHEN state = 'succeeded' THEN $${succeeded} ELSE $${other} END)::float8)`;

/** The oldest first; leases, series and the like go with them, timelines stay as long as events do. */
export async function forgetJobs(
  database: Database,
  keep: KeepByOutcome,
  limit: number,
): Promise<number> {
  const rows = await database.query(
    'forget jobs',
    `DELETE FROM jobs WHERE id IN (
       SELECT id FROM jobs WHERE finished_at IS NOT NULL AND NOT ${isKept(1, 2)}
         -- The end of a sweep is counted from its jobs.
         AND (sweep IS NULL OR EXISTS (
           SELECT FROM sweeps WHERE sweeps.id = jobs.sweep AND sweeps.finished_at IS NOT NULL))
       ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING id`,
    [keep.succeededMs, keep.otherMs, limit],
  );
  await database.query(
    'forget sweeps without jobs',
    `DELETE FROM sweeps WHERE finished_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM jobs WHERE jobs.sweep = sweeps.id)`,
  );
  return rows.length;
}

export async function keepsFiles(
  query: Query,
  ids: readonly string[],
  keep: KeepByOutcome,
): Promise<string[]> {
  const rows = await query<{ id: string }>(
    'ask whose files are kept',
    `SELECT id FROM jobs WHERE id = ANY($3) AND ${isKept(1, 2)}`,
    [keep.succeededMs, keep.otherMs, ids],
  );
  return rows.map(({ id }) => id);
}

export async function keepsLogs(
  query: Query,
  numbers: readonly number[],
  keep: KeepByOutcome,
): Promise<number[]> {
  const rows = await query<{ number: string }>(
    'ask whose logs are kept',
    `SELECT number FROM jobs WHERE number = ANY($3::bigint[]) AND ${isKept(1, 2)}`,
    [keep.succeededMs, keep.otherMs, numbers],
  );
  return rows.map(({ number }) => Number(number));
}
