import { LabError } from '../../../model/failures.ts';
import { jobEntity } from '../../../model/names.ts';
import type { Job, JobStore, Submission } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { tellJob } from './tell.ts';
import { jobColumns, toJob, type JobRow } from './row.ts';

/**
 * The unique index judges parallel submissions of one id or key: who comes second finds the first. The limit is
 * counted without a lock, so that submissions do not wait for each other; as many as run at once
 * may pass it together.
 */
export async function submitJob(
  database: Database,
  input: Submission,
  limits: { maxQueuedJobs: number },
): ReturnType<JobStore['submit']> {
  return database.transaction(`submit job/${input.id}`, async (query) => {
    const earlier = await findEarlier(query, input);
    if (earlier !== null) return { outcome: 'existing' as const, job: earlier };
    const job = await insert(query, input, limits);
    if (job === null) {
      const winner = await findEarlier(query, input);
      if (winner === null) throw new Error(`job/${input.id} was submitted and removed meanwhile`);
      return { outcome: 'existing' as const, job: winner };
    }
    const cause = { actor: input.actor, why: input.why, traceparent: input.traceparent };
    await tellJob(query, input.id, { kind: 'submitted' }, cause);
    await insertEvent(query, jobEntity(input.id), {
      actor: input.actor,
      what: 'submitted',
      why: input.why,
      data: { number: job.number, ...(job.type === null ? {} : { type: job.type }) },
    });
    return { outcome: 'created' as const, job };
  });
}

/** The job that has the id, or that the owner's key was used for. Throws `conflict` for another body. */
async function findEarlier(query: Query, input: Submission): Promise<Job | null> {
  const { id, owner, idempotencyKey = null, bodyDigest } = input;
  const [row] = await query<JobRow>(
    'look for an earlier one',
    `SELECT ${jobColumns} FROM jobs
     WHERE id = $1 OR (owner = $2 AND idempotency_key = $3) ORDER BY id = $1 DESC LIMIT 1`,
    [id, owner, idempotencyKey],
  );
  if (row === undefined) return null;
  if (row.body_digest === bodyDigest && row.owner === owner) return toJob(row);
  const by = row.id === id ? 'its id' : `the key ${idempotencyKey}`;
  throw new LabError(
    'conflict',
    `cannot submit job/${id}: ${by} was used for job/${row.id} with another definition; use a new one for a new job`,
    { details: { job: row.id } },
  );
}

async function insert(
  query: Query,
  input: Submission,
  { maxQueuedJobs }: { maxQueuedJobs: number },
): Promise<Job | null> {
  const { id, space, owner, actor, why, spec } = input;
  const [place] = await query<{ space: boolean; room: boolean }>(
    'look for room',
    `SELECT EXISTS (SELECT FROM spaces WHERE name = $1) AS space,
       (SELECT count(*) FROM (SELECT FROM jobs WHERE state = 'queued' LIMIT $2) AS waiting) < $2
         AS room`,
    [space, maxQueuedJobs],
  );
  if (!place?.space) {
    throw new LabError('invalid', `cannot submit job/${id}: there is no space named ${space}`, {
      details: { space },
    });
  }
  if (!place.room) {
    throw new LabError(
      'quota_exceeded',
      `cannot submit job/${id}: ${maxQueuedJobs} jobs wait already, the most LABKEEPER_MAX_QUEUED_JOBS allows; try again when some have started`,
      { details: { limit: maxQueuedJobs } },
    );
  }
  const [row] = await query<JobRow>(
    'insert',
    `INSERT INTO jobs (id, space, owner, spec, body_digest, idempotency_key, actor, why, type,
       priority, cpus, memory_bytes, devices, runtime, wanted_host, queue_deadline_at)
     VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
       now() + $16::float8 * interval '1 ms')
     ON CONFLICT DO NOTHING RETURNING ${jobColumns}`,
    [
      id,
      space,
      owner,
      JSON.stringify(spec),
      input.bodyDigest,
      input.idempotencyKey ?? null,
      actor,
      why,
      input.type ?? null,
      spec.priority,
      spec.limits.cpus,
      spec.limits.memoryBytes,
      spec.devices,
      spec.image === undefined ? 'process' : 'docker',
      spec.host ?? null,
      spec.queueDeadlineMs,
    ],
  );
  return row === undefined ? null : toJob(row);
}
