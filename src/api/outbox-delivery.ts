import type { Log } from '../log.ts';
import type { ApiMetrics } from '../metrics/api-metrics.ts';
import type { EntityName } from '../model/names.ts';
import type { Operation, Outbox, OutboxEntry } from '../store/ports.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { Deliver } from './dependencies.ts';

export interface OutboxDelivery {
  /**
   * Delivers what an operation left in the outbox, in the background. Returns at once and never
   * throws: what fails stays in the outbox for the sweeper. Does nothing for what was delivered.
   */
  soon(operation: Pick<Operation, 'id' | 'entity'>): void;
  /** The same for what is left for an entity that no operation speaks of. */
  newsSoon(entity: EntityName): void;
  /** Delivers entries that were claimed; those of one entity one after the other. */
  deliverAll(entries: readonly OutboxEntry[]): Promise<void>;
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>;
}

/** Deliveries to at most so many entities at once; what is beyond is left to the sweeper. */
const maxUnderWay = 200;

/** Hands outbox entries to workflows and notes what came of it. */
export function outboxDelivery(options: {
  outbox: Outbox;
  deliver: Deliver;
  metrics: ApiMetrics;
  tracing: Tracing;
  log: Log;
}): OutboxDelivery {
  const { outbox, deliver, metrics, tracing, log } = options;
  const durations = metrics.histogram('labkeeper_delivery_seconds');
  const underWay = new Map<EntityName, Promise<void>>();
  /** Operations that are about to be looked for: many visitors may share one. */
  const expected = new Set<string>();

  const attempt = async (entry: OutboxEntry): Promise<boolean> => {
    const { payload } = entry;
    const operation = payload.command === 'job' ? {} : { operation: payload.operationId };
    const fields = { entity: entry.entity, ...operation };
    const beganAtMs = Date.now();
    const beganMs = performance.now();
    const traced = (failure?: string) => {
      const durationMs = performance.now() - beganMs;
      durations.observe(durationMs / 1000);
      tracing.record(entry.payload.cause.traceparent, {
        name: 'deliver to Temporal',
        kind: 'producer',
        attributes: {
          'labkeeper.entity': entry.entity,
          'labkeeper.command': entry.payload.command,
          'labkeeper.attempt': entry.attempts + 1,
        },
        ...{ beganAtMs, durationMs, failure },
      });
    };
    try {
      await deliver(entry);
      traced();
    } catch (error) {
      traced('not taken');
      log.warn({ ...fields, attempts: entry.attempts + 1, err: error }, 'delivery postponed');
      metrics.counter('labkeeper_deliveries_total', { outcome: 'postponed' }).add();
      await outbox.postponed(entry.id, reasonOf(error));
      return false;
    }
    metrics.counter('labkeeper_deliveries_total', { outcome: 'delivered' }).add();
    await outbox.delivered(entry.id);
    log.debug(fields, 'delivered');
    return true;
  };

  const inOrder = async (entries: readonly OutboxEntry[]): Promise<void> => {
    for (const [at, entry] of entries.entries()) {
      if (await attempt(entry)) continue;
      // A later wish must not overtake an earlier one: the rest waits too.
      for (const later of entries.slice(at + 1)) {
        await outbox.postponed(later.id, 'waits for an earlier entry of the same entity');
      }
      return;
    }
  };

  /** Runs after what is under way for the same entity. */
  const queued = (entity: EntityName, work: () => Promise<void>): Promise<void> => {
    const before = underWay.get(entity) ?? Promise.resolve();
    const settled = before
      .then(work)
      .catch((error: unknown) => {
        log.warn({ entity, err: error }, 'outbox not reached; the sweeper goes on');
      })
      .finally(() => {
        if (underWay.get(entity) === settled) underWay.delete(entity);
      });
    underWay.set(entity, settled);
    return settled;
  };

  return {
    soon({ id, entity }) {
      if (expected.has(id) || underWay.size >= maxUnderWay) return;
      expected.add(id);
      void queued(entity, async () => {
        expected.delete(id);
        const entry = await outbox.claim(id);
        if (entry !== null) await attempt(entry);
      });
    },
    newsSoon(entity) {
      if (underWay.has(entity) || underWay.size >= maxUnderWay) return;
      void queued(entity, async () => {
        const entry = await outbox.claimNext(entity);
        if (entry !== null) await attempt(entry);
      });
    },
    async deliverAll(entries) {
      const groups = new Map<EntityName, OutboxEntry[]>();
      for (const entry of entries) {
        groups.set(entry.entity, [...(groups.get(entry.entity) ?? []), entry]);
      }
      await Promise.all([...groups].map(([entity, group]) => queued(entity, () => inOrder(group))));
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
  };
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, 500);
}
