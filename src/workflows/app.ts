import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { ConditionChange, Writing } from '../activities/app-inputs.ts';
import type { AppPolicy } from '../model/app-spec.ts';
import {
  applyEvent,
  describeExit,
  nextStep,
  type AppEvent,
  type AppState,
  type AppStep,
} from '../model/app-state.ts';
import { settle, type OpenOperation } from '../model/app-operation.ts';
import { conditionOf, explainApp } from '../model/app-view.ts';
import { canonicalJson } from '../model/canonical-json.ts';
import { reasonOf } from './failures.ts';
import {
  commandSignal,
  instanceExitedSignal,
  type AppCommand,
  type AppWorkflowInput,
  type InstanceExited,
} from './messages.ts';
import { polling, quick, starting, undoing } from './options.ts';

/** Operation ids remembered against repeats; a repeat comes within seconds of its first. */
const maxHandled = 200;
/** Commands that wait for their end at once; more are refused as failed operations. */
const maxOpen = 500;

/** What one run hands to the next. Only optional fields are ever added. */
interface Carried {
  version: 1;
  life: number;
  revision: number;
  policy: AppPolicy;
  state: AppState;
  /** Canonical text of the condition that the row has. */
  recorded: string;
  sinceMs: number;
  open: OpenOperation[];
  handled: string[];
  inbox: AppCommand[];
  exits: InstanceExited[];
}

/** What one life of the workflow works on. */
type Life = Pick<Carried, 'life' | 'revision' | 'policy' | 'state' | 'recorded'>;

/**
 * One app for as long as it is registered; id `app/<name>`. Handlers record, the loop acts, the
 * state machine in the model decides. Continues as new each time the app falls asleep.
 */
