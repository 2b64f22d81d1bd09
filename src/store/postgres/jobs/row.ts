import type { Exit } from '../../../model/app-state.ts';
import { jobSpecSchema, type JobCause, type JobSpec } from '../../../model/job-spec.ts';
import type { JobState } from '../../../model/job-state.ts';
import type { CancelEvidence, Job } from '../../job-ports.ts';

/** A row of `jobs`; its CHECK constraints guarantee the unions. */
export interface JobRow extends Record<string, unknown> {
  id: string;
  number: string;
  space: string;
  owner: string;
  type: string | null;
  spec: unknown;
  body_digest: string;
  life: string;
  revision: string;
  state: JobState;
  cause: JobCause | null;
  attempt: number;
  host: string | null;
  actor: string;
  why: string;
  detail: string | null;
  cancel: CancelEvidence | null;
  lost: Job['lost'];
  picked_up: boolean;
  host_losses: number;
  recalls: number;
  exit: Exit | null;
  image_digest: string | null;
  last_log_lines: string[];
  progress: Record<string, unknown> | null;
  progress_at: Date | null;
  result: unknown;
  devices: string[] | null;
  shared: boolean;
  submitted_at: Date;
  queued_at: Date;
  ready_at: Date;
  queue_deadline_at: Date;
  started_at: Date | null;
  run_deadline_at: Date | null;
  finished_at: Date | null;
  since: Date;
  updated_at: Date;
}

export const jobColumns = `jobs.id, jobs.number, jobs.space, jobs.owner, jobs.type, jobs.spec,
  jobs.body_digest, jobs.life, jobs.revision, jobs.state, jobs.cause, jobs.attempt, jobs.host,
  jobs.actor, jobs.why, jobs.detail, jobs.cancel, jobs.lost, jobs.picked_up, jobs.host_losses,
  jobs.recalls, jobs.exit, jobs.image_digest,
  jobs.last_log_lines, jobs.progress, jobs.progress_at, jobs.result, jobs.submitted_at,
  jobs.queued_at, jobs.ready_at, jobs.queue_deadline_at, jobs.started_at, jobs.run_deadline_at,
  jobs.finished_at, jobs.since, jobs.updated_at,
  (SELECT array_agg(device ORDER BY device) FROM device_leases WHERE device_leases.job = jobs.id)
    AS devices,
  EXISTS (SELECT FROM shared_jobs WHERE shared_jobs.job = jobs.id) AS shared`;

export function toJob(row: JobRow): Job {
  const time = (date: Date | null) => date?.toISOString() ?? null;
  return {
    id: row.id,
    number: Number(row.number),
    space: row.space,
    owner: row.owner,
    type: row.type,
    spec: toJobSpec(row.id, row.spec),
    state: row.state,
    cause: row.cause,
    attempt: row.attempt,
    host: row.host,
    actor: row.actor,
    why: row.why,
    detail: row.detail,
    cancel: row.cancel,
    lost: row.lost,
    pickedUp: row.picked_up,
    hostLosses: row.host_losses,
    recalls: row.recalls,
    exit: row.exit,
    imageDigest: row.image_digest,
    lastLogLines: row.last_log_lines,
    progress: row.progress,
    progressAt: time(row.progress_at),
    result: row.result,
    devices: row.devices ?? [],
    shared: row.shared,
    mark: { life: Number(row.life), revision: Number(row.revision) },
    submittedAt: row.submitted_at.toISOString(),
    queuedAt: row.queued_at.toISOString(),
    readyAt: row.ready_at.toISOString(),
    queueDeadlineAt: row.queue_deadline_at.toISOString(),
    startedAt: time(row.started_at),
    runDeadlineAt: time(row.run_deadline_at),
    finishedAt: time(row.finished_at),
    since: row.since.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

/** Parsed again, so that a definition written before a field existed gets that field's default. */
function toJobSpec(id: string, value: unknown): JobSpec {
  const parsed = jobSpecSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`cannot read the definition of job/${id}: ${parsed.error.message}`);
}
