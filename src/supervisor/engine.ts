import type { Log } from '../log.ts';
import { identify, isAlive } from './process-identity.ts';

const pollMs = 1_000;
const longestDelayMs = 30_000;

/** PostgreSQL or Temporal: outlives the supervisor, so it is watched by its pid. */
export interface Engine {
  /** Looks no longer after it; it goes on running. */
  release(): void;
}

/**
 * Starts an engine again, with back-off, whenever its process is gone. `start` gives the new pid.
 */
export function watchEngine(options: {
  name: string;
  pid: number;
  start: () => Promise<number>;
  say: (sentence: string) => void;
  log: Log;
}): Engine {
  const { name, start, say, log } = options;
  let identity = identify(options.pid);
  let released = false;

  const mend = async () => {
    say(`${name} died and is started again`);
    for (let delayMs = 500; !released; delayMs = Math.min(longestDelayMs, delayMs * 2)) {
      try {
        identity = identify(await start());
        say(`${name} runs again`);
        return;
      } catch (error) {
        log.error({ err: error, name }, 'cannot start an engine again');
        say(`${name} does not start, next try in ${delayMs / 1000} s: ${firstLine(error)}`);
      }
      await sleep(delayMs);
    }
  };
  const watch = async () => {
    while (!released) {
      await sleep(pollMs);
      if (!released && (identity === null || !isAlive(identity))) await mend();
    }
  };
  watch().catch((error: unknown) => log.error({ err: error, name }, 'cannot watch an engine'));
  return {
    release() {
      released = true;
    },
  };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms).unref());
}
