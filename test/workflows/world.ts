import { Context, heartbeat } from '@temporalio/activity';
import type { createControlActivities, createHostActivities } from '../../src/activities/index.ts';
import type {
  CloseRouteInput,
  CollectExitInput,
  PlaceInput,
  RecordInput,
  StartInput,
  StartResult,
  StopInput,
  Writing,
} from '../../src/activities/app-inputs.ts';
import type { AppCommand } from '../../src/workflows/messages.ts';
import { policyOf, appSpecSchema, type AppPolicy } from '../../src/model/app-spec.ts';
import { idleActor, initialAppState } from '../../src/model/app-state.ts';

/** What happened in the world, in order: `start 1`, `stop 1`, `row ready`. */
type Ledger = string[];

/**
 * A world for workflow tests: activities that do nothing but keep a ledger, and that a test may hold
 * up or make fail. Rows are as strict as the real store: an older mark is refused.
 */
export interface World {
  activities: ReturnType<typeof createControlActivities> & ReturnType<typeof createHostActivities>;
  ledger: Ledger;
  /** The row, as the last accepted write left it; null when removed. */
  row: { phase: string; wanted: string; generation: number } | null;
  finished: Map<string, { state: string; detail: string }>;
  policy: AppPolicy;
  owner: string;
  /** Commands that an earlier life took with it. */
  unfinished: AppCommand[];
  /** Why no host takes it; null when one does. */
  refusal: string | null;
  /** Instances that run now. */
  running: Set<number>;
  /** What the next starts come to; ready when empty. */
  starts: StartResult[];
  /** Milliseconds each idle reading answers, in order; then 0. */
  uses: (number | null)[];
  /** What the next idle stops meet, in order; then they close. */
  reopenings: string[];
  /** A start waits here while the gate is set. */
  gate: { reached: () => void; open: Promise<void> } | null;
  /** A closing waits here while the gate is set. */
  closeGate: { reached: () => void; open: Promise<void> } | null;
}

export function createWorld(policy: Partial<AppPolicy> = {}): World {
  const defaults = policyOf(appSpecSchema.parse({ command: ['true'] }));
  let lastRevision = 0;
  let lives = 0;
  const world: World = {
    ledger: [],
    row: { phase: 'none', wanted: 'asleep', generation: 0 },
    finished: new Map(),
    policy: { ...defaults, ...policy },
    owner: 'ada',
    unfinished: [],
    refusal: null,
    running: new Set(),
    starts: [],
    uses: [],
    reopenings: [],
    gate: null,
    closeGate: null,
    activities: {
      async beginLife() {
        if (world.row === null) return null;
        lives += 1;
        lastRevision = 0;
        const state = initialAppState({ actor: 'test', why: 'registered' });
        const { policy, unfinished, owner } = world;
        return { life: lives, policy, owner, state, unfinished };
      },
      async placeApp(input: PlaceInput) {
        if (world.refusal !== null) return { outcome: 'refused', reason: world.refusal };
        write(input, 'starting', 'awake', input.generation);
        return { outcome: 'placed', host: hostOf(input.name), policy: world.policy };
      },
      async recordApp(input: RecordInput) {
        write(input, input.condition.phase, input.condition.wanted, input.condition.generation);
        return { policy: world.policy, owner: world.owner };
      },
      async startInstance(input: StartInput) {
        world.running.add(input.generation);
        world.ledger.push(`start ${input.generation}`);
        if (world.gate) {
          world.gate.reached();
          await world.gate.open;
        }
        const result = world.starts.shift() ?? { outcome: 'ready' };
        if (result.outcome === 'failed') {
          world.running.delete(input.generation);
          world.ledger.push(`start failed: ${result.reason}`);
          return result;
        }
        write(input, 'ready', input.condition.wanted, input.generation);
        return result;
      },
      async stopInstance(input: StopInput) {
        if (!input.pause) world.running.delete(input.generation);
        world.ledger.push(`${input.pause ? 'freeze' : 'stop'} ${input.generation}`);
        write(input, input.condition.phase, input.condition.wanted, input.generation);
      },
      async collectExit(input: CollectExitInput) {
        world.running.delete(input.generation);
        world.ledger.push(`${input.what} ${input.generation}: ${input.why}`);
        write(input, input.condition.phase, input.condition.wanted, input.generation);
      },
      async readUse() {
        const sleepInMs = world.uses.shift();
        const left = sleepInMs === undefined ? 0 : sleepInMs;
        return { sleepInMs: left, sleepActor: idleActor, sleepCause: 'not used' };
      },
      async closeRoute(input: CloseRouteInput) {
        if (world.closeGate) {
          world.closeGate.reached();
          await Promise.race([world.closeGate.open, heartbeatUntilCancelled()]);
        }
        const why = input.mayReopen ? world.reopenings.shift() : undefined;
        if (why !== undefined) {
          world.ledger.push(`reopened: ${why}`);
          return { closed: false, why, sleepInMs: 1 };
        }
        world.ledger.push('route closed');
        return { closed: true };
      },
      async forgetLogs() {
        world.ledger.push('forget logs');
      },
      async removeApp(input) {
        write(input, 'removed', 'gone', 0);
        world.row = null;
        return true;
      },
      async reviveApps() {
        return { looked: 0, revived: [] };
      },
    },
  };
  return world;

  function write(input: Writing, phase: string, wanted: string, generation: number): void {
    if (input.revision <= lastRevision) return;
    lastRevision = input.revision;
    world.row = { phase, wanted, generation };
    world.ledger.push(`row ${phase}`);
    for (const { id, state, detail } of input.finish) {
      if (!world.finished.has(id)) world.finished.set(id, { state, detail });
    }
  }
}

/** Rejects once the activity is cancelled; a heartbeat brings the word. */
async function heartbeatUntilCancelled(): Promise<never> {
  const beating = setInterval(() => heartbeat(), 50);
  try {
    return await Context.current().cancelled;
  } finally {
    clearInterval(beating);
  }
}

/** Each test has its own host queue, so that suites never serve each other's activities. */
export const hostOf = (name: string): string => `host-of-${name}`;
