import type { Log } from '../log.ts';
import { pause } from './pause.ts';

/** Runs while somebody is inside; looks when hinted, and now and then without a hint. */
export interface HintedLoop {
  /** Starts it when it does not run. Returns how to leave, which says how many are still inside. */
  enter(): () => number;
  /** Looks again soon. */
  hint(): void;
}

/**
 * What a turn found: `more` looks again at once; `quiet` after a hint looks again soon, since a
 * transaction that is still open may hide what the hint was about.
 */
export type Turn = 'more' | 'news' | 'quiet';

/** Waits between quiet looks; the last one repeats, and is the net under lost hints. */
const quietWaitsMs = [15, 40, 100, 250, 1_000, 2_000] as const;

export function hintedLoop(options: {
  name: string;
  log: Log;
  ending: AbortSignal;
  listen: (hint: () => void, signal: AbortSignal) => Promise<void>;
  turn: () => Promise<Turn>;
}): HintedLoop {
  const { name, log, ending, listen, turn } = options;
  let inside = 0;
  let stop: AbortController | null = null;
  let hinted = false;
  let wake: (() => void) | null = null;

  const hint = () => {
    hinted = true;
    wake?.();
  };

  /** Until a hint, the time or the end. */
  const rest = async (durationMs: number, signal: AbortSignal): Promise<void> => {
    if (hinted || signal.aborted) return;
    const ended = new AbortController();
    wake = () => ended.abort();
    await pause(durationMs, ended.signal);
    wake = null;
  };

  const look = async (signal: AbortSignal): Promise<void> => {
    // Once for all its rests: a signal made of two at each would stay with the one that lives longer.
    signal.addEventListener('abort', () => wake?.(), { once: true });
    let quiet = 0;
    let reached = true;
    while (!signal.aborted) {
      if (hinted) quiet = 0;
      hinted = false;
      try {
        const found = await turn();
        reached = true;
        if (found === 'more') continue;
        quiet = found === 'news' ? 0 : quiet + 1;
      } catch (error) {
        if (reached) log.warn({ err: error }, `${name} cannot read; trying again`);
        reached = false;
        quiet = quietWaitsMs.length;
      }
      const waitMs = quietWaitsMs[Math.min(quiet, quietWaitsMs.length - 1)] ?? 2_000;
      await rest(waitMs, signal);
    }
  };

  const hear = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await listen(hint, signal);
      } catch (error) {
        log.debug({ err: error }, `${name} cannot listen; trying again`);
      }
      await pause(1_000, signal);
    }
  };

  return {
    hint,
    enter() {
      inside += 1;
      if (stop === null) {
        stop = new AbortController();
        const signal = AbortSignal.any([ending, stop.signal]);
        void look(signal);
        void hear(signal);
      }
      let left = false;
      return () => {
        if (!left) inside -= 1;
        left = true;
        if (inside === 0) {
          stop?.abort();
          stop = null;
        }
        return inside;
      };
    },
  };
}
