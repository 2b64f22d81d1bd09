import {
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { JobStep } from '../model/job-state.ts';
import { apply, applyKept, writing, type JobRun } from './job-run.ts';
import { quick, startingJob, undoing } from './options.ts';

type Step<Kind extends JobStep['kind']> = Extract<JobStep, { kind: Kind }>;

const control = proxyActivities<Activities>(quick);

/** Carries out one step of the state machine; the facts that come of it are applied. */
export async function carryOut(
  run: JobRun,
  step: Exclude<JobStep, { kind: 'wait' | 'done' }>,
): Promise<void> {
  switch (step.kind) {
    case 'leaveQueue':
      return leaveQueue(run);
    case 'start':
      return start(run, step);
    case 'end':
      return end(run, step);
    case 'lose':
      return lose(run, step);
    case 'passDeadline':
      return apply(run, { type: 'runDeadlinePassed', attempt: step.attempt });
  }
}

async function leaveQueue(run: JobRun): Promise<void> {
  if (run.now === null) return;
  const { stop } = run.now.life;
  const left = await control.leaveQueue.executeWithOptions(
    { summary: stop ? 'canceled in the queue' : 'waited too long' },
    [{ ...writing(run), stop }],
  );
  // It was granted in that very moment: the row says where.
  if (left.outcome === 'granted') apply(run, { type: 'granted', ...left.grant });
  else apply(run, { type: 'over' });
}

/** A cancel during the start ends it, and the loop then undoes what it made. */
async function start(run: JobRun, { attempt, host }: Step<'start'>): Promise<void> {
  if (run.now === null) return;
  const { life, policy, queueDeadlineMs } = run.now;
  const input = { ...writing(run), attempt, policy, queueDeadlineMs, retries: life.retries };
  const result = await unless(
    () => run.now?.life.stop !== null || isLost(run),
    () =>
      proxyActivities<Activities>(startingJob(host)).startJob.executeWithOptions(
        { summary: `start attempt ${attempt} on ${host}` },
        [input],
      ),
  );
  if (result?.outcome === 'started') {
    apply(run, { type: 'started', attempt, atMs: Date.now() });
    if (result.hasExited) apply(run, { type: 'exited', attempt });
  } else if (result !== null) {
    apply(run, { type: 'attemptOver', attempt, verdict: result.verdict, atMs: Date.now() });
  }
  applyKept(run);
}

/**
 * Never given up by itself: a host that is silent is waited for, since nobody knows what runs there. It ends when
 * the host is given up.
 */
async function end(run: JobRun, { attempt, host }: Step<'end'>): Promise<void> {
  if (run.now === null) return;
  const { life, policy, queueDeadlineMs } = run.now;
  const input = { ...writing(run), attempt, policy, queueDeadlineMs, retries: life.retries };
  const result = await unless(
    () => isLost(run),
    () =>
      proxyActivities<Activities>(undoing(host)).endJob.executeWithOptions(
        { summary: `end attempt ${attempt} on ${host}` },
        [{ ...input, stop: life.stop }],
      ),
  );
  if (result === null) return;
  if (result.outcome === 'over') {
    apply(run, { type: 'attemptOver', attempt, verdict: result.verdict, atMs: Date.now() });
  } else {
    run.exits = run.exits.filter((one) => one !== attempt);
    apply(run, { type: 'stillRuns', attempt, deadlineAtMs: Date.now() + result.deadlineInMs });
  }
  applyKept(run);
}

async function lose(run: JobRun, { attempt, host }: Step<'lose'>): Promise<void> {
  if (run.now === null) return;
  const { life, queueDeadlineMs } = run.now;
  const { verdict } = await control.loseAttempt.executeWithOptions(
    { summary: `attempt ${attempt} went down with ${host}` },
    [{ ...writing(run), attempt, queueDeadlineMs, stop: life.stop }],
  );
  run.lost = run.lost.filter((one) => one !== attempt);
  apply(run, { type: 'attemptOver', attempt, verdict, atMs: Date.now() });
  applyKept(run);
}

const isLost = (run: JobRun): boolean => run.now?.life.place.at === 'lost';

/** Calls the work off when it is not wanted any more; null then, whatever became of it. */
async function unless<Result>(
  isUnwanted: () => boolean,
  act: () => Promise<Result>,
): Promise<Result | null> {
  const scope = new CancellationScope();
  const work = scope.run(act);
  let over = false;
  const settle = () => {
    over = true;
  };
  work.then(settle, settle);
  await condition(() => over || isUnwanted());
  if (isUnwanted()) scope.cancel();
  try {
    return await work;
  } catch (error) {
    // The loop goes on from the state that made it unwanted, and ends what was made.
    if ((isUnwanted() || isCancellation(error)) && !CancellationScope.current().consideredCancelled)
      return null;
    throw error;
  }
}

/** What Temporal's Web UI says: what it waits for, and until when. */
export function sentenceOf(run: JobRun, step: JobStep): string {
  switch (step.kind) {
    case 'wait': {
      const until = new Date(step.untilMs).toISOString();
      return run.now?.life.place.at === 'queued'
        ? `Job ${run.id} waits in the queue until ${until} at the latest.`
        : `Job ${run.id} runs; it is stopped at ${until} at the latest.`;
    }
    case 'leaveQueue':
      return `Job ${run.id} leaves the queue.`;
    case 'start':
      return `Job ${run.id}: starting attempt ${step.attempt} on ${step.host}.`;
    case 'end':
      return `Job ${run.id}: ending attempt ${step.attempt} on ${step.host}.`;
    case 'lose':
      return `Job ${run.id}: attempt ${step.attempt} went down with ${step.host}.`;
    case 'passDeadline':
      return `Job ${run.id} ran for longer than it may.`;
    case 'done':
      return `Job ${run.id} is over.`;
  }
}
