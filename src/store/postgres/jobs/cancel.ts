import type { Cause } from '../../../model/app-state.ts';
import { LabError } from '../../../model/failures.ts';
import { isEnded } from '../../../model/job-state.ts';
import { jobEntity } from '../../../model/names.ts';
import type { CancelEvidence, Job } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { jobColumns, toJob, type JobRow } from './row.ts';
import { tellJob } from './tell.ts';

export async function cancelJob(database: Database, id: string, cause: Cause): Promise<Job> {
  return database.transaction(`cancel job/${id}`, async (query) => {
    const job = await lockJob(query, id, 'cancel');
    if (isEnded(job.state) || job.cancel !== null) return job;
    const { actor, why } = cause;
    const at = new Date().toISOString();
    const asked: CancelEvidence = {
      ...{ actor, why, requestedAt: at, signalledAt: null, killedAt: null, goneAt: null },
    };
    await insertEvent(query, jobEntity(id), { actor, what: 'cancel asked for', why });
    const waits = job.state === 'queued';
    const detail = `canceled by ${actor}: ${why}`;
    const [row] = await query<JobRow>(
      'write it',
      waits
        ? `UPDATE jobs SET state = 'canceled', cause = 'canceled', detail = $3, finished_at = now(),
             since = now(), updated_at = now(), actor = $4, why = $5,
             cancel = $2::jsonb || jsonb_build_object('goneAt', $2::jsonb -> 'requestedAt')
           WHERE id = $1 RETURNING ${jobColumns}`
        : `UPDATE jobs SET state = 'stopping', cancel = $2::jsonb, detail = $3, since = now(),
             updated_at = now(), actor = $4, why = $5 WHERE id = $1 RETURNING ${jobColumns}`,
      [id, JSON.stringify(asked), waits ? detail : `stopping: ${detail}`, actor, why],
    );
    if (row === undefined) throw new Error(`job/${id} vanished under its lock`);
    if (waits) {
      await insertEvent(query, jobEntity(id), {
        actor,
        what: 'canceled',
        why: 'it had not started',
      });
    }
    await tellJob(query, id, waits ? { kind: 'over' } : { kind: 'canceled', cause }, cause);
    return toJob(row);
  });
}

export async function removeJob(database: Database, id: string, cause: Cause): Promise<void> {
  await database.transaction(`remove job/${id}`, async (query) => {
    const job = await lockJob(query, id, 'remove');
    if (!isEnded(job.state)) {
      throw new LabError(
        'conflict',
        `cannot remove job/${id}: it is ${job.state}. Cancel it first, or wait for its end`,
        { details: { state: job.state } },
      );
    }
    const [sweep] = await query<{ id: string }>(
      'look for its sweep',
      `SELECT sweeps.id FROM sweeps JOIN jobs ON jobs.sweep = sweeps.id
       WHERE jobs.id = $1 AND sweeps.finished_at IS NULL`,
      [id],
    );
    if (sweep !== undefined) {
      throw new LabError(
        'conflict',
        `cannot remove job/${id}: sweep/${sweep.id} is not over, and counts it. Wait for its end, or cancel it`,
        { details: { sweep: sweep.id } },
      );
    }
    const { actor, why } = cause;
    await insertEvent(query, jobEntity(id), { actor, what: 'removed', why });
    await query('remove', 'DELETE FROM jobs WHERE id = $1', [id]);
  });
}

async function lockJob(query: Query, id: string, verb: string): Promise<Job> {
  const [row] = await query<JobRow>(
    'lock',
    `SELECT ${jobColumns} FROM jobs WHERE id = $1 FOR NO KEY UPDATE`,
    [id],
  );
  if (row === undefined) {
    throw new LabError('not_found', `cannot ${verb} job/${id}: there is no such job`);
  }
  return toJob(row);
}
