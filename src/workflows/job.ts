import {
  allHandlersFinished,
  condition,
  proxyActivities,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { nextJobStep } from '../model/job-state.ts';
import { applyKept, beginRun, createJobRun, hear, type JobRun } from './job-run.ts';
import { carryOut, sentenceOf } from './job-steps.ts';
import { instanceExitedSignal, jobNewsSignal, type JobWorkflowInput } from './messages.ts';
import { quick } from './options.ts';

/**
 * One job from its submission to its end; id `job/<id>`. Handlers record, the loop acts, the state machine
 * in the model decides. Whether it holds capacity is decided by rows: it is told, and never asks.
 */
export async function job({ id }: JobWorkflowInput): Promise<void> {
  const run: JobRun = createJobRun(id);
  setHandler(jobNewsSignal, (news) => hear(run, news), {
    description: 'What changed in the row: granted, canceled, over',
  });
  setHandler(
    instanceExitedSignal,
    (exit) => {
      run.exits.push(exit.generation);
      run.news += 1;
      applyKept(run);
    },
    { description: 'A host says that the instance of an attempt is over' },
  );
  const control = proxyActivities<Activities>(quick);
  const began = await control.beginJob.executeWithOptions({ summary: `read job ${id}` }, [{ id }]);
  if (began !== null) beginRun(run, began);
  while (run.now !== null) {
    const step = nextJobStep(run.now.life, Date.now());
    setCurrentDetails(sentenceOf(run, step));
    if (step.kind === 'done') break;
    if (step.kind === 'wait') {
      const before = run.news;
      await condition(() => run.news !== before, Math.max(1, step.untilMs - Date.now()));
    } else await carryOut(run, step);
  }
  await condition(allHandlersFinished);
}
