import { findEarlierRow } from '../jobs/earlier.ts';
import { LabError } from '../../../model/failures.ts';
import { sweepEntity } from '../../../model/names.ts';
import type { Sweep, SweepStore, SweepSubmission } from '../../sweep-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { likenessOf, refuseUnlessRoom, type SubmissionLimits } from '../jobs/submit.ts';
import { makeVolumesOf } from '../volumes/for-entity.ts';
import { findSweep, sweepColumns, toSweep, type SweepDatabaseRow } from './row.ts';

/**
 * Its jobs have no workflow before they are granted: the word of the grant starts it. So ten thousand that
 * wait are ten thousand rows, and nothing else.
 */
export async function submitSweep(
  database: Database,
  input: SweepSubmission,
  limits: SubmissionLimits,
): ReturnType<SweepStore['submit']> {
  const { id, space, owner, spec, parameters } = input;
  return database.transaction(`submit sweep/${id}`, async (query) => {
    const earlier = await findEarlier(query, input);
    if (earlier !== null) return { outcome: 'existing' as const, sweep: earlier };
    const entity = sweepEntity(id);
    await refuseUnlessRoom(query, { entity, space, owner, jobs: parameters.length }, limits);
    await makeVolumesOf(query, { entity, space, actor: owner, spec }, limits);
    const made = await query(
      'insert',
      `INSERT INTO sweeps (id, space, owner, title, type, body_digest, idempotency_key, parameters,
         total, max_parallel, fail_fast, actor, why)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $3, 'submitted')
       ON CONFLICT DO NOTHING RETURNING 1`,
      [
        id,
        space,
        owner,
        input.title,
        input.type?.name ?? null,
        input.bodyDigest,
        input.idempotencyKey ?? null,
        JSON.stringify(input.names),
        parameters.length,
        input.maxParallel,
        input.failFast,
      ],
    );
    if (made.length === 0) {
      const winner = await findEarlier(query, input);
      if (winner === null) throw new Error(`sweep/${id} was submitted and removed meanwhile`);
      return { outcome: 'existing' as const, sweep: winner };
    }
    await insertJobs(query, input);
    await insertEvent(query, entity, {
      actor: owner,
      what: 'submitted',
      why: 'submitted',
      data: { jobs: parameters.length },
    });
    const sweep = await findSweep(query, id);
    if (sweep === null) throw new Error(`sweep/${id} vanished in its own transaction`);
    return { outcome: 'created' as const, sweep };
  });
}

async function findEarlier(query: Query, input: SweepSubmission): Promise<Sweep | null> {
  const row = await findEarlierRow<SweepDatabaseRow>(query, 'sweep', sweepColumns, input);
  return row === null ? null : toSweep(row);
}

/** One statement; each job's parameters are laid over the common config by the database. */
async function insertJobs(query: Query, input: SweepSubmission): Promise<void> {
  const { id, space, owner, spec, parameters, type } = input;
  try {
    await query(
      'insert its jobs',
      `INSERT INTO jobs (id, space, owner, spec, body_digest, actor, why, type, type_revision,
         priority, cpus, memory_bytes, devices, runtime, wanted_host, queue_deadline_at, likeness,
         sweep, sweep_index, parameters)
       SELECT $1 || '.' || (place - 1), $2, $3,
         $4::jsonb || jsonb_build_object('config', COALESCE($4::jsonb -> 'config', '{}') || given),
         $5, $3, 'submitted with sweep/' || $1, $6, $7, $8, $9, $10, $11, $12, $13,
         now() + $14::float8 * interval '1 ms', $15, $1, place - 1, given
       FROM jsonb_array_elements($16::jsonb) WITH ORDINALITY AS one (given, place)
       ORDER BY place`,
      [
        id,
        space,
        owner,
        JSON.stringify(spec),
        `sweep ${input.bodyDigest}`,
        type?.name ?? null,
        type?.revision ?? null,
        spec.priority,
        spec.limits.cpus,
        spec.limits.memoryBytes,
        spec.devices,
        spec.image === undefined ? 'process' : 'docker',
        spec.host ?? null,
        spec.queueDeadlineMs,
        likenessOf(input),
        JSON.stringify(parameters),
      ],
    );
  } catch (error) {
    if (!isTaken(error)) throw error;
    throw new LabError(
      'conflict',
      `cannot submit sweep/${id}: one of its jobs would be called like a job that is there (${id}.0, ${id}.1 …); use another id`,
      { cause: error, details: { sweep: id } },
    );
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'jobs_pkey';
