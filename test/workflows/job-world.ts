import { randomUUID } from 'node:crypto';
import { cancelled, heartbeat, sleep } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { createJobControl, createJobEffects } from '../../src/activities/index.ts';
import type { EndJobInput, JobWriting } from '../../src/activities/job-inputs.ts';
import type { Cause, Exit } from '../../src/model/app-state.ts';
import { jobPolicyOf, jobSpecSchema, type JobPolicy } from '../../src/model/job-spec.ts';
import {
  isEnded,
  judgeAttempt,
  judgeLoss,
  type AttemptEnd,
  type JobNews,
  type JobPlace,
  type JobState,
  type JobStop,
  type Verdict,
} from '../../src/model/job-state.ts';

/** A place where an activity waits: `reached` tells that it is there, `open` lets it go on. */
export interface Gate {
  reached(): void;
  open: Promise<void>;
}

/**
 * A world for tests of the workflow of one job: a row as strict as the real store (an older mark, another attempt or a
 * row that is over is refused), one host, and activities that keep a ledger. What breaks a promise is thrown,
 * and stands in `broken` for the test to see.
 */
export interface JobWorld {
  activities: ReturnType<typeof createJobControl> & ReturnType<typeof createJobEffects>;
  /** The one host there is; of no other test. */
  host: string;
  /** What happened, in order: `start 1`, `end 1`, `row running`. */
  ledger: string[];
  broken: string[];
  row: {
    state: JobState;
    attempt: number;
    cancel: Cause | null;
    detail: string | null;
    deadlineAtMs: number | null;
    queueDeadlineAtMs: number;
    /** Its host is given up. */
    isLost: boolean;
    hostLosses: number;
  };
  policy: JobPolicy;
  queueDeadlineMs: number;
  leases: number;
  /** Instances by attempt: `null` runs. */
  instances: Map<number, Exit | null>;
  /** What starts fail with, in order; then they succeed. */
  failures: AttemptEnd['failure'][];
  /** Commands that end as soon as they have started. */
  shortLived: boolean;
  /** Waits in a start after the instance was made, and in an end before it looks. */
  /** Activities whose worker dies in them, once: they never answer and beat no more. */
  deaths: Set<'start' | 'end'>;
  /** Opened at the end of the test, since a worker waits for its activities. */
  isOver: ReturnType<typeof gate>;
  startGate: Gate | null;
  endGate: Gate | null;
  /** The row's side of a grant; what the workflow is to be told. Null when it does not wait. */
  grant(): JobNews | null;
  /** The row's side of giving the host up, which takes what runs there out of this world. */
  loseHost(): JobNews | null;
  /** The row's side of a cancel. */
  cancel(cause: Cause): JobNews | null;
}

const nobody: Exit = { exitCode: null, signal: null, outOfMemory: false };
export const exitedWith = (exitCode: number): Exit => ({ ...nobody, exitCode });

