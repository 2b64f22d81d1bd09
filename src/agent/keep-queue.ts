import type { Log } from '../log.ts';
import { pause } from './pause.ts';

/**
 * Looks at the queue from time to time: a host that came, room that its worker could not give on, a wait that is
 * over. Resolves when the signal aborts.
 */
export async function keepQueue(
  options: { giveOut: () => Promise<void>; lookEveryMs: number; log: Log },
  signal: AbortSignal,
): Promise<void> {
  const { giveOut, lookEveryMs, log } = options;
  let failing = false;
  while (!signal.aborted) {
    try {
      await giveOut();
      failing = false;
    } catch (error) {
      // Said once an outage.
      if (!failing) log.warn({ err: error }, 'queue not looked at');
      failing = true;
    }
    await pause(lookEveryMs, signal);
  }
}
