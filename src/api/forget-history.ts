import type { Log } from '../log.ts';
import type { ApiMetrics } from '../metrics/api-metrics.ts';
import type { KeepByOutcome } from '../store/job-ports.ts';
import type { Store } from '../store/ports.ts';
import { pause } from './pause.ts';

/** Between batches: a clean-up is never in a hurry. */
const betweenBatchesMs = 50;

/**
 * Drops events, finished operations and jobs that are over which are older than they are kept: at the start, then every
 * `intervalMs`, batch by batch, until `signal` aborts. Several APIs may do it at once. Never rejects.
 */
export async function forgetHistory(options: {
  store: Pick<Store, 'events' | 'operations' | 'jobs' | 'uploads'>;
  metrics: ApiMetrics;
  keepEventsMs: number;
  keepOperationsMs: number;
  keepJobs: KeepByOutcome;
  intervalMs: number;
  batch: number;
  log: Log;
  signal: AbortSignal;
}): Promise<void> {
  const { store, signal, log } = options;
  const kinds = [
    {
      kind: 'events',
      forget: (limit: number) => store.events.forget(options.keepEventsMs, limit),
    },
    {
      kind: 'operations',
      forget: (limit: number) => store.operations.forget(options.keepOperationsMs, limit),
    },
    { kind: 'uploads', forget: (limit: number) => store.uploads.forget(limit) },
    { kind: 'jobs', forget: (limit: number) => store.jobs.forget(options.keepJobs, limit) },
  ] as const;
  while (!signal.aborted) {
    for (const { kind, forget } of kinds) {
      try {
        const count = await forgetAll(forget, options);
        options.metrics.counter('labkeeper_forgotten_total', { kind }).add(count);
        if (count > 0) log.info({ kind, count }, 'forgot what was older than it is kept');
      } catch (error) {
        log.warn({ kind, err: error }, 'nothing forgotten: the database was not reached');
      }
    }
    await pause(options.intervalMs, signal);
  }
}

async function forgetAll(
  forget: (limit: number) => Promise<number>,
  { batch, signal }: { batch: number; signal: AbortSignal },
): Promise<number> {
  let total = 0;
  while (!signal.aborted) {
    const count = await forget(batch);
    total += count;
    if (count < batch) break;
    await pause(betweenBatchesMs, signal);
  }
  return total;
}
