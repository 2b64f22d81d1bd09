import { jobPolicyOf } from '../model/job-spec.ts';
import type { JobLife, JobPlace, JobStop } from '../model/job-state.ts';
import { jobEntity } from '../model/names.ts';
import type { Job } from '../store/job-ports.ts';
import type { BeganJob, LeaveQueueInput, LeaveQueueResult } from './job-inputs.ts';
import type { JobControlPorts } from './ports.ts';

/** What jobs need of rows alone; the queue of every worker. */
export function createJobControl({ store, giveOut }: JobControlPorts) {
  return {
    /**
     * First act of a life: counts it, asks for capacity, and tells where the row stands. Null when there is
     * nothing to do any more. What was left for the workflow in the outbox is in the row too.
     */
    async beginJob({ id }: { id: string }): Promise<BeganJob | null> {
      const began = await store.jobs.begin(id);
      if (began === null) return null;
      if (began.state === 'queued') await giveOut();
      await store.outbox.drop(jobEntity(id));
      const job = await store.jobs.find(id);
      if (job === null || job.finishedAt !== null) return null;
      return {
        life: began.mark.life,
        policy: jobPolicyOf(job.spec),
        queueDeadlineMs: job.spec.queueDeadlineMs,
        state: lifeOf(job),
      };
    },

    /** Ends a job that waits. One that was granted in that moment goes on from there. Idempotent. */
    async leaveQueue({ id, stop, ...mark }: LeaveQueueInput): Promise<LeaveQueueResult> {
      const detail = stop
        ? `canceled by ${stop.cause.actor}: ${stop.cause.why}`
        : 'it was not started before its queue deadline';
      const left = await store.jobs.leaveQueue(id, mark, {
        state: stop ? 'canceled' : 'expired',
        cause: stop ? 'canceled' : 'queue_deadline',
        detail,
        event: {
          actor: stop?.cause.actor ?? 'queue deadline',
          what: stop ? 'canceled' : 'expired',
          why: stop?.cause.why ?? detail,
        },
      });
      if (left) return { outcome: 'left' };
      const job = await store.jobs.find(id);
      if (job === null || job.finishedAt !== null || job.host === null) return { outcome: 'left' };
      return { outcome: 'granted', grant: { attempt: job.attempt, host: job.host } };
    },
  };
}

/** Where a row says that a job stands, for a workflow that starts anew. */
function lifeOf(job: Job): JobLife {
  const { cancel, attempt, state } = job;
  const stop: JobStop | null =
    cancel === null
      ? null
      : { reason: 'canceled', cause: { actor: cancel.actor, why: cancel.why } };
  return {
    place: placeOf(job),
    // Every attempt that is followed by another one, or is to be.
    retries: state === 'queued' ? attempt : Math.max(0, attempt - 1),
    queueDeadlineAtMs: Date.parse(job.queueDeadlineAt),
    stop,
    early: null,
  };
}

/** What holds a lease is looked at on its host again: the row may be older than the world. */
function placeOf({ state, attempt, host, startedAt, runDeadlineAt }: Job): JobPlace {
  if (state === 'queued' || host === null) return { at: 'queued' };
  if (startedAt === null || runDeadlineAt === null) return { at: 'granted', attempt, host };
  return { at: 'running', attempt, host, deadlineAtMs: Date.parse(runDeadlineAt) };
}
