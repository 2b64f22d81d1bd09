import { activityInfo, log, sleep } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { policyOf, type AppPolicy } from '../model/app-spec.ts';
import { initialAppState, type AppState, type Cause } from '../model/app-state.ts';
import { fallsAsleepInMs, readClocks } from '../model/idle-clocks.ts';
import { appEntity, deploymentEntity, instanceName, jobEntity } from '../model/names.ts';
import { LabError } from '../model/failures.ts';
import type { Acknowledgement, App, AppChange } from '../store/ports.ts';
import type {
  BeganLife,
  CloseRouteInput,
  CloseRouteResult,
  ConditionChange,
  PlaceInput,
  RecordInput,
  Writing,
} from './app-inputs.ts';
import { chooseHost } from './choose-host.ts';
import type { ControlPorts } from './ports.ts';
import { withNamedFailures } from './named-failure.ts';
import { observePhases, type Phases } from './phases.ts';
import { traced } from './trace-activity.ts';

/** Gateways are asked again this often while a route closes. */
const askEveryMs = 50;

type Placed =
  | { outcome: 'placed'; host: string; policy: AppPolicy }
  | { outcome: 'refused'; reason: string };

/** Effects on rows only: the control queue, any worker. Each is idempotent by its mark. */
export function createControlActivities(ports: ControlPorts) {
  const { store, metrics } = ports;
  return {
    /** Counts a life and tells what the row knows; null when there is no row. */
    async beginLife(input: { name: string }): Promise<BeganLife | null> {
      const app = await store.apps.beginLife(input.name);
      if (app === null) return null;
      return {
        life: app.mark.life,
        policy: policyOf(app.spec),
        owner: app.owner,
        state: stateFromRow(app),
        unfinished: await store.operations.unfinished(appEntity(input.name)),
      };
    },

    /** Chooses a host and writes the intent before anything is made there. */
    async placeApp(input: PlaceInput): Promise<Placed> {
      const { name, generation, cause } = input;
      const attributes = { 'labkeeper.app': name, 'labkeeper.generation': generation };
      const failureOf = ({ outcome }: Placed) => (outcome === 'refused' ? outcome : undefined);
      const activity = { name: 'place', cause, attributes, failureOf };
      return traced(ports.tracing, activity, async (phases) => {
        const placed = await withNamedFailures(() => phases.time('place', () => place(input)));
        if (placed.outcome === 'placed') {
          observePhases(metrics, phases);
          await noteWake(input, placed.host, phases);
        } else metrics.counter('labkeeper_starts_total', { outcome: 'refused' }).add();
        return placed;
      });
    },

    /** Writes the row as the state machine sees it, and tells the definition's policy and owner. */
    async recordApp(input: RecordInput): Promise<{ policy: AppPolicy; owner?: string }> {
      return withNamedFailures(async () => {
        const app = await existing(input.name);
        await store.apps.advance(input.name, input, {
          condition: {
            ...changeOf(input.condition),
            // A start that was refused before it began said its reason nowhere else.
            ...(input.event?.what === 'failed' ? { detail: input.event.why } : {}),
          },
          // Tried once more in vain: who waits for it must see that, also when the reason is the same.
          beginsAnew:
            input.condition.phase === 'failed' &&
            input.finish.some(({ state }) => state === 'failed'),
          ...(servesNothing(input.condition) ? { route: null } : {}),
          ...(input.event ? { event: input.event } : {}),
          ...finishOf(input),
        });
        return { policy: policyOf(app.spec), owner: app.owner };
      });
    },

    /** Reads last use once; says in how long the first clock ends, and in the row when it falls asleep. */
    async readUse(input: {
      name: string;
      generation: number;
      idle: AppPolicy['idle'];
    }): Promise<{ sleepInMs: number | null; sleepActor: string; sleepCause: string }> {
      const { name, generation } = input;
      const use = await store.use.read(name);
      if (use === null) return { sleepInMs: null, sleepActor: '', sleepCause: 'its row is gone' };
      const clocks = readClocks(use, input.idle);
      await store.apps.setSleepsIn(name, generation, fallsAsleepInMs(use, input.idle));
      return clocks;
    },

    /**
     * The stop protocol. A person's word takes the route away at once. An idle stop first asks every
     * live gateway; any use reopens the route, and one statement judges the race. A gateway that
     * cannot be heard holds it up for a bounded time, then counts as dead.
     */
    async closeRoute(input: CloseRouteInput): Promise<CloseRouteResult> {
      if (!input.mayReopen) return sayClosed(input);
      try {
        const result = await closeUnlessUsed(input);
        const outcome = result.closed ? 'closed' : 'calledOff';
        metrics.counter('labkeeper_idle_stops_total', { outcome }).add();
        return result;
      } catch (error) {
        // A person's word overtook the idle stop: visitors are forwarded until that is carried out.
        if (error instanceof CancelledFailure) await store.routes.reopen(input.name, input.closeId);
        throw error;
      }
    },

    /** The row goes, its events stay. False when a new registration overtook the removal. */
    async removeApp(input: Writing & { cause: Cause }): Promise<boolean> {
      return store.apps.remove(input.name, input, {
        event: { actor: input.cause.actor, what: 'removed', why: input.cause.why },
        ...finishOf(input),
      });
    },

    /** Gives every live row its workflow back; see workflows/repair.ts. */
    async reviveApps(): Promise<{ looked: number; revived: string[] }> {
      const revived: string[] = [];
      let looked = 0;
      for (let after: string | undefined; ;) {
        const page = await store.apps.listLive({ ...(after ? { after } : {}), limit: 200 });
        for (const app of page) {
          looked += 1;
          if ((await ports.ensureWorkflow(app.name)) === 'started') revived.push(app.name);
        }
        after = page.at(-1)?.name;
        if (after === undefined || page.length < 200) break;
      }
      for (const app of await store.deployments.listOpen()) {
        const entity = deploymentEntity(app);
        looked += 1;
        if ((await ports.ensureDeployment(app)) === 'started') revived.push(entity);
      }
      for (let after = 0; ;) {
        const page = await store.jobs.listLive({ after, limit: 200 });
        for (const { id, number } of page) {
          looked += 1;
          after = number;
          if ((await ports.ensureJob(id)) === 'started') revived.push(jobEntity(id));
        }
        if (page.length < 200) break;
      }
      return { looked, revived: revived.slice(0, 100) };
    },
  };

  async function existing(name: string): Promise<App> {
    const app = await store.apps.find(name);
    if (app) return app;
    throw new LabError('not_found', `cannot go on with app ${name}: it is not registered any more`);
  }

  /** For charts: a start does not fail of it. */
  async function noteWake(input: PlaceInput, host: string, phases: Phases): Promise<void> {
    const placeMs = phases.durations().place ?? 0;
    const wake = { app: input.name, generation: input.generation, host, placeMs };
    await store.history.wakePlaced(wake).catch((error: unknown) => {
      log.warn('wake not noted', { app: input.name, error });
    });
  }

  async function place(input: PlaceInput): Promise<Placed> {
    const app = await existing(input.name);
    const choice = await settleHost(app, input.frozenOn);
    if (choice.outcome === 'refused') return choice;
    const { host } = choice;
    await store.apps.advance(input.name, input, {
      condition: {
        wanted: 'awake',
        phase: 'starting',
        generation: input.generation,
        host,
        ...input.cause,
        detail: `waiting for ${host}`,
        exit: null,
        lastLogLines: [],
        restartInMs: null,
        sleepsInMs: null,
      },
      route: null,
      intent: {
        instance: instanceName(input.name, input.generation),
        generation: input.generation,
        host,
        wanted: 'present',
      },
      event: {
        actor: input.cause.actor,
        what: 'starting',
        why: input.cause.why,
        data: { generation: input.generation, host },
      },
      ...finishOf(input),
    });
    return { outcome: 'placed', host, policy: policyOf(app.spec) };
  }

  /** A host that its volumes agree to: two apps that use one first are not placed apart. */
  async function settleHost(
    { name, spec }: App,
    frozenOn: string | null,
  ): Promise<{ outcome: 'placed'; host: string } | { outcome: 'refused'; reason: string }> {
    const names = spec.volumes.map(({ volume }) => volume);
    for (let tries = 1; ; tries += 1) {
      const volumes = names.length === 0 ? [] : await store.volumes.findAll(names);
      const choice = chooseHost(await store.hosts.list(), spec, { frozenOn, volumes });
      if (choice.outcome === 'away') {
        const waitedMs = Date.now() - activityInfo().scheduledTimestampMs;
        if (spec.alwaysOn || waitedMs < ports.hostPatienceMs) {
          throw new LabError('host_unreachable', choice.reason);
        }
        return { outcome: 'refused', reason: choice.reason };
      }
      if (choice.outcome === 'refused') {
        // What a person freed meanwhile counts at the next visit, not only at the next round.
        if (names.length > 0) await store.volumes.askMeasure(names);
        return choice;
      }
      if (names.length === 0 || (await store.volumes.settle(names, choice.host, name))) {
        return choice;
      }
      if (tries === 3) throw new Error(`the volumes of app/${name} are moved all the time`);
    }
  }

  async function closeUnlessUsed(input: CloseRouteInput): Promise<CloseRouteResult> {
    const { name, closeId } = input;
    await store.routes.beginClosing(name, input.generation, closeId);
    const deadlineMs = Date.now() + ports.gatewayVetoMs;
    for (;;) {
      const { state, words, silent } = await store.routes.closingProgress(name, closeId);
      if (state === 'gone') return sayClosed(input);
      if (state === 'open') return inUse(input, 'used while it was about to sleep', 0);
      const overdue = Date.now() >= deadlineMs;
      if (silent.length > 0 && !overdue) {
        await sleep(askEveryMs);
        continue;
      }
      const veto = await readVeto(input, words);
      if (veto) {
        await store.routes.reopen(name, closeId);
        return veto;
      }
      if (!(await store.routes.finishClosing(name, closeId))) {
        return inUse(input, 'used while it was about to sleep', 0);
      }
      if (silent.length > 0) await noteSilence(input, silent.length);
      return sayClosed(input);
    }
  }

  /** The route is away (or goes with this write): visitors are told that it stops. */
  async function sayClosed(input: CloseRouteInput): Promise<CloseRouteResult> {
    await store.apps.advance(input.name, input, {
      condition: changeOf(input.condition),
      route: null,
      ...finishOf(input),
    });
    return { closed: true };
  }

  /** What gateways saw since their last batch: their word is newer than the rows. */
  async function readVeto(
    input: CloseRouteInput,
    words: Acknowledgement[],
  ): Promise<CloseRouteResult | null> {
    const use = await store.use.read(input.name);
    if (use === null) return null;
    const lastUses = words.map(({ lastUseAgoMs }) => lastUseAgoMs ?? Number.POSITIVE_INFINITY);
    const newest = {
      ...use,
      idleMs: Math.min(use.idleMs, ...lastUses),
      inFlight: words.reduce((sum, { inFlight }) => sum + inFlight, 0),
      disconnectedMs: words.some(({ openSockets }) => openSockets > 0) ? 0 : use.disconnectedMs,
    };
    const { sleepInMs } = readClocks(newest, input.idle);
    if (sleepInMs <= 0) return null;
    const why = newest.inFlight > 0 ? 'a request is in flight' : 'used moments ago';
    return { closed: false, why, sleepInMs };
  }

  async function inUse(
    input: CloseRouteInput,
    why: string,
    idleMs: number,
  ): Promise<CloseRouteResult> {
    const use = await store.use.read(input.name);
    const { sleepInMs } = readClocks(
      { idleMs, disconnectedMs: null, awakeMs: use?.awakeMs ?? 0, inFlight: 0 },
      input.idle,
    );
    return { closed: false, why, sleepInMs: Math.max(sleepInMs, 1) };
  }

  async function noteSilence(input: CloseRouteInput, silent: number): Promise<void> {
    await store.events.append(`app/${input.name}`, {
      actor: 'labkeeper',
      what: 'gateway silent',
      why: `${silent} gateways were not heard for ${ports.gatewayVetoMs} ms; the idle stop went on`,
      data: { attempt: activityInfo().attempt },
    });
  }
}

