import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { type HealthJson } from '../model/api.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { json, router } from './openapi.ts';
import { within } from './within.ts';

const checkWithinMs = 1_000;
import { components } from './components.ts';

/** `/health/live`: the process answers. `/health/ready`: it can do its work, and what it lacks. */
export function health(deps: Pick<ApiDependencies, 'store' | 'pingTemporal'>): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(liveRoute, (context) => context.json({ status: 'live' as const }, 200))
    .openapi(readyRoute, async (context) => {
      const [database, temporal] = await Promise.all([
        check(() => deps.store.ping()),
        check(() => deps.pingTemporal()),
      ]);
      const checks: HealthJson['checks'] = { database, temporal };
      if (database.ok) {
        const { entries, oldestAgeMs } = await deps.store.outbox.backlog();
        const waiting = `${entries} waiting, the oldest ${Math.round(oldestAgeMs / 1000)} s`;
        checks['outbox'] = { ok: oldestAgeMs < 60_000, detail: entries === 0 ? null : waiting };
      }
      // Without Temporal everything is accepted and shown, and starts later: still worth traffic.
      const degraded = Object.values(checks).some(({ ok }) => !ok);
      if (!database.ok) return context.json({ status: 'unavailable' as const, checks }, 503);
      return context.json(
        { status: degraded ? ('degraded' as const) : ('ready' as const), checks },
        200,
      );
    });
}

async function check(ping: () => Promise<void>): Promise<{ ok: boolean; detail: string | null }> {
  try {
    await within(checkWithinMs, ping());
    return { ok: true, detail: null };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

const liveRoute = createRoute({
  method: 'get',
  path: '/health/live',
  tags: ['health'],
  summary: 'Is the process alive',
  description: 'Asks nothing else.',
  responses: {
    200: json(
      'Alive',
      z.object({ status: z.literal('live').describe('Always') }).describe('The process answers'),
      { status: 'live' },
    ),
  },
});

const readyRoute = createRoute({
  method: 'get',
  path: '/health/ready',
  tags: ['health'],
  summary: 'Can the process do its work',
  description:
    'The database must answer. Without Temporal it is degraded: commands are accepted and carried out later.',
  responses: {
    200: json('Ready or degraded', components.health, {
      status: 'ready',
      checks: {
        database: { ok: true, detail: null },
        temporal: { ok: true, detail: null },
        outbox: { ok: true, detail: null },
      },
    }),
    503: json('The database does not answer', components.health, {
      status: 'unavailable',
      checks: { database: { ok: false, detail: 'connect ECONNREFUSED 127.0.0.1:5432' } },
    }),
  },
});
