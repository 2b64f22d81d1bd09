import { timeInWords } from './in-words.ts';
import { describeExit, type AppState, type Exit, type Serving, type Wanted } from './app-state.ts';

/** What people see: derived from what is wanted and what serves, never stored on its own. */
export const appStatuses = [
  'asleep',
  'starting',
  'ready',
  'restarting',
  'stopping',
  'failed',
  'removing',
] as const;
export type AppStatus = (typeof appStatuses)[number];

/** The part of an app's row that tells its state. Times are ISO 8601 in UTC. */
export interface AppCondition {
  wanted: Wanted;
  phase: Serving['phase'];
  generation: number;
  host: string | null;
  /** Since when the phase holds. */
  since: string;
  actor: string;
  why: string;
  /** Finer than phase while starting: placing, preparing image, starting, waiting for health. */
  detail: string | null;
  restartAt: string | null;
  /** When the idle clocks would put it to sleep if nobody used it from now on. */
  sleepsAt: string | null;
  exit: Exit | null;
  /** Last lines of the instance that failed; at most 20 lines of 400 characters. */
  lastLogLines: string[];
}

export function statusOf(condition: Pick<AppCondition, 'wanted' | 'phase'>): AppStatus {
  if (condition.wanted === 'gone') return 'removing';
  switch (condition.phase) {
    case 'none':
      return condition.wanted === 'awake' ? 'starting' : 'asleep';
    case 'starting':
      return condition.wanted === 'asleep' ? 'stopping' : 'starting';
    case 'ready':
      return condition.wanted === 'asleep' ? 'stopping' : 'ready';
    case 'draining':
      return condition.wanted === 'awake' ? 'starting' : 'stopping';
    case 'restarting':
      return 'restarting';
    case 'failed':
      return 'failed';
  }
}

/** One word for what does not mend itself and waits for a person; null when nothing does. */
export const attentionOf = (condition: Pick<AppCondition, 'phase'>): 'failed' | null =>
  condition.phase === 'failed' ? 'failed' : null;

/**
 * The one sentence that answers: what is it doing, since when, what is it waiting for, who caused
 * that. The same sentence in API, pages, CLI and Temporal Web UI, so it is made only here.
 */
export function explainApp(name: string, condition: AppCondition): string {
  const by = `${condition.actor} (${condition.why})`;
  const since = `since ${timeInWords(condition.since)}`;
  switch (statusOf(condition)) {
    case 'asleep':
      if (condition.generation === 0) {
        return `${name} was registered at ${timeInWords(condition.since)} by ${by} and has not run yet; it wakes when somebody opens it.`;
      }
      return `${name} is asleep ${since}, put to sleep by ${by}; it wakes when somebody opens it.`;
    case 'starting':
      return `${name} is starting ${since} for ${by}; ${condition.detail ?? 'waiting for a host'}.`;
    case 'ready': {
      const sleeps =
        condition.sleepsAt === null
          ? 'it stays awake while in use'
          : `without further use it falls asleep at ${timeInWords(condition.sleepsAt)}`;
      return `${name} is ready on ${condition.host} ${since}, woken by ${by}; ${sleeps}.`;
    }
    case 'stopping':
      return `${name} is stopping ${since} for ${by}; waiting for its last users and its exit.`;
    case 'restarting': {
      const next = condition.restartAt === null ? 'soon' : `at ${timeInWords(condition.restartAt)}`;
      return `${name} ${describeExit(condition.exit)} at ${timeInWords(condition.since)}; it starts again ${next}.`;
    }
    case 'failed':
      return `${name} failed at ${timeInWords(condition.since)}: ${condition.detail ?? describeExit(condition.exit)}; the next visit tries again.`;
    case 'removing':
      return `${name} is being removed ${since} for ${by}.`;
  }
}

/** The condition a state gives its row; `since` and log lines are known to the store only. */
export function conditionOf(state: AppState): Pick<
  AppCondition,
  'wanted' | 'phase' | 'generation' | 'host' | 'actor' | 'why' | 'exit'
> & {
  restartAtMs: number | null;
} {
  const { serving } = state;
  return {
    wanted: state.wanted,
    phase: serving.phase,
    generation: 'generation' in serving ? serving.generation : state.generation,
    host: 'host' in serving ? serving.host : frozenOn(state),
    actor: state.cause.actor,
    why: state.cause.why,
    exit: 'exit' in serving ? serving.exit : null,
    restartAtMs: serving.phase === 'restarting' ? serving.restartAtMs : null,
  };
}

const frozenOn = (state: AppState): string | null =>
  state.pausedGeneration === null ? null : state.lastHost;
