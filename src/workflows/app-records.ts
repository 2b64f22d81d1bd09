import { ActivityFailure, log, patched, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { AppPolicy } from '../model/app-spec.ts';
import { describeExit, type AppState } from '../model/app-state.ts';
import { conditionOf } from '../model/app-view.ts';
import { canonicalJson } from '../model/canonical-json.ts';
import { apply, current, recordable, writing, written, type AppRun } from './app-run.ts';
import { reasonOf } from './failures.ts';
import type { InstanceExited } from './messages.ts';
import { quick, undoing } from './options.ts';

const control = proxyActivities<Activities>(quick);

/** Exits that concern the instance which serves now. */
export function currentExits(run: AppRun): InstanceExited[] {
  const { serving } = current(run).state;
  if (serving.phase !== 'ready' && serving.phase !== 'starting') return [];
  return run.exits.filter((exit) => exit.generation === serving.generation);
}

/**
 * One crash at a time: exit and last log lines go to the row before anything else happens. False
 * when there was none. A start in progress sees an exit by itself, unless it comes between its last
 * look and its end: such a one is kept until the start is over.
 */
export async function collectOneExit(run: AppRun): Promise<boolean> {
  const { serving } = current(run).state;
  const relevant = currentExits(run);
  run.exits = serving.phase === 'ready' ? [] : relevant;
  const [exit] = relevant;
  if (!exit || serving.phase !== 'ready') return false;
  run.acted = true;
  apply(run, { type: 'exited', ...exit });
  const { state } = current(run);
  const gaveUp = state.serving.phase === 'failed';
  const write = writing(run);
  await proxyActivities<Activities>(undoing(serving.host)).collectExit.executeWithOptions(
    { summary: `collect the exit of generation ${exit.generation}` },
    [
      {
        ...write,
        ...exit,
        host: serving.host,
        condition: conditionOf(state),
        what: gaveUp ? 'failed' : 'crashed',
        why: state.serving.phase === 'failed' ? state.serving.reason : describeExit(exit.exit),
      },
    ],
  );
  written(run, write, state);
  return true;
}

/** Writes the row when state or finished operations are not in it yet; false when they are. */
export async function recordIfNews(run: AppRun): Promise<boolean> {
  const { state } = current(run);
  const now = conditionOf(state);
  const changed = recordable(now) !== run.recorded;
  const write = writing(run);
  if (!changed && write.finish.length === 0) {
    run.revision -= 1;
    return false;
  }
  const { policy, owner } = await control.recordApp.executeWithOptions(
    { summary: 'write the row' },
    [{ ...write, condition: now, event: changed ? failedEvent(state) : null }],
  );
  written(run, write, state);
  adopt(run, policy);
  run.owner = owner ?? run.owner;
  return true;
}

/** A definition may have changed: its clocks hold from now on. */
function adopt(run: AppRun, policy: AppPolicy): void {
  const { state, policy: before } = current(run);
  if (canonicalJson(policy) === canonicalJson(before)) return;
  const wanted = policy.alwaysOn && state.wanted === 'asleep' ? 'awake' : state.wanted;
  run.now = { policy, state: { ...state, wanted, idleCheckAtMs: Date.now() } };
}

/**
 * The last write: logs and row go. `gone`, or `kept` when a registration came after the removal: its
 * command brings the app back.
 */
export async function remove(run: AppRun, host: string | null): Promise<'gone' | 'kept'> {
  // An app that no host would take was nowhere; runs of earlier versions waited a minute for that one.
  const wasNowhere = host === '' && patched('nowhere');
  if (host !== null && !wasNowhere) await forgetLogs(run, host);
  const { cause } = current(run).state;
  run.revision += 1;
  const finish = run.open
    .filter(({ command }) => command === 'remove')
    .map(({ id }) => ({ id, state: 'succeeded' as const, detail: 'removed' }));
  const gone = await control.removeApp.executeWithOptions({ summary: `remove ${run.name}` }, [
    { name: run.name, life: run.life, revision: run.revision, finish, cause },
  ]);
  return gone ? 'gone' : 'kept';
}

/** A host that does not answer keeps its logs; it must not keep the app from going. */
async function forgetLogs(run: AppRun, host: string): Promise<void> {
  const options = { ...undoing(host), scheduleToCloseTimeout: '1 min' } as const;
  try {
    await proxyActivities<Activities>(options).forgetLogs.executeWithOptions(
      { summary: 'forget its logs' },
      [{ name: run.name, upToGeneration: current(run).state.generation }],
    );
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    log.warn('logs stay behind', { host, reason: reasonOf(error) });
  }
}

function failedEvent(state: AppState): { what: string; why: string; actor: string } | null {
  if (state.serving.phase !== 'failed') return null;
  return { what: 'failed', why: state.serving.reason, actor: 'labkeeper' };
}