export function createJobWorld(given: Partial<JobPolicy> = {}, queueDeadlineMs = 60_000): JobWorld {
  const policy = {
    ...jobPolicyOf(jobSpecSchema.parse({ command: ['true'], retries: { delayMs: 0 } })),
    ...given,
  };
  let mark = { life: 0, revision: 0 };
  const breaks = (what: string): never => {
    world.broken.push(what);
    throw new Error(what);
  };

  const world: JobWorld = {
    host: `host-${randomUUID().slice(0, 8)}`,
    ledger: [],
    broken: [],
    row: {
      ...{ state: 'queued', attempt: 0, cancel: null, detail: null, deadlineAtMs: null },
      queueDeadlineAtMs: Date.now() + queueDeadlineMs,
      isLost: false,
      hostLosses: 0,
    },
    policy,
    queueDeadlineMs,
    leases: 0,
    instances: new Map(),
    failures: [],
    shortLived: false,
    deaths: new Set(),
    isOver: gate(),
    startGate: null,
    endGate: null,

    grant() {
      const { row } = world;
      if (row.state !== 'queued' || row.cancel !== null) return null;
      if (world.leases > 0) breaks('granted twice at once');
      row.state = 'preparing';
      row.attempt += 1;
      world.leases += 1;
      return { kind: 'granted', attempt: row.attempt, host: world.host };
    },
    loseHost() {
      const { row } = world;
      if (world.leases === 0 || row.isLost) return null;
      row.isLost = true;
      world.instances.delete(row.attempt);
      return { kind: 'hostLost', attempt: row.attempt };
    },
    cancel(cause) {
      const { row } = world;
      if (isEnded(row.state) || row.cancel !== null) return null;
      row.cancel = cause;
      if (row.state !== 'queued') {
        row.state = 'stopping';
        return { kind: 'canceled', cause };
      }
      finish('canceled');
      return { kind: 'over' };
    },

    activities: {
      async beginJob() {
        const { row } = world;
        if (isEnded(row.state)) return null;
        mark = { life: mark.life + 1, revision: 0 };
        const stop: JobStop | null = row.cancel && { reason: 'canceled', cause: row.cancel };
        return {
          life: mark.life,
          policy,
          queueDeadlineMs,
          state: {
            place: placeOfRow(),
            retries: Math.max(
              0,
              (row.state === 'queued' ? row.attempt : row.attempt - 1) - row.hostLosses,
            ),
            queueDeadlineAtMs: row.queueDeadlineAtMs,
            stop,
            early: null,
            over: row.state === 'queued' ? row.attempt : Math.max(0, row.attempt - 1),
          },
        };
      },

      async leaveQueue({ stop, ...at }) {
        const { row } = world;
        if (row.state === 'queued' && accepts(at)) finish(stop ? 'canceled' : 'expired');
        if (isEnded(row.state)) return { outcome: 'left' };
        return { outcome: 'granted', grant: { attempt: row.attempt, host: world.host } };
      },

      async startJob(input) {
        const { attempt } = input;
        world.ledger.push(`start ${attempt}`);
        const failure = world.failures.shift();
        if (failure !== undefined && failure !== null) {
          const left = { exit: null, byItself: false, failure };
          return { outcome: 'over', verdict: write({ ...input, stop: null }, left) };
        }
        if (!world.instances.has(attempt)) {
          for (const [other, exit] of world.instances) {
            if (exit === null) breaks(`attempt ${attempt} began while ${other} ran`);
          }
          world.instances.set(attempt, world.shortLived ? exitedWith(0) : null);
        }
        if (world.deaths.delete('start')) return world.isOver.open.then(die);
        await pass(world.startGate);
        if (world.row.attempt !== attempt || world.leases === 0) {
          throw new CancelledFailure('overtaken');
        }
        if (accepts(input)) {
          world.row.state = world.row.cancel ? 'stopping' : 'running';
          world.row.deadlineAtMs = Date.now() + policy.runDeadlineMs;
          world.ledger.push(`row ${world.row.state}`);
        }
        return { outcome: 'started', hasExited: world.instances.get(attempt) !== null };
      },

      async loseAttempt(input) {
        const { attempt, stop } = input;
        const { row } = world;
        world.ledger.push(`lose ${attempt}`);
        const verdict = judgeLoss(
          { pickedUp: true, hostLosses: row.hostLosses, detail: 'its host was given up' },
          { stop, policy, queueDeadlineMs },
        );
        if (row.isLost && row.attempt === attempt) {
          row.hostLosses += 1;
          settle(input, verdict);
        }
        return { verdict };
      },

      async endJob(input) {
        const { attempt, stop } = input;
        if (world.deaths.delete('end')) return world.isOver.open.then(die);
        await pass(world.endGate);
        const found = world.instances.get(attempt);
        if (found === null && stop === null) {
          world.ledger.push(`looked at ${attempt}`);
          return { outcome: 'runs', deadlineInMs: 60_000 };
        }
        world.ledger.push(`end ${attempt}`);
        const exit = found === null ? { ...nobody, signal: 'SIGTERM' } : (found ?? null);
        const byItself = found !== null && (found !== undefined || stop === null);
        return { outcome: 'over', verdict: write(input, { exit, byItself, failure: null }) };
      },
    },
  };
  return world;

  function placeOfRow(): JobPlace {
    const { state, attempt, deadlineAtMs, isLost } = world.row;
    if (state === 'queued') return { at: 'queued' };
    if (isLost) return { at: 'lost', attempt, host: world.host };
    if (deadlineAtMs === null) return { at: 'granted', attempt, host: world.host };
    return { at: 'running', attempt, host: world.host, deadlineAtMs };
  }

  function accepts({ life, revision }: JobWriting): boolean {
    const isNewer = life > mark.life || (life === mark.life && revision > mark.revision);
    if (!isNewer || isEnded(world.row.state)) return false;
    mark = { life, revision };
    return true;
  }

  function write(input: EndJobInput, left: AttemptEnd): Verdict {
    const verdict = judgeAttempt(left, input);
    world.instances.delete(input.attempt);
    settle(input, verdict);
    return verdict;
  }

  function settle(input: JobWriting, verdict: Verdict): void {
    if (!accepts(input)) return;
    if (world.leases !== 1) breaks('the end of an attempt that holds nothing');
    world.leases -= 1;
    world.row.isLost = false;
    world.row.deadlineAtMs = null;
    if (verdict.state === 'queued') {
      world.row.state = 'queued';
      world.row.queueDeadlineAtMs = Date.now() + verdict.queueDeadlineMs;
      world.ledger.push('row queued');
    } else finish(verdict.state, verdict.detail);
  }

  function finish(state: JobState, detail: string | null = null): void {
    if (isEnded(world.row.state)) breaks(`a second end: ${state} after ${world.row.state}`);
    world.row.state = state;
    world.row.detail = detail;
    world.ledger.push(`row ${state}`);
  }
}

/** Waits at a gate until it opens, or the activity is called off. */
async function pass(gate: Gate | null): Promise<void> {
  if (gate === null) return;
  gate.reached();
  const beating = setInterval(() => heartbeat(), 50);
  try {
    await Promise.race([gate.open, cancelled(), sleep('60 s')]);
  } finally {
    clearInterval(beating);
  }
}

function die(): never {
  throw new CancelledFailure('its worker is dead');
}

/** A gate, and what tells that somebody waits there. */
export function gate(): Gate & { isReached: Promise<void>; letGo(): void } {
  let reached = () => {};
  let letGo = () => {};
  const isReached = new Promise<void>((done) => (reached = done));
  const open = new Promise<void>((done) => (letGo = done));
  return { reached: () => reached(), open, isReached, letGo: () => letGo() };
}
