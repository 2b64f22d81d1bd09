import {
  allHandlersFinished,
  condition,
  continueAsNew,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { nextStep, type AppStep } from '../model/app-step.ts';
import { collectOneExit, currentExits, recordIfNews, remove } from './app-records.ts';
import {
  absorb,
  beginLife,
  carry,
  createRun,
  current,
  type AppRun,
  type Carried,
} from './app-run.ts';
import { isFilterable, show } from './app-shown.ts';
import { act } from './app-steps.ts';
import { commandSignal, instanceExitedSignal, type AppWorkflowInput } from './messages.ts';
import { quick } from './options.ts';

/**
 * One app for as long as it is registered; id `app/<name>`. Handlers record, the loop acts, the
 * state machine in the model decides. Continues as new each time the app falls asleep.
 */
export async function app(input: AppWorkflowInput & { carried?: Carried }): Promise<void> {
  const run = createRun(input.name, input.carried);
  run.isFilterable = isFilterable();
  setHandler(
    commandSignal,
    (command) => {
      run.inbox.push(command);
      absorb(run);
    },
    { description: 'A wish from the outbox: wake, sleep, restart, replace, remove' },
  );
  setHandler(
    instanceExitedSignal,
    (exit) => {
      run.exits.push(exit);
    },
    { description: 'A host says that the instance of a generation is over' },
  );
  if (run.now === null) {
    const control = proxyActivities<Activities>(quick);
    const summary = `read app ${run.name}`;
    const began = await control.beginLife.executeWithOptions({ summary }, [{ name: run.name }]);
    // No row: a command for an app that is gone already. Nothing to do, nothing to keep.
    if (began === null) return;
    beginLife(run, began);
    absorb(run);
  }
  for (;;) {
    if (await collectOneExit(run)) continue;
    const { state, policy } = current(run);
    const step = nextStep(state, policy, Date.now());
    show(run, step);
    switch (step.kind) {
      case 'wait':
      case 'rest':
        await pauseUntilNews(run, step);
        break;
      case 'remove':
        run.acted = true;
        if (await isRemoved(run, step.host)) return;
        break;
      default:
        run.acted = true;
        await act(run, step);
    }
  }
}

/** The quiet points: the row is brought up to date, history is left behind, then it waits. */
async function pauseUntilNews(
  run: AppRun,
  step: Extract<AppStep, { kind: 'wait' | 'rest' }>,
): Promise<void> {
  if (await recordIfNews(run)) return;
  const fellAsleep = step.kind === 'rest' && run.acted && run.open.length === 0;
  if (fellAsleep || workflowInfo().continueAsNewSuggested) await renew(run);
  const before = run.news;
  const hasNews = () =>
    run.news !== before ||
    (current(run).state.serving.phase === 'ready' && currentExits(run).length > 0);
  const waitMs = step.kind === 'wait' && step.untilMs !== null ? step.untilMs - Date.now() : null;
  if (waitMs === null) await condition(hasNews);
  else await condition(hasNews, Math.max(waitMs, 1));
}

/** True when nothing is left to do; false when the app is registered again. */
async function isRemoved(run: AppRun, host: string | null): Promise<boolean> {
  // The row says first that it goes, so that people see it and a registration meanwhile is told.
  if (await recordIfNews(run)) return false;
  if ((await remove(run, host)) === 'kept') {
    await condition(() => current(run).state.wanted !== 'gone');
    return false;
  }
  if (current(run).state.wanted === 'gone') return true;
  // Registered again after the row went: another life, which reads what came for it.
  await condition(allHandlersFinished);
  return continueAsNew<typeof app>({ name: run.name });
}

async function renew(run: AppRun): Promise<never> {
  await condition(allHandlersFinished);
  return continueAsNew<typeof app>({ name: run.name, carried: carry(run) });
}
