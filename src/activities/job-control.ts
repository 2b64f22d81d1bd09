import { jobPolicyOf } from '../model/job-spec.ts';
import {
  judgeLoss,
  type JobLife,
  type JobPlace,
  type JobStop,
  type Verdict,
} from '../model/job-state.ts';
import { jobEntity } from '../model/names.ts';
import type { Job } from '../store/job-ports.ts';
import type {
  BeganJob,
  LeaveQueueInput,
  LeaveQueueResult,
  LoseAttemptInput,
} from './job-inputs.ts';
import { changeOf, isRepeat, verdictOf } from './job-verdict.ts';
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

    /**
     * Writes that an attempt went down with its host, and gives its capacity on. What the host itself has
     * written before stands. Idempotent.
     */
    async loseAttempt(input: LoseAttemptInput): Promise<{ verdict: Verdict }> {
      const { id, attempt, stop, queueDeadlineMs } = input;
      const job = await store.jobs.find(id);
      if (job === null) throw new Error(`job/${id} has no row, although it is not over`);
      const isOpen = job.finishedAt === null && job.attempt === attempt && job.lost !== null;
      if (!isOpen || isRepeat(job, input)) return { verdict: verdictOf(job, input) };
      const { pickedUp, hostLosses, lost, host } = job;
      const detail = `${host} was given up by ${lost?.actor}: ${lost?.why}`;
      const policy = jobPolicyOf(job.spec);
      const verdict = judgeLoss(
        { pickedUp, hostLosses, detail },
        { stop, policy, queueDeadlineMs },
      );
      const isOver = verdict.state !== 'queued';
      const written = await store.jobs.advance(id, input, {
        ...changeOf(verdict),
        ofAttempt: attempt,
        counts: pickedUp ? 'host_loss' : 'recall',
        now: isOver ? ['finishedAt'] : [],
        release: true,
        event: {
          actor: stop?.cause.actor ?? lost?.actor ?? 'labkeeper',
          what: isOver ? verdict.state : 'attempt lost',
          why: verdict.detail,
          data: { attempt, host, cause: verdict.cause },
        },
      });
      await giveOut();
      if (written) return { verdict };
      const now = await store.jobs.find(id);
      return { verdict: verdictOf(now ?? job, input) };
    },
  };
}

/** Where a row says that a job stands, for a workflow that starts anew. */
function lifeOf(job: Job): JobLife {
  const { cancel, attempt, state, hostLosses, recalls } = job;
  const stop: JobStop | null =
    cancel === null
      ? null
      : { reason: 'canceled', cause: { actor: cancel.actor, why: cancel.why } };
  return {
    place: placeOf(job),
    // Every attempt that is followed by another one, or is to be, and failed by itself.
    retries: Math.max(0, (state === 'queued' ? attempt : attempt - 1) - hostLosses - recalls),
    queueDeadlineAtMs: Date.parse(job.queueDeadlineAt),
    stop,
    early: null,
    over: state === 'queued' ? attempt : Math.max(0, attempt - 1),
  };
}

/** What holds a lease is looked at on its host again: the row may be older than the world. */
function placeOf({ state, attempt, host, lost, startedAt, runDeadlineAt }: Job): JobPlace {
  if (state === 'queued' || host === null) return { at: 'queued' };
  if (lost !== null) return { at: 'lost', attempt, host };
  if (startedAt === null || runDeadlineAt === null) return { at: 'granted', attempt, host };
  return { at: 'running', attempt, host, deadlineAtMs: Date.parse(runDeadlineAt) };
}
