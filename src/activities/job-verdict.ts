import type { Verdict } from '../model/job-state.ts';
import type { Job, JobChange } from '../store/job-ports.ts';

/** An earlier try of the same step has written, and its answer died with its worker. */
export const isRepeat = (job: Job, input: { life: number; revision: number }): boolean =>
  job.mark.life === input.life && job.mark.revision === input.revision;

/** What was judged before, as the row tells it. */
export function verdictOf(job: Job, { queueDeadlineMs }: { queueDeadlineMs: number }): Verdict {
  const { state, detail, cause } = job;
  const said = detail ?? '';
  if (state === 'succeeded') return { state, cause: null, detail: said };
  if (state === 'canceled') return { state, cause: 'canceled', detail: said };
  if (state === 'failed' || state === 'expired') {
    return { state: 'failed', cause: cause ?? 'vanished', detail: said };
  }
  return {
    state: 'queued',
    cause: cause ?? 'vanished',
    detail: said,
    delayMs: 0,
    queueDeadlineMs,
  };
}

/** How a verdict is written. */
export function changeOf(verdict: Verdict): JobChange {
  const { state, cause, detail } = verdict;
  if (state !== 'queued') return { state, cause, detail };
  const { delayMs, queueDeadlineMs } = verdict;
  return {
    ...{ state, cause },
    detail: `tries again: ${detail}`,
    queue: { readyInMs: delayMs, deadlineInMs: queueDeadlineMs },
  };
}
