import { pause } from '../pause.ts';
import { Refusal } from './refusal.ts';

/** Callers that wait for something slow; bounded, since each holds a connection. */
export interface WaitingRoom {
  /**
   * Looks until `look` gives something, the time is over (null) or the caller leaves. Throws 503 when
   * too many wait, or the process ends: what was accepted goes on all the same.
   */
  wait<Result>(
    look: () => Promise<Result | null>,
    options: { left: AbortSignal; withinMs?: number },
  ): Promise<Result | null>;
}

export function waitingRoom(options: {
  maxWaiting: number;
  /** Names the limit to whoever meets it. */
  setting: string;
  lookEveryMs: number;
  ending: AbortSignal;
}): WaitingRoom {
  let waiting = 0;
  return {
    async wait(look, { left, withinMs = Number.POSITIVE_INFINITY }) {
      if (waiting >= options.maxWaiting) {
        throw new Refusal(
          503,
          `${options.maxWaiting} callers wait already (${options.setting}); it goes on, ask again to join it`,
          { 'retry-after': '5' },
        );
      }
      waiting += 1;
      const over = AbortSignal.any([left, options.ending]);
      const endsAtMs = performance.now() + withinMs;
      try {
        for (;;) {
          const found = await look();
          if (found !== null) return found;
          if (over.aborted) {
            throw new Refusal(503, 'labkeeper restarts; it goes on, ask again to join it', {
              'retry-after': '5',
            });
          }
          const leftMs = endsAtMs - performance.now();
          if (leftMs <= 0) return null;
          await pause(Math.min(options.lookEveryMs, leftMs), over);
        }
      } finally {
        waiting -= 1;
      }
    },
  };
}
