import { CancellationScope, condition, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { JobStep } from '../model/job-state.ts';
import { apply, applyExits, writing, type JobRun } from './job-run.ts';
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
  const scope = new CancellationScope();
  const work = scope.run(() =>
    proxyActivities<Activities>(startingJob(host)).startJob.executeWithOptions(
      { summary: `start attempt ${attempt} on ${host}` },
      [{ ...writing(run), attempt, policy, queueDeadlineMs, retries: life.retries }],
    ),
  );
  let over = false;
  const settle = () => {
    over = true;
  };
  work.then(settle, settle);
  const isUnwanted = () => run.now?.life.stop !== null;
  await condition(() => over || isUnwanted());
  if (isUnwanted()) scope.cancel();
  try {
    const result = await work;
    if (result.outcome === 'started') {
      apply(run, { type: 'started', attempt, atMs: Date.now() });
      if (result.hasExited) apply(run, { type: 'exited', attempt });
      applyExits(run);
    } else {
      apply(run, { type: 'attemptOver', attempt, verdict: result.verdict, atMs: Date.now() });
    }
  } catch (error) {
    // Whatever became of a start that nobody wants any more: the loop ends what it made.
    if (isUnwanted() && !CancellationScope.current().consideredCancelled) return;
    throw error;
  }
}

/** Never given up: a host that is silent is waited for, since nobody knows what runs there. */
async function end(run: JobRun, { attempt, host }: Step<'end'>): Promise<void> {
  if (run.now === null) return;
  const { life, policy, queueDeadlineMs } = run.now;
  const result = await proxyActivities<Activities>(undoing(host)).endJob.executeWithOptions(
    { summary: `end attempt ${attempt} on ${host}` },
    [{ ...writing(run), attempt, policy, queueDeadlineMs, retries: life.retries, stop: life.stop }],
  );
  if (result.outcome === 'over') {
    apply(run, { type: 'attemptOver', attempt, verdict: result.verdict, atMs: Date.now() });
  } else {
    run.exits = run.exits.filter((one) => one !== attempt);
    apply(run, { type: 'stillRuns', attempt, deadlineAtMs: Date.now() + result.deadlineInMs });
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
    case 'passDeadline':
      return `Job ${run.id} ran for longer than it may.`;
    case 'done':
      return `Job ${run.id} is over.`;
  }
}
