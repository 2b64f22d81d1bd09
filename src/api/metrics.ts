import { Hono, type MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { ApiMetrics } from '../metrics/api-metrics.ts';
import { exposition, expositionType } from '../metrics/exposition.ts';
import { appStatuses, statusOf, type AppStatus } from '../model/app-view.ts';
import type { StoreFigures } from '../store/ports.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { hostJson } from './present.ts';
import { within } from './within.ts';

/** A scrape gets its numbers within this, whatever the database does. */
const figuresWithinMs = 2_000;

/** Times every request by the pattern of its route, never by its path. */
export function timeRequests(metrics: ApiMetrics): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const startedAtMs = performance.now();
    await next();
    metrics
      .histogram('labkeeper_api_request_duration_seconds', {
        method: context.req.method,
        route: routePath(context, -1),
        status: String(context.res.status),
      })
      .observe((performance.now() - startedAtMs) / 1000);
  };
}

/** `/metrics`: numbers of this process, and what the database knows. */
export function metricsRoute(
  { metrics, store }: Pick<ApiDependencies, 'metrics' | 'store'>,
  openStreams: () => number,
): Hono<ApiEnv> {
  metrics.onCollect(() => metrics.gauge('labkeeper_api_open_streams').set(openStreams()));
  return new Hono<ApiEnv>().get('/metrics', async (context) => {
    await Promise.all([setFigures(metrics, store), setHosts(metrics, store)]);
    const text = exposition(metrics.definitions, metrics.numbers());
    return context.body(text, 200, { 'content-type': expositionType });
  });
}

async function setFigures(metrics: ApiMetrics, store: ApiDependencies['store']): Promise<void> {
  const figures = await within(figuresWithinMs, store.figures()).catch(() => unknownFigures);
  const apps = countByStatus(figures.apps);
  for (const status of appStatuses) {
    const none = figures === unknownFigures ? Number.NaN : 0;
    metrics.gauge('labkeeper_apps', { status }).set(apps.get(status) ?? none);
  }
  const { operations, outbox, eventsLagMs } = figures;
  metrics.gauge('labkeeper_operations_unfinished').set(operations.unfinished);
  metrics.gauge('labkeeper_operations_oldest_seconds').set(operations.oldestAgeMs / 1000);
  metrics.gauge('labkeeper_outbox_entries').set(outbox.entries);
  metrics.gauge('labkeeper_outbox_oldest_seconds').set(outbox.oldestAgeMs / 1000);
  metrics.gauge('labkeeper_events_lag_seconds').set(eventsLagMs / 1000);
}

/** While the database does not answer: an alert must not take it for zero. */
const unknownFigures: StoreFigures = {
  apps: [],
  operations: { unfinished: Number.NaN, oldestAgeMs: Number.NaN },
  outbox: { entries: Number.NaN, oldestAgeMs: Number.NaN },
  eventsLagMs: Number.NaN,
};

function countByStatus(apps: StoreFigures['apps']): Map<AppStatus, number> {
  const counts = new Map<AppStatus, number>();
  for (const { count, ...condition } of apps) {
    const status = statusOf(condition);
    counts.set(status, (counts.get(status) ?? 0) + count);
  }
  return counts;
}

async function setHosts(metrics: ApiMetrics, store: ApiDependencies['store']): Promise<void> {
  const hosts = await within(figuresWithinMs, store.hosts.list()).catch(() => null);
  const online = hosts?.filter((host) => hostJson(host).online).length ?? Number.NaN;
  metrics.gauge('labkeeper_hosts', { state: 'online' }).set(online);
  metrics.gauge('labkeeper_hosts', { state: 'silent' }).set((hosts?.length ?? Number.NaN) - online);
}
