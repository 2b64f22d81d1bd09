import { routePath } from 'hono/route';
import { Hono, type MiddlewareHandler } from 'hono';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** What this process counts; names and units as Prometheus has them. */
export interface ApiMetrics {
  /** Times every request by its route, never by its path. */
  timeRequests: MiddlewareHandler<ApiEnv>;
  /** `/metrics` */
  route: Hono<ApiEnv>;
}

export function apiMetrics(
  deps: Pick<ApiDependencies, 'metrics' | 'store'>,
  openStreams: () => number,
): ApiMetrics {
  const registers = [deps.metrics];
  const durations = new Histogram({
    name: 'labkeeper_api_request_duration_seconds',
    help: 'Time until the answer began, by route',
    labelNames: ['method', 'route', 'status'],
    buckets: secondsBuckets,
    registers,
  });
  const streams = new Gauge({
    name: 'labkeeper_api_open_streams',
    help: 'Open event and log streams',
    registers,
  });
  const apps = new Gauge({
    name: 'labkeeper_apps',
    help: 'Registered apps; not a number while the database does not answer',
    registers,
  });
  const entries = new Gauge({
    name: 'labkeeper_outbox_entries',
    help: 'Undelivered outbox entries; not a number while the database does not answer',
    registers,
  });
  const oldest = new Gauge({
    name: 'labkeeper_outbox_oldest_seconds',
    help: 'Age of the oldest undelivered outbox entry',
    registers,
  });

  const measure = async (): Promise<void> => {
    streams.set(openStreams());
    const unknown = { entries: Number.NaN, oldestAgeMs: Number.NaN };
    const [count, backlog] = await Promise.all([
      deps.store.apps.count().catch(() => Number.NaN),
      deps.store.outbox.backlog().catch(() => unknown),
    ]);
    apps.set(count);
    entries.set(backlog.entries);
    oldest.set(backlog.oldestAgeMs / 1000);
  };

  return {
    async timeRequests(context, next) {
      const startedAtMs = performance.now();
      await next();
      durations.observe(
        {
          method: context.req.method,
          route: routePath(context, -1),
          status: String(context.res.status),
        },
        (performance.now() - startedAtMs) / 1000,
      );
    },
    route: new Hono<ApiEnv>().get('/metrics', async (context) => {
      await measure();
      const text = await deps.metrics.metrics();
      return context.body(text, 200, { 'content-type': deps.metrics.contentType });
    }),
  };
}

/** Counts accepted commands by verb; one counter a registry, however often it is asked for. */
export function commandCounter(metrics: Registry): Counter<'verb'> {
  const name = 'labkeeper_api_commands_total';
  const known = metrics.getSingleMetric(name);
  if (known instanceof Counter) return known;
  const help = 'Commands that were accepted';
  return new Counter({ name, help, labelNames: ['verb'], registers: [metrics] });
}
