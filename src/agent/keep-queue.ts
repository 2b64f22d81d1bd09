import type { Log } from '../log.ts';
import { jobEntity, type EntityName } from '../model/names.ts';
import type { Store } from '../store/ports.ts';
import { pause } from './pause.ts';

/**
 * Looks at the queue from time to time: a host that came, room that its worker could not give on, a wait that is
 * over, a sweep whose jobs are, what a silent host has not begun. Resolves when the signal aborts.
 */
export async function keepQueue(
  options: {
    store: Pick<Store, 'jobs' | 'sweeps'>;
    giveOut: () => Promise<void>;
    tellNews: (entity: EntityName) => Promise<void>;
    lookEveryMs: number;
    log: Log;
  },
  signal: AbortSignal,
): Promise<void> {
  const { store, giveOut, tellNews, lookEveryMs, log } = options;
  let failing = false;
  while (!signal.aborted) {
    try {
      await store.jobs.expire();
      const told = [...(await store.jobs.recallSilent()), ...(await store.sweeps.settle())];
      await Promise.all(told.map((job) => tellNews(jobEntity(job))));
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
