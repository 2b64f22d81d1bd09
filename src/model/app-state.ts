import type { AppPolicy } from './app-spec.ts';

/**
 * The life of one app as a pure state machine. `applyEvent` says what a fact changes, `nextStep`
 * (app-step.ts) what to do about the state as it is now. The workflow only wires the two to
 * messages, timers and activities, so every race is a test without Temporal.
 */
export type Wanted = 'awake' | 'asleep' | 'gone';

/** Who or what caused something, and why: shown to people as it is. */
export interface Cause {
  actor: string;
  why: string;
  /** W3C trace context of the request that asked, where traces are recorded. Nobody decides by it. */
  traceparent?: string;
}

/** How an instance ended. Exactly one of exitCode and signal is set, unless nothing is known. */
export interface Exit {
  exitCode: number | null;
  signal: string | null;
  outOfMemory: boolean;
}

export type Serving =
  | { phase: 'none' }
  | { phase: 'starting'; generation: number; host: string }
  | { phase: 'ready'; generation: number; host: string; readyAtMs: number }
  | { phase: 'draining'; generation: number; host: string }
  | { phase: 'restarting'; generation: number; restartAtMs: number; exit: Exit | null }
  | { phase: 'failed'; generation: number; exit: Exit | null; reason: string };

export interface AppState {
  wanted: Wanted;
  serving: Serving;
  /** The highest generation ever used; the next instance gets this plus one. */
  generation: number;
  /** The instance must be replaced (restart asked for, or a new definition). */
  renew: boolean;
  /** A pause left the instance of this generation frozen instead of removed. */
  pausedGeneration: number | null;
  /** Where the newest instance is or was: a frozen one wakes there, logs lie there. */
  lastHost: string | null;
  /** Times of recent crash restarts, oldest first, bounded by the policy's budget. */
  restartsAtMs: number[];
  /** When the idle clocks must be read next; only meaningful while ready. */
  idleCheckAtMs: number;
  cause: Cause;
}

export type Command = 'wake' | 'sleep' | 'restart' | 'replace' | 'remove';

export type AppEvent =
  | { type: 'commanded'; command: Command; cause: Cause; needsNewInstance?: boolean }
  | { type: 'placed'; generation: number; host: string }
  | { type: 'becameReady'; generation: number; host: string; atMs: number }
  | {
      type: 'startFailed';
      generation: number;
      exit: Exit | null;
      reason: string;
      permanent: boolean;
    }
  | { type: 'exited'; generation: number; exit: Exit }
  | { type: 'useRead'; sleepInMs: number | null; sleepActor: string; sleepCause: string }
  | { type: 'routeClosed'; generation: number }
  | { type: 'routeReopened'; generation: number; idleCheckAtMs: number; cause: Cause }
  | { type: 'stopped'; generation: number; paused: boolean };

export const initialAppState = (cause: Cause): AppState => ({
  wanted: 'asleep',
  serving: { phase: 'none' },
  generation: 0,
  renew: false,
  pausedGeneration: null,
  lastHost: null,
  restartsAtMs: [],
  idleCheckAtMs: 0,
  cause,
});

/** What a fact changes. A fact about an earlier generation changes nothing: it is fenced. */
export function applyEvent(
  state: AppState,
  event: AppEvent,
  policy: AppPolicy,
  nowMs: number,
): AppState {
  switch (event.type) {
    case 'commanded':
      return commanded(state, event, policy);
    case 'placed':
      return {
        ...state,
        generation: Math.max(state.generation, event.generation),
        renew: false,
        lastHost: event.host,
        serving: { phase: 'starting', generation: event.generation, host: event.host },
      };
    case 'becameReady':
      if (!isCurrent(state, event.generation, 'starting')) return state;
      return {
        ...state,
        cause: withoutTrace(state.cause),
        pausedGeneration: null,
        idleCheckAtMs: event.atMs + firstCheckInMs(policy),
        serving: {
          phase: 'ready',
          generation: event.generation,
          host: event.host,
          readyAtMs: event.atMs,
        },
      };
    case 'startFailed':
      if (!isCurrent(state, event.generation, 'starting')) return state;
      return ended(state, event, policy, nowMs);
    case 'exited':
      return exited(state, event, policy, nowMs);
    case 'useRead':
      return useRead(state, event, policy, nowMs);
    case 'routeClosed':
      if (state.serving.phase !== 'ready' || state.serving.generation !== event.generation) {
        return state;
      }
      return {
        ...state,
        serving: {
          // Somebody wished it awake meanwhile: the same instance is adopted, not killed.
          phase: state.wanted === 'awake' && !state.renew ? 'starting' : 'draining',
          generation: event.generation,
          host: state.serving.host,
        },
      };
    case 'routeReopened':
      if (!isCurrent(state, event.generation, 'ready')) return state;
      return {
        ...state,
        wanted: 'awake',
        idleCheckAtMs: event.idleCheckAtMs,
        cause: event.cause,
      };
    case 'stopped':
      return stopped(state, event);
  }
}

/** What was asked for is done: a start after a crash, hours later, is no part of that trace. */
function withoutTrace(cause: Cause): Cause {
  if (cause.traceparent === undefined) return cause;
  const { traceparent: _over, ...rest } = cause;
  return rest;
}

/** The actor of a stop that the idle clocks caused: any use overrules it. */
export const idleActor = 'idle clock';
/** The actor of a stop at the greatest age: use does not overrule it. */
export const ageActor = 'age clock';

