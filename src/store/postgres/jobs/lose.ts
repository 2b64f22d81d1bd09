import { jobEntity, jobInstanceName } from '../../../model/names.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { tellJob } from './tell.ts';

export async function pickUpJob(
  database: Database,
  ...[id, attempt, detail]: [id: string, attempt: number, detail: string]
): Promise<boolean> {
  const rows = await database.query(
    `pick up job/${id}`,
    `UPDATE jobs SET picked_up = true, detail = $3, updated_at = now()
     WHERE id = $1 AND attempt = $2 AND lost IS NULL AND cancel IS NULL
       AND EXISTS (SELECT FROM leases WHERE job = $1 AND attempt = $2) RETURNING id`,
    [id, attempt, detail],
  );
  return rows.length > 0;
}

/** The row's lock decides between a host that comes back and picks up, and this. */
export async function recallSilent(database: Database, silentMs: number): Promise<string[]> {
  const rows = await database.query<HeldAttempt>(
    'look for what silent hosts have not picked up',
    `SELECT jobs.id, jobs.number, jobs.attempt, leases.host FROM leases
       JOIN jobs ON jobs.id = leases.job JOIN hosts ON hosts.name = leases.host
     WHERE NOT picked_up AND lost IS NULL AND seen_at < now() - $1::float8 * interval '1 ms'`,
    [silentMs],
  );
  const recalled: string[] = [];
  for (const row of rows) {
    const cause = { actor: 'queue', why: 'it was not heard of before it could begin' };
    const isRecalled = await database.transaction(`take back job/${row.id}`, (query) =>
      loseAttempt(query, { ...row, onlyUnless: 'picked up' }, cause),
    );
    if (isRecalled) recalled.push(row.id);
  }
  return recalled;
}

export interface HeldAttempt extends Record<string, unknown> {
  id: string;
  number: string;
  attempt: number;
  host: string;
}

/** Gives up an attempt with its host: what it made there is not wanted any more, and its workflow is told. */
export async function loseAttempt(
  query: Query,
  held: HeldAttempt & { onlyUnless?: 'picked up' },
  cause: { actor: string; why: string },
): Promise<boolean> {
  const { id, attempt, host, onlyUnless } = held;
  const { actor, why } = cause;
  const rows = await query(
    `give up an attempt of job/${id}`,
    `UPDATE jobs SET updated_at = now(), lost = jsonb_build_object('actor', $3::text, 'why', $4::text,
       'at', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
     WHERE id = $1 AND attempt = $2 AND lost IS NULL AND NOT (picked_up AND $5)
       AND EXISTS (SELECT FROM leases WHERE job = $1 AND attempt = $2) RETURNING id`,
    [id, attempt, actor, why, onlyUnless === 'picked up'],
  );
  if (rows.length === 0) return false;
  await query(
    'want nothing of it any more',
    "UPDATE instances SET wanted = 'absent' WHERE instance = $1",
    [jobInstanceName(Number(held.number), attempt)],
  );
  await insertEvent(query, jobEntity(id), {
    actor,
    what: 'host given up',
    why,
    data: { attempt, host },
  });
  await tellJob(query, id, { kind: 'hostLost', attempt }, cause);
  return true;
}
