import type { Cause } from '../../../model/app-state.ts';
import { LabError } from '../../../model/failures.ts';
import { sweepEntity } from '../../../model/names.ts';
import { judgeSweep } from '../../../model/sweep.ts';
import type { Sweep, SweepStore } from '../../sweep-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { cancelMany } from '../jobs/cancel-many.ts';
import { findSweep } from './row.ts';

/** So many are looked at in one go. */
const atOnce = 50;

export async function cancelSweep(
  database: Database,
  ...[id, cause]: Parameters<SweepStore['cancel']>
): ReturnType<SweepStore['cancel']> {
  return database.transaction(`cancel sweep/${id}`, async (query) => {
    const before = await lockSweep(query, id, 'cancel');
    if (before.state !== 'running') return { sweep: before, told: [] };
    await insertEvent(query, sweepEntity(id), {
      actor: cause.actor,
      what: 'cancel asked for',
      why: cause.why,
    });
    const told = await stopSweep(query, id, cause);
    const sweep = (await settleOne(query, id)) ?? before;
    return { sweep, told };
  });
}

export async function removeSweep(database: Database, id: string, cause: Cause): Promise<void> {
  await database.transaction(`remove sweep/${id}`, async (query) => {
    const { state, finishedAt } = await lockSweep(query, id, 'remove');
    if (finishedAt === null) {
      throw new LabError(
        'conflict',
        `cannot remove sweep/${id}: it is ${state}. Cancel it first, or wait for its end`,
        { details: { state } },
      );
    }
    const { actor, why } = cause;
    await insertEvent(query, sweepEntity(id), { actor, what: 'removed', why });
    await query('remove its jobs', 'DELETE FROM jobs WHERE sweep = $1', [id]);
    await query('remove', 'DELETE FROM sweeps WHERE id = $1', [id]);
  });
}

/** Each in a transaction of its own: one that somebody else is at is left to them. */
export async function settleSweeps(database: Database): Promise<string[]> {
  const due = await database.query<{ id: string; fails: boolean }>(
    'look for sweeps that change',
    `SELECT id, fails FROM (
       SELECT sweeps.id, state = 'running' AND fail_fast AND EXISTS (SELECT FROM jobs
           WHERE sweep = sweeps.id AND jobs.state IN ('failed', 'expired')) AS fails,
         NOT EXISTS (SELECT FROM jobs WHERE sweep = sweeps.id
           AND jobs.state IN ('queued', 'preparing', 'running', 'stopping')) AS ends
       FROM sweeps WHERE finished_at IS NULL
     ) AS live WHERE fails OR ends ORDER BY id LIMIT $1`,
    [atOnce],
  );
  const told: string[] = [];
  for (const { id, fails } of due) {
    const heard = await database.transaction(`settle sweep/${id}`, async (query) => {
      const [free] = await query(
        'lock',
        'SELECT FROM sweeps WHERE id = $1 AND finished_at IS NULL FOR UPDATE SKIP LOCKED',
        [id],
      );
      if (free === undefined) return [];
      const cause = { actor: 'sweep', why: 'a job of it failed, and the first failure ends it' };
      const stopped = fails ? await stopSweep(query, id, cause) : [];
      await settleOne(query, id);
      return stopped;
    });
    told.push(...heard);
  }
  return told;
}

async function stopSweep(query: Query, id: string, cause: Cause): Promise<string[]> {
  await query(
    'stop',
    `UPDATE sweeps SET state = 'stopping', since = now(), actor = $2, why = $3,
       detail = 'stopped by ' || $2 || ': ' || $3 WHERE id = $1`,
    [id, cause.actor, cause.why],
  );
  return cancelMany(query, { sweep: id }, cause);
}

/** Writes its end where it has come to one; the sweep as it then is. */
async function settleOne(query: Query, id: string): Promise<Sweep | null> {
  const sweep = await findSweep(query, id);
  if (sweep === null) return null;
  const failed = sweep.tally.failed > 0;
  const end = judgeSweep(sweep.tally, sweep.total, sweep.state === 'stopping' && !failed);
  if (end === null) return sweep;
  await query(
    'write its end',
    `UPDATE sweeps SET state = $2, detail = $3, since = now(), finished_at = now() WHERE id = $1`,
    [id, end.state, end.detail],
  );
  await insertEvent(query, sweepEntity(id), {
    actor: sweep.state === 'stopping' ? sweep.actor : 'labkeeper',
    what: end.state,
    why: end.detail,
    data: { ...sweep.tally },
  });
  return findSweep(query, id);
}

async function lockSweep(query: Query, id: string, verb: string): Promise<Sweep> {
  await query('lock', 'SELECT FROM sweeps WHERE id = $1 FOR UPDATE', [id]);
  const sweep = await findSweep(query, id);
  if (sweep !== null) return sweep;
  throw new LabError('not_found', `cannot ${verb} sweep/${id}: there is no such sweep`);
}