/** The change of a row that a condition of the state machine means. */
export function changeOf(condition: ConditionChange): NonNullable<AppChange['condition']> {
  const { restartAtMs, ...rest } = condition;
  return {
    ...rest,
    restartInMs: restartAtMs === null ? null : Math.max(0, restartAtMs - Date.now()),
    ...(condition.phase === 'ready' ? {} : { sleepsInMs: null }),
    ...(condition.phase === 'failed' ? {} : { detail: null }),
  };
}

export const finishOf = (input: Pick<Writing, 'finish'>): Pick<AppChange, 'finish'> =>
  input.finish.length === 0 ? {} : { finish: input.finish };

const servesNothing = (condition: ConditionChange): boolean =>
  condition.phase !== 'ready' && condition.phase !== 'draining';

/** The state another life left in the row, so that a workflow that starts anew adopts it. */
function stateFromRow(app: App): AppState {
  const { condition } = app;
  const { generation, host } = condition;
  const base: AppState = {
    ...initialAppState({ actor: condition.actor, why: condition.why }),
    wanted: app.spec.alwaysOn && condition.wanted === 'asleep' ? 'awake' : condition.wanted,
    generation,
    lastHost: host,
  };
  if (host === null) return base;
  switch (condition.phase) {
    case 'ready':
    case 'starting':
      // Probed again before it counts as ready: the row may be older than the world.
      return { ...base, serving: { phase: 'starting', generation, host } };
    case 'draining':
      return { ...base, serving: { phase: 'draining', generation, host } };
    case 'failed':
      return {
        ...base,
        serving: {
          phase: 'failed',
          generation,
          exit: condition.exit,
          reason: condition.detail ?? 'failed earlier',
        },
      };
    case 'none':
    case 'restarting':
      return base;
  }
}
