import type { BeganJob, JobWriting } from '../activities/job-inputs.ts';
import type { JobPolicy } from '../model/job-spec.ts';
import { applyJobFact, type JobFact, type JobLife, type JobNews } from '../model/job-state.ts';

/** The memory of one run. Handlers and steps change it only through the functions below. */
export interface JobRun {
  id: string;
  life: number;
  revision: number;
  /** Null until the row was read; news wait so long. */
  now: { life: JobLife; policy: JobPolicy; queueDeadlineMs: number } | null;
  inbox: JobNews[];
  /** Attempts that hosts said are over. */
  exits: number[];
  /** Attempts whose host is given up. */
  lost: number[];
  /** Counts what was heard, so that the loop notices news while it waits. */
  news: number;
}

export const createJobRun = (id: string): JobRun => ({
  ...{ id, life: 0, revision: 0, now: null, inbox: [], exits: [], lost: [], news: 0 },
});

export function beginRun(run: JobRun, began: BeganJob): void {
  const { life, state, policy, queueDeadlineMs } = began;
  run.life = life;
  run.now = { life: state, policy, queueDeadlineMs };
  for (const news of run.inbox.splice(0)) hear(run, news);
  applyKept(run);
}

export function hear(run: JobRun, news: JobNews): void {
  run.news += 1;
  if (run.now === null) run.inbox.push(news);
  else if (news.kind === 'granted') apply(run, { type: 'granted', ...news });
  else if (news.kind === 'canceled') apply(run, { type: 'cancelAsked', cause: news.cause });
  else if (news.kind === 'artifactsTooLarge') {
    apply(run, { type: 'artifactsTooLarge', attempt: news.attempt, cause: news.cause });
  } else if (news.kind === 'hostLost') run.lost.push(news.attempt);
  else if (news.kind === 'over') apply(run, { type: 'over' });
  applyKept(run);
}

export function apply(run: JobRun, fact: JobFact): void {
  if (run.now === null) return;
  const { life, policy } = run.now;
  run.now = { ...run.now, life: applyJobFact(life, fact, policy) };
}

/**
 * An exit may be told before the start that it ends is over, a loss before the grant that it takes back: they
 * are kept, and count then.
 */
export function applyKept(run: JobRun): void {
  for (const attempt of run.exits) apply(run, { type: 'exited', attempt });
  for (const attempt of run.lost) apply(run, { type: 'hostLost', attempt });
}

/** The next place in the order of writes. */
export function writing(run: JobRun): JobWriting {
  run.revision += 1;
  return { id: run.id, life: run.life, revision: run.revision };
}
