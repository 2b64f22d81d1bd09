import {
  ActivityFailure,
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  uuid4,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { AppPolicy } from '../model/app-spec.ts';
import type { AppStep } from '../model/app-step.ts';
import { conditionOf } from '../model/app-view.ts';
import { apply, current, predict, writing, written, type AppRun } from './app-run.ts';
import { reasonOf } from './failures.ts';
import { polling, quick, starting, undoing } from './options.ts';

type Step<Kind extends AppStep['kind']> = Extract<AppStep, { kind: Kind }>;

const control = proxyActivities<Activities>(quick);
const patient = proxyActivities<Activities>(polling);

/** Carries out one step of the state machine; the facts that come of it are applied. */
export async function act(
  run: AppRun,
  step: Exclude<AppStep, { kind: 'wait' | 'rest' | 'remove' }>,
): Promise<void> {
  switch (step.kind) {
    case 'place':
      return place(run, step);
    case 'start':
      return start(run, step);
    case 'readUse':
      return readUse(run, step);
    case 'closeRoute':
      return closeRoute(run, step);
    case 'stop':
      return stop(run, step);
  }
}

async function place(run: AppRun, { generation }: Step<'place'>): Promise<void> {
  const { state } = current(run);
  const { cause } = state;
  const frozenOn = state.pausedGeneration === null ? null : state.lastHost;
  const write = writing(run);
  const placed = await control.placeApp.executeWithOptions(
    { summary: `place ${run.name} for ${cause.actor}` },
    [{ ...write, generation, frozenOn, cause }],
  );
  if (placed.outcome === 'refused') {
    const { reason } = placed;
    apply(run, { type: 'placed', generation, host: '' });
    apply(run, { type: 'startFailed', generation, exit: null, reason, permanent: true });
    return;
  }
  written(run, write);
  run.now = { ...current(run), policy: placed.policy };
  apply(run, { type: 'placed', generation, host: placed.host });
}

/** Starts and probes; a wish to stop or renew cancels it, and the loop then undoes it. */
async function start(run: AppRun, { generation, host }: Step<'start'>): Promise<void> {
  const { state, policy } = current(run);
  const ready = { type: 'becameReady', generation, host, atMs: Date.now() } as const;
  const after = predict(run, ready);
  const write = writing(run, after);
  const scope = new CancellationScope();
  const attempt = scope.run(() =>
    proxyActivities<Activities>(starting(host)).startInstance.executeWithOptions(
      { summary: `start generation ${generation} on ${host}` },
      [
        {
          ...write,
          generation,
          host,
          cause: state.cause,
          condition: conditionOf(after),
          sleepsInMs: unusedForMs(policy),
        },
      ],
    ),
  );
  await settledOr(attempt, () => isUnwanted(run));
  if (isUnwanted(run)) scope.cancel();
  try {
    const result = await attempt;
    if (result.outcome === 'ready') {
      apply(run, { ...ready, atMs: Date.now() });
      written(run, write, after);
      return;
    }
    const { exit, reason, permanent } = result;
    apply(run, { type: 'startFailed', generation, exit, reason, permanent });
  } catch (error) {
    if (isCancellation(error) && !CancellationScope.current().consideredCancelled) return;
    if (!(error instanceof ActivityFailure)) throw error;
    const reason = reasonOf(error);
    apply(run, { type: 'startFailed', generation, exit: null, reason, permanent: false });
  }
}

/** Resolves when the attempt is over, however it ended, or when `enough` becomes true. */
async function settledOr(attempt: Promise<unknown>, enough: () => boolean): Promise<void> {
  let over = false;
  const end = () => {
    over = true;
  };
  attempt.then(end, end);
  await condition(() => over || enough());
}

function isUnwanted(run: AppRun): boolean {
  const { state } = current(run);
  return state.wanted !== 'awake' || state.renew;
}

/** How long it would stay awake from its start if nobody ever used it. */
function unusedForMs({ alwaysOn, idle }: AppPolicy): number | null {
  if (alwaysOn) return null;
  return Math.min(idle.idleAfterMs, idle.maxAgeMs ?? Number.POSITIVE_INFINITY);
}

async function readUse(run: AppRun, { generation }: Step<'readUse'>): Promise<void> {
  const { idle } = current(run).policy;
  const read = await control.readUse.executeWithOptions({ summary: 'read last use' }, [
    { name: run.name, generation, idle },
  ]);
  apply(run, { type: 'useRead', ...read });
}

async function closeRoute(
  run: AppRun,
  { generation, mayReopen }: Step<'closeRoute'>,
): Promise<void> {
  const { state, policy } = current(run);
  const closed = { type: 'routeClosed', generation } as const;
  const after = predict(run, closed);
  const write = writing(run, after);
  const closeId = uuid4();
  const scope = new CancellationScope();
  const attempt = scope.run(() =>
    patient.closeRoute.executeWithOptions(
      { summary: mayReopen ? 'ask every gateway, then close' : 'close the route' },
      [
        {
          ...write,
          generation,
          mayReopen,
          closeId,
          condition: conditionOf(after),
          idle: policy.idle,
        },
      ],
    ),
  );
  // Asking gateways may take minutes when one is silent: a person's word does not wait for that.
  const isOvertaken = () => mayReopen && current(run).state.cause !== state.cause;
  await settledOr(attempt, isOvertaken);
  if (isOvertaken()) scope.cancel();
  const result = await attempt.catch((error: unknown) => {
    if (isCancellation(error) && !CancellationScope.current().consideredCancelled) return null;
    throw error;
  });
  if (result === null) {
    // It may have closed the route before it heard: starting adopts the instance and publishes again.
    const { wanted, renew } = current(run).state;
    if (wanted === 'awake' && !renew) apply(run, closed);
    return;
  }
  if (result.closed) {
    written(run, write, after);
    apply(run, closed);
    return;
  }
  // Use reopened it; if a person spoke meanwhile, the person's word stands.
  if (current(run).state.cause !== state.cause) return;
  const idleCheckAtMs = Date.now() + result.sleepInMs;
  const cause = { actor: 'a visitor', why: result.why };
  apply(run, { type: 'routeReopened', generation, idleCheckAtMs, cause });
}

async function stop(run: AppRun, { generation, host, pause }: Step<'stop'>): Promise<void> {
  const { state, policy } = current(run);
  const stopped = { type: 'stopped', generation, paused: pause } as const;
  const after = predict(run, stopped);
  const write = writing(run, after);
  await proxyActivities<Activities>(undoing(host)).stopInstance.executeWithOptions(
    { summary: `${pause ? 'freeze' : 'stop'} generation ${generation}` },
    [
      {
        ...write,
        generation,
        host,
        pause,
        graceMs: policy.stopGraceMs,
        cause: state.cause,
        condition: conditionOf(after),
      },
    ],
  );
  written(run, write, after);
  apply(run, stopped);
}
