import { findEarlierRow } from './earlier.ts';
import { LabError } from '../../../model/failures.ts';
import { jobEntity, type EntityName } from '../../../model/names.ts';
import type { Job, JobStore, Submission } from '../../job-ports.ts';
import type { SharedSubmission } from '../../shared-job-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { makeVolumesOf } from '../volumes/for-entity.ts';
import type { VolumeLimits } from '../volumes/make.ts';
import { linkInputs } from '../uploads/index.ts';
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
  limits: SubmissionLimits,
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
    await linkInputs(query, job, input.spec.inputs);
    if (input.shared !== undefined) await insertShared(query, input.id, input.shared);
    const cause = { actor: input.actor, why: input.why, traceparent: input.traceparent };
    await tellJob(query, input.id, { kind: 'submitted' }, cause);
    await insertEvent(query, jobEntity(input.id), {
      actor: input.actor,
      what: 'submitted',
      why: input.why,
      data: { number: job.number, ...(job.type === null ? {} : { type: job.type }) },
    });
    return {
      outcome: 'created' as const,
      job: { ...job, shared: input.shared !== undefined },
    };
  });
}

async function insertShared(
  query: Query,
  id: string,
  { record, config }: SharedSubmission,
): Promise<void> {
  await query(
    'keep what its family shows',
    "INSERT INTO shared_jobs (job, family, record, config) VALUES ($1, 'opeva', $2::jsonb, $3)",
    [id, JSON.stringify(record), config],
  );
}

async function findEarlier(query: Query, input: Submission): Promise<Job | null> {
  const row = await findEarlierRow<JobRow>(query, 'job', jobColumns, input);
  return row === null ? null : toJob(row);
}

async function insert(
  query: Query,
  input: Submission,
  limits: SubmissionLimits,
): Promise<Job | null> {
  const { id, space, owner, actor, why, spec } = input;
  await refuseUnlessRoom(query, { entity: jobEntity(id), space, owner, jobs: 1 }, limits);
  await makeVolumesOf(query, { entity: jobEntity(id), space, actor, spec }, limits);
  const [row] = await query<JobRow>(
    'insert',
    `INSERT INTO jobs (id, space, owner, spec, body_digest, idempotency_key, actor, why, type,
       priority, cpus, memory_bytes, devices, runtime, wanted_host, queue_deadline_at, likeness,
       type_revision)
     VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
       now() + $16::float8 * interval '1 ms', $17, $18)
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
      input.type?.name ?? null,
      spec.priority,
      spec.limits.cpus,
      spec.limits.memoryBytes,
      spec.devices,
      spec.image === undefined ? 'process' : 'docker',
      spec.host ?? null,
      spec.queueDeadlineMs,
      likenessOf(input),
      input.type?.revision ?? null,
    ],
  );
  return row === undefined ? null : toJob(row);
}

export interface SubmissionLimits extends VolumeLimits {
  /** Jobs that wait, in all. */
  maxQueuedJobs: number;
  /** Of one person; null for any number. */
  maxQueuedJobsPerPerson: number | null;
}

/** Throws `quota_exceeded` where so many more may not wait: of all, of the space, of the person. */
export async function refuseUnlessRoom(
  query: Query,
  {
    entity,
    space,
    owner,
    jobs,
  }: { entity: EntityName; space: string; owner: string; jobs: number },
  { maxQueuedJobs, maxQueuedJobsPerPerson }: SubmissionLimits,
): Promise<void> {
  const [quota] = await query<{ most: number | null }>(
    'find its space',
    'SELECT max_queued_jobs AS most FROM spaces WHERE name = $1',
    [space],
  );
  if (quota === undefined) {
    throw new LabError('invalid', `cannot submit ${entity}: there is no space named ${space}`, {
      details: { space },
    });
  }
  const refuse = (limit: number, whose: string, remedy: string): LabError =>
    new LabError(
      'quota_exceeded',
      `cannot submit ${entity}: ${jobs === 1 ? `${limit} jobs ${whose} wait already` : `with its ${jobs} jobs more than ${limit} ${whose} would wait`}, the most ${remedy}; try again when some have started`,
      { details: { limit } },
    );
  const waitsAtLeast = async (count: number, condition: string, value: string) => {
    const rows = await query(
      'count who waits',
      `SELECT FROM jobs WHERE state = 'queued' AND ${condition} OFFSET $2 LIMIT 1`,
      [value, Math.max(0, count - jobs)],
    );
    return count < jobs || rows.length > 0;
  };
  if (await waitsAtLeast(maxQueuedJobs, '$1 = $1', '')) {
    throw refuse(maxQueuedJobs, 'of all people', 'LABKEEPER_MAX_QUEUED_JOBS allows');
  }
  const { most } = quota;
  if (most !== null && (await waitsAtLeast(most, 'space = $1', space))) {
    throw refuse(most, `of the space ${space}`, 'its quota allows (an operator can raise it)');
  }
  const ofPerson = maxQueuedJobsPerPerson;
  if (ofPerson !== null && (await waitsAtLeast(ofPerson, 'owner = $1', owner))) {
    throw refuse(ofPerson, `of ${owner}`, 'LABKEEPER_MAX_QUEUED_JOBS_PER_PERSON allows');
  }
}

/** What runs for about as long as this did: jobs of its type, of its image, of its program. */
export function likenessOf({ type, spec }: Pick<Submission, 'type' | 'spec'>): string {
  if (type !== undefined) return `type ${type.name}`;
  const program = spec.command?.slice(0, 2).join(' ') ?? '';
  return `${spec.image ?? ''} ${program}`.trim().slice(0, 300);
}
