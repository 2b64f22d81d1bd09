import type { AppPolicy } from './app-spec.ts';
import { idleActor, type AppState } from './app-state.ts';

/** What the workflow does next; what comes of it is told by `applyEvent` as facts. */
export type AppStep =
  | { kind: 'place'; generation: number }
  | { kind: 'start'; generation: number; host: string }
  | { kind: 'readUse'; generation: number }
  | { kind: 'closeRoute'; generation: number; host: string; mayReopen: boolean }
  | { kind: 'stop'; generation: number; host: string; pause: boolean }
  | { kind: 'wait'; untilMs: number | null }
  /** Asleep or failed with nothing running: the quiet point, where the workflow continues as new. */
  | { kind: 'rest' }
  | { kind: 'remove'; host: string | null };

/** What to do now. Total: every state has exactly one step. */
export function nextStep(state: AppState, policy: AppPolicy, nowMs: number): AppStep {
  const { serving } = state;
  if (state.wanted === 'awake') return stepTowardsAwake(state, policy, nowMs);
  switch (serving.phase) {
    case 'ready':
      return {
        kind: 'closeRoute',
        generation: serving.generation,
        host: serving.host,
        // Only an idle stop gives way to use; a person's word does not.
        mayReopen: state.wanted === 'asleep' && state.cause.actor === idleActor,
      };
    case 'starting':
    case 'draining':
      return {
        kind: 'stop',
        generation: serving.generation,
        host: serving.host,
        pause: pauses(state, policy),
      };
    case 'none':
    case 'restarting':
    case 'failed':
      if (state.wanted === 'gone') {
        return state.pausedGeneration === null
          ? { kind: 'remove', host: state.lastHost }
          : discardPaused(state);
      }
      return { kind: 'rest' };
  }
}

function stepTowardsAwake(state: AppState, policy: AppPolicy, nowMs: number): AppStep {
  const { serving } = state;
  switch (serving.phase) {
    case 'none':
      if (state.renew && state.pausedGeneration !== null) return discardPaused(state);
      return { kind: 'place', generation: state.pausedGeneration ?? state.generation + 1 };
    case 'starting':
      if (state.renew) {
        return { kind: 'stop', generation: serving.generation, host: serving.host, pause: false };
      }
      return { kind: 'start', generation: serving.generation, host: serving.host };
    case 'ready':
      if (state.renew) {
        return {
          kind: 'closeRoute',
          generation: serving.generation,
          host: serving.host,
          mayReopen: false,
        };
      }
      if (policy.alwaysOn) return { kind: 'wait', untilMs: null };
      if (nowMs >= state.idleCheckAtMs) {
        return { kind: 'readUse', generation: serving.generation };
      }
      return { kind: 'wait', untilMs: state.idleCheckAtMs };
    case 'draining':
      return {
        kind: 'stop',
        generation: serving.generation,
        host: serving.host,
        pause: pauses(state, policy),
      };
    case 'restarting':
      if (nowMs >= serving.restartAtMs) return { kind: 'place', generation: state.generation + 1 };
      return { kind: 'wait', untilMs: serving.restartAtMs };
    case 'failed':
      return { kind: 'rest' };
  }
}

function discardPaused(state: AppState): AppStep {
  const { pausedGeneration, lastHost } = state;
  if (pausedGeneration === null || lastHost === null) return { kind: 'rest' };
  return { kind: 'stop', generation: pausedGeneration, host: lastHost, pause: false };
}

function pauses(state: AppState, policy: AppPolicy): boolean {
  return policy.sleepMode === 'pause' && state.wanted === 'asleep' && !state.renew;
}
