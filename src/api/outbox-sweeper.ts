import type { Log } from '../log.ts';
import type { Outbox } from '../store/ports.ts';
import type { OutboxDelivery } from './outbox-delivery.ts';
import { pause } from './pause.ts';

/**
 * Delivers what is due: at the start, then every `intervalMs`, until `signal` aborts. What an API
 * that died left behind goes the same way. Resolves when the last sweep is over; never rejects.
 */
export async function sweepOutbox(options: {
  outbox: Outbox;
  delivery: OutboxDelivery;
  log: Log;
  signal: AbortSignal;
  intervalMs: number;
  /** Entries a sweep takes; a full sweep is followed by the next at once. */
  batch: number;
  /** So long a claimed entry is kept from other sweepers. */
  holdMs: number;
}): Promise<void> {
  const { outbox, delivery, log, signal, intervalMs, batch, holdMs } = options;
  let reached = true;
  while (!signal.aborted) {
    let full = false;
    try {
      const entries = await outbox.claimDue(batch, holdMs);
      await delivery.deliverAll(entries);
      full = entries.length === batch;
      reached = true;
    } catch (error) {
      // One line an outage, not one a second.
      if (reached) log.warn({ err: error }, 'outbox not reached; trying again');
      reached = false;
    }
    if (!full) await pause(intervalMs, signal);
  }
}