export async function app(input: AppWorkflowInput & { carried?: Carried }): Promise<void> {
  const { name } = input;
  const inbox: AppCommand[] = input.carried?.inbox ?? [];
  let exits: InstanceExited[] = input.carried?.exits ?? [];
  const handled = new Set<string>(input.carried?.handled);
  let open: OpenOperation[] = input.carried?.open ?? [];
  let life: Life | null = input.carried ?? null;
  let sinceMs = input.carried?.sinceMs ?? Date.now();
  let newsCounter = 0;
  let acted = false;

  setHandler(
    commandSignal,
    (command) => {
      inbox.push(command);
      if (life) absorb();
    },
    { description: 'A wish from the outbox: wake, sleep, restart, replace, remove' },
  );
  setHandler(
    instanceExitedSignal,
    (exit) => {
      exits.push(exit);
    },
    { description: 'A host says that the instance of a generation is over' },
  );

  const control = proxyActivities<Activities>(quick);
  const patient = proxyActivities<Activities>(polling);

  if (!life) {
    const began = await control.beginLife.executeWithOptions({ summary: `read app ${name}` }, [
      { name },
    ]);
    // No row: a command for an app that is gone already. Nothing to do, nothing to keep.
    if (began === null) return;
    life = { ...began, revision: 0, recorded: '' };
    inbox.unshift(...began.unfinished);
  }
  const self: Life = life;
  absorb();

  for (;;) {
    if (await collectOneExit()) continue;
    const step = nextStep(self.state, self.policy, Date.now());
    describe(step);
    if (step.kind === 'wait' || step.kind === 'rest') {
      if (await recordIfNews()) continue;
      if (step.kind === 'rest' && acted && open.length === 0) await renew();
      if (workflowInfo().continueAsNewSuggested) await renew();
      const hasNews = () => newsCount() > 0;
      const before = newsCounter;
      const changed = () => newsCounter !== before || hasNews();
      const waitMs =
        step.kind === 'wait' && step.untilMs !== null ? step.untilMs - Date.now() : null;
      if (waitMs === null) await condition(changed);
      else await condition(changed, Math.max(waitMs, 1));
      continue;
    }
    acted = true;
    if (step.kind === 'remove') {
      if (await removed(step.host)) return;
      continue;
    }
    await act(step);
  }

  // --- what the loop does -------------------------------------------------------------------

  async function act(step: Exclude<AppStep, { kind: 'wait' | 'rest' | 'remove' }>): Promise<void> {
    switch (step.kind) {
      case 'place': {
        const write = writing();
        const placed = await control.placeApp.executeWithOptions(
          { summary: `place ${name} for ${self.state.cause.actor}` },
          [
            {
              ...write,
              generation: step.generation,
              frozenOn: self.state.pausedGeneration === null ? null : self.state.lastHost,
              cause: self.state.cause,
            },
          ],
        );
        if (placed.outcome === 'refused') {
          apply({ type: 'placed', generation: step.generation, host: '' });
          apply({
            type: 'startFailed',
            generation: step.generation,
            exit: null,
            reason: placed.reason,
            permanent: true,
          });
          return;
        }
        written(write);
        self.policy = placed.policy;
        apply({ type: 'placed', generation: step.generation, host: placed.host });
        return;
      }
      case 'start':
        await start(step.generation, step.host);
        return;
      case 'readUse': {
        const read = await control.readUse.executeWithOptions({ summary: 'read last use' }, [
          { name, generation: step.generation, idle: self.policy.idle },
        ]);
        apply({ type: 'useRead', ...read });
        return;
      }
      case 'closeRoute':
        await closeRoute(step.generation, step.mayReopen);
        return;
      case 'stop': {
        const event = { type: 'stopped', generation: step.generation, paused: step.pause } as const;
        const { cause } = self.state;
        const after = applyEvent(self.state, event, self.policy, Date.now());
        const write = writing(after);
        await proxyActivities<Activities>(undoing(step.host)).stopInstance.executeWithOptions(
          { summary: `${step.pause ? 'freeze' : 'stop'} generation ${step.generation}` },
          [
            {
              ...write,
              generation: step.generation,
              host: step.host,
              pause: step.pause,
              graceMs: self.policy.stopGraceMs,
              cause,
              condition: conditionOf(after),
            },
          ],
        );
        written(write, after);
        apply(event);
        return;
      }
    }
  }

  /** Starts and probes; a wish to stop or renew cancels it, and the loop then undoes it. */
  async function start(generation: number, host: string): Promise<void> {
    const readyEvent = {
      type: 'becameReady',
      generation,
      host,
      atMs: Date.now(),
    } as const;
    const after = applyEvent(self.state, readyEvent, self.policy, Date.now());
    const write = writing(after);
    const scope = new CancellationScope();
    const attempt = scope.run(() =>
      proxyActivities<Activities>(starting(host)).startInstance.executeWithOptions(
        { summary: `start generation ${generation} on ${host}` },
        [
          {
            ...write,
            generation,
            host,
            cause: self.state.cause,
            condition: conditionOf(after),
            sleepsInMs: unusedForMs(self.policy),
          },
        ],
      ),
    );
    const unwanted = () => self.state.wanted !== 'awake' || self.state.renew;
    let over = false;
    const ended = attempt.finally(() => {
      over = true;
    });
    // Both are awaited below; this only keeps an early rejection from counting as unhandled.
    ended.catch(() => undefined);
    await condition(() => over || unwanted());
    if (!over) scope.cancel();
    try {
      const result = await attempt;
      if (result.outcome === 'ready') {
        apply({ ...readyEvent, atMs: Date.now() });
        written(write, after);
      } else {
        apply({ type: 'startFailed', generation, ...omitOutcome(result) });
      }
    } catch (error) {
      if (isCancellation(error) && !CancellationScope.current().consideredCancelled) return;
      if (!(error instanceof ActivityFailure)) throw error;
      apply({
        type: 'startFailed',
        generation,
        exit: null,
        reason: reasonOf(error),
        permanent: false,
      });
    }
  }

  async function closeRoute(generation: number, mayReopen: boolean): Promise<void> {
    const closeId = uuid4();
    const { cause } = self.state;
    const event = { type: 'routeClosed', generation } as const;
    const after = applyEvent(self.state, event, self.policy, Date.now());
    const write = writing(after);
    const result = await patient.closeRoute.executeWithOptions(
      { summary: mayReopen ? 'ask every gateway, then close' : 'close the route' },
      [
        {
          ...write,
          generation,
          mayReopen,
          closeId,
          condition: conditionOf(after),
          idle: self.policy.idle,
        },
      ],
    );
    if (result.closed) {
      written(write, after);
      apply(event);
      return;
    }
    // Use reopened it, or a person spoke meanwhile; then the person's word stands.
    if (self.state.cause === cause) {
      const idleCheckAtMs = Date.now() + result.sleepInMs;
      apply({ type: 'routeReopened', generation, idleCheckAtMs });
      self.state = { ...self.state, cause: { actor: 'a visitor', why: result.why } };
    }
  }

  /** One crash at a time: exit and last log lines go to the row before anything else happens. */
  async function collectOneExit(): Promise<boolean> {
    const { serving } = self.state;
    const serves = serving.phase === 'ready' || serving.phase === 'starting';
    // A start in progress sees an exit by itself, unless it comes between its last look and its end.
    const relevant = exits.filter((exit) => serves && exit.generation === serving.generation);
    exits = serving.phase === 'ready' ? [] : relevant;
    const [exit] = relevant;
    if (!exit || serving.phase !== 'ready') return false;
    acted = true;
    const { host } = serving;
    apply({ type: 'exited', ...exit });
    const after = self.state;
    const write = writing();
    await proxyActivities<Activities>(undoing(host)).collectExit.executeWithOptions(
      { summary: `collect the exit of generation ${exit.generation}` },
      [
        {
          ...write,
          ...exit,
          host,
          condition: conditionOf(after),
          what: after.serving.phase === 'failed' ? 'failed' : 'crashed',
          why: after.serving.phase === 'failed' ? after.serving.reason : describeExit(exit.exit),
        },
      ],
    );
    written(write, after);
    return true;
  }

  /** Writes the row when state or finished operations are not in it yet. */
  async function recordIfNews(): Promise<boolean> {
    const now = conditionOf(self.state);
    const changed = recordable(now) !== self.recorded;
    const write = writing();
    if (!changed && write.finish.length === 0) {
      self.revision -= 1;
      return false;
    }
    const after = self.state;
    const { policy } = await control.recordApp.executeWithOptions({ summary: 'write the row' }, [
      { ...write, condition: now, event: changed ? failedEvent(after) : null },
    ]);
    written(write, after);
    adopt(policy);
    return true;
  }

  /** A definition may have changed: its clocks hold from now on. */
  function adopt(policy: AppPolicy): void {
    if (canonicalJson(policy) === canonicalJson(self.policy)) return;
    self.policy = policy;
    self.state = { ...self.state, idleCheckAtMs: Date.now() };
    if (policy.alwaysOn && self.state.wanted === 'asleep') {
      self.state = { ...self.state, wanted: 'awake' };
    }
  }

  async function removed(host: string | null): Promise<boolean> {
    // The row says first that it goes, so that people see it and a registration meanwhile is told.
    if (await recordIfNews()) return false;
    if (host !== null) await forgetLogs(host);
    const { cause } = self.state;
    const ids = open.filter(({ command }) => command === 'remove').map(({ id }) => id);
    const gone = await control.removeApp.executeWithOptions({ summary: `remove ${name}` }, [
      {
        name,
        life: self.life,
        revision: ++self.revision,
        finish: ids.map((id) => ({ id, state: 'succeeded' as const, detail: 'removed' })),
        cause,
      },
    ]);
    if (!gone) {
      // A new registration is on its way: its command brings the app back.
      await condition(() => self.state.wanted !== 'gone');
      return false;
    }
    if (inbox.length > 0 || self.state.wanted !== 'gone') {
      // Registered again after the row went: another life, with what came for it.
      await condition(allHandlersFinished);
      await continueAsNew<typeof app>({ name });
    }
    return true;
  }

  /** A host that does not answer keeps its logs; it must not keep the app from going. */
  async function forgetLogs(host: string): Promise<void> {
    const options = { ...undoing(host), scheduleToCloseTimeout: '1 min' } as const;
    try {
      await proxyActivities<Activities>(options).forgetLogs.executeWithOptions(
        { summary: 'forget its logs' },
        [{ name, upToGeneration: self.state.generation }],
      );
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      log.warn('logs stay behind', { host, reason: reasonOf(error) });
    }
  }

  // --- small parts --------------------------------------------------------------------------

  function absorb(): void {
    if (!life) return;
    for (const command of inbox.splice(0)) {
      if (handled.has(command.operationId)) continue;
      handled.add(command.operationId);
      newsCounter += 1;
      if (open.length >= maxOpen) {
        log.warn('too many open commands', { operationId: command.operationId });
        continue;
      }
      open.push({ id: command.operationId, command: command.command });
      life.state = applyEvent(
        life.state,
        { type: 'commanded', ...command },
        life.policy,
        Date.now(),
      );
    }
    for (const id of handled) {
      if (handled.size <= maxHandled) break;
      handled.delete(id);
    }
  }

  function newsCount(): number {
    const { serving } = self.state;
    if (serving.phase !== 'ready') return 0;
    return exits.filter((exit) => exit.generation === serving.generation).length;
  }

  function apply(event: AppEvent): void {
    const before = self.state.serving.phase;
    self.state = applyEvent(self.state, event, self.policy, Date.now());
    if (self.state.serving.phase !== before) sinceMs = Date.now();
  }

  /** The next place in the order of writes, with the operations that `after` settles. */
  function writing(after: AppState = self.state): Writing {
    self.revision += 1;
    return { name, life: self.life, revision: self.revision, finish: settled(after) };
  }

  /** A write is committed: its finished operations are over, and the row has its condition. */
  function written(write: Writing, after?: AppState): void {
    const ids = new Set(write.finish.map(({ id }) => id));
    open = open.filter(({ id }) => !ids.has(id));
    if (after) self.recorded = recordable(conditionOf(after));
  }

  function settled(after: AppState): Writing['finish'] {
    const finish: Writing['finish'] = [];
    for (const operation of open) {
      const end = settle(operation.command, after);
      if (end) finish.push({ id: operation.id, ...end });
    }
    return finish;
  }

  function describe(step: AppStep): void {
    const shown = conditionOf(self.state);
    const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
    const sentence = explainApp(name, {
      ...shown,
      since: new Date(sinceMs).toISOString(),
      detail: shown.phase === 'failed' ? null : `next: ${step.kind}`,
      restartAt: at(shown.restartAtMs),
      sleepsAt: at(step.kind === 'wait' ? step.untilMs : null),
      lastLogLines: [],
    });
    setCurrentDetails(sentence);
  }

  async function renew(): Promise<never> {
    await condition(allHandlersFinished);
    return continueAsNew<typeof app>({
      name,
      carried: {
        version: 1,
        life: self.life,
        revision: self.revision,
        policy: self.policy,
        state: self.state,
        recorded: self.recorded,
        sinceMs,
        open,
        handled: [...handled],
        inbox,
        exits,
      },
    });
  }
}

/** How long it would stay awake from its start if nobody ever used it. */
function unusedForMs({ alwaysOn, idle }: AppPolicy): number | null {
  if (alwaysOn) return null;
  return Math.min(idle.idleAfterMs, idle.maxAgeMs ?? Number.POSITIVE_INFINITY);
}

function failedEvent(state: AppState): { what: string; why: string; actor: string } | null {
  if (state.serving.phase !== 'failed') return null;
  return { what: 'failed', why: state.serving.reason, actor: 'labkeeper' };
}

const recordable = (condition: ConditionChange): string => canonicalJson(condition);

function omitOutcome<T extends { outcome: string }>(result: T): Omit<T, 'outcome'> {
  const { outcome: _outcome, ...rest } = result;
  return rest;
}
