import { describeExit, type AppState, type Command } from './app-state.ts';

/** A command that was accepted and is not over yet. */
export interface OpenOperation {
  id: string;
  command: Command;
}

export interface Settled {
  state: 'succeeded' | 'failed';
  detail: string;
}

/**
 * Whether a command is over in this state, and how; null while it goes on. A removal ends with the
 * row, so it is never settled here unless a new registration overtook it.
 */
export function settle(command: Command, state: AppState): Settled | null {
  const { serving } = state;
  switch (command) {
    case 'wake':
    case 'restart':
      if (serving.phase === 'ready' && !state.renew) {
        return { state: 'succeeded', detail: `ready as generation ${serving.generation}` };
      }
      if (serving.phase === 'failed') return { state: 'failed', detail: serving.reason };
      if (state.wanted !== 'awake') return overtaken(state);
      return null;
    case 'sleep':
      if (state.wanted === 'awake') return overtaken(state);
      if (serving.phase === 'none') return { state: 'succeeded', detail: 'asleep' };
      if (serving.phase === 'failed') {
        return { state: 'succeeded', detail: `not running: ${describeExit(serving.exit)}` };
      }
      return null;
    case 'replace':
      if (state.wanted === 'gone') return overtaken(state);
      if (state.renew || serving.phase === 'draining') return null;
      if (serving.phase === 'failed') return { state: 'failed', detail: serving.reason };
      if (serving.phase === 'ready') {
        return { state: 'succeeded', detail: `serves the new definition` };
      }
      if (serving.phase === 'none' && state.wanted === 'asleep') {
        return { state: 'succeeded', detail: 'the next wake uses the new definition' };
      }
      return null;
    case 'remove':
      return state.wanted === 'gone' ? null : overtaken(state);
  }
}

function overtaken(state: AppState): Settled {
  return {
    state: 'failed',
    detail: `overtaken: ${state.cause.actor} wants it ${state.wanted} (${state.cause.why})`,
  };
}