function stopped(state: AppState, event: Extract<AppEvent, { type: 'stopped' }>): AppState {
  const { serving } = state;
  if (serving.phase === 'none' && state.pausedGeneration === event.generation) {
    return { ...state, renew: false, pausedGeneration: null };
  }
  if (serving.phase !== 'starting' && serving.phase !== 'draining') return state;
  if (serving.generation !== event.generation) return state;
  return {
    ...state,
    renew: false,
    pausedGeneration: event.paused ? event.generation : null,
    serving: { phase: 'none' },
  };
}

function commanded(
  state: AppState,
  event: Extract<AppEvent, { type: 'commanded' }>,
  policy: AppPolicy,
): AppState {
  // Removal is the last word: nothing brings a removed app back but a new registration.
  if (state.wanted === 'gone' && event.command !== 'replace') return state;
  const { cause } = event;
  const { serving } = state;
  const hasInstance =
    serving.phase === 'starting' || serving.phase === 'ready' || state.pausedGeneration !== null;
  switch (event.command) {
    case 'wake':
      return {
        ...state,
        wanted: 'awake',
        cause,
        ...(serving.phase === 'failed' ? { serving: { phase: 'none' }, restartsAtMs: [] } : {}),
      };
    case 'sleep':
      return {
        ...state,
        wanted: 'asleep',
        cause,
        restartsAtMs: [],
        ...(serving.phase === 'restarting' ? { serving: { phase: 'none' } } : {}),
      };
    case 'restart':
      return {
        ...state,
        wanted: 'awake',
        cause,
        restartsAtMs: [],
        renew: hasInstance,
        ...(serving.phase === 'failed' || serving.phase === 'restarting'
          ? { serving: { phase: 'none' } }
          : {}),
      };
    case 'replace': {
      // A definition that failed and was mended sleeps until somebody opens it.
      const wakes = policy.alwaysOn || (state.wanted === 'awake' && serving.phase !== 'failed');
      const over = serving.phase === 'failed' || serving.phase === 'restarting';
      return {
        ...state,
        wanted: wakes ? 'awake' : 'asleep',
        cause,
        renew: state.renew || (hasInstance && event.needsNewInstance === true),
        restartsAtMs: [],
        ...(over ? { serving: { phase: 'none' } } : {}),
      };
    }
    case 'remove':
      return { ...state, wanted: 'gone', cause };
  }
}

function exited(
  state: AppState,
  event: Extract<AppEvent, { type: 'exited' }>,
  policy: AppPolicy,
  nowMs: number,
): AppState {
  const { serving } = state;
  if (serving.phase !== 'ready' || serving.generation !== event.generation) return state;
  if (state.wanted !== 'awake' || state.renew) {
    return {
      ...state,
      serving: { phase: 'draining', generation: serving.generation, host: serving.host },
    };
  }
  return ended(
    state,
    {
      generation: event.generation,
      exit: event.exit,
      reason: describeExit(event.exit),
      permanent: false,
    },
    policy,
    nowMs,
  );
}

/** The instance is over although the app is wanted awake: back off, or give up. */
function ended(
  state: AppState,
  end: { generation: number; exit: Exit | null; reason: string; permanent: boolean },
  policy: AppPolicy,
  nowMs: number,
): AppState {
  const { restart, alwaysOn } = policy;
  const recent = state.restartsAtMs.filter((atMs) => nowMs - atMs < restart.windowMs);
  const spent = recent.length >= restart.maxRestarts && !alwaysOn;
  if (end.permanent || spent) {
    const times = `${recent.length} ${recent.length === 1 ? 'restart' : 'restarts'}`;
    const budget = spent ? `; gave up after ${times}` : '';
    return {
      ...state,
      renew: false,
      restartsAtMs: [],
      serving: {
        phase: 'failed',
        generation: end.generation,
        exit: end.exit,
        reason: `${end.reason}${budget}`,
      },
    };
  }
  const doublings = Math.min(recent.length, 30);
  const delayMs = Math.min(restart.initialDelayMs * 2 ** doublings, restart.maxDelayMs);
  return {
    ...state,
    renew: false,
    restartsAtMs: [...recent, nowMs].slice(-Math.max(restart.maxRestarts, 1)),
    serving: {
      phase: 'restarting',
      generation: end.generation,
      restartAtMs: nowMs + delayMs,
      exit: end.exit,
    },
  };
}

function useRead(
  state: AppState,
  event: Extract<AppEvent, { type: 'useRead' }>,
  policy: AppPolicy,
  nowMs: number,
): AppState {
  if (state.serving.phase !== 'ready' || state.wanted !== 'awake') return state;
  if (event.sleepInMs === null) {
    return { ...state, idleCheckAtMs: nowMs + firstCheckInMs(policy) };
  }
  if (event.sleepInMs > 0) return { ...state, idleCheckAtMs: nowMs + event.sleepInMs };
  return { ...state, wanted: 'asleep', cause: { actor: event.sleepActor, why: event.sleepCause } };
}

/** No clock can end sooner than the shortest of the three after the app became ready. */
function firstCheckInMs(policy: AppPolicy): number {
  const { idleAfterMs, disconnectedAfterMs, maxAgeMs } = policy.idle;
  return Math.min(idleAfterMs, disconnectedAfterMs, maxAgeMs ?? Number.POSITIVE_INFINITY);
}

function isCurrent(state: AppState, generation: number, phase: Serving['phase']): boolean {
  const { serving } = state;
  return serving.phase === phase && 'generation' in serving && serving.generation === generation;
}

/** One clause for people: how it ended. */
export function describeExit(exit: Exit | null): string {
  if (exit === null) return 'ended for an unknown reason';
  if (exit.outOfMemory) return 'was killed for using more memory than its limit';
  if (exit.signal !== null) return `was ended by ${exit.signal}`;
  if (exit.exitCode === 0) return 'exited by itself with code 0';
  return `exited with code ${exit.exitCode}`;
}
