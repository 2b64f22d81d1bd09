import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { maxHistoryDays, maxHistoryWakes } from '../model/api.ts';
import type { AppHistory } from '../store/ports.ts';
import type { AppActions } from './app-actions.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleHistory } from './examples.ts';
import { json, problems, router } from './openapi.ts';
import { namePath } from './parameters.ts';

/** `/api/v1/apps/{name}/usage/history`: series as charts need them. */
export function appHistory(
  { store, settings }: Pick<ApiDependencies, 'store' | 'settings'>,
  actions: AppActions,
): OpenAPIHono<ApiEnv> {
  return router().openapi(historyRoute, async (context) => {
    const app = await actions.find(context.req.valid('param').name);
    const { days, wakes, memory } = context.req.valid('query');
    const ring = settings.memoryRing;
    const step = memory === 'day' ? 'fine' : 'coarse';
    const history = await store.history.read(app.name, { days, wakes, step, ring });
    return context.json(
      {
        name: app.name,
        days: history.days,
        memory: {
          limitBytes: app.spec.limits.memoryBytes,
          stepMs: ring[step].stepMs,
          points: history.memory,
        },
        wakes: history.wakes.map(wakeJson),
      },
      200,
    );
  });
}

function wakeJson(wake: AppHistory['wakes'][number]) {
  const { generation, host, askedAt, readyAt, totalMs } = wake;
  const { waitMs, placeMs, pullMs, startMs, probeMs, publishMs } = wake;
  const phases = { waitMs, placeMs, pullMs, startMs, probeMs, publishMs };
  return { generation, host, askedAt, readyAt, totalMs, phases };
}

const count = (description: string, greatest: number, byDefault: number) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(greatest)
    .default(byDefault)
    .meta({ description, example: byDefault });

const historyRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps/{name}/usage/history',
  tags: ['app output'],
  summary: 'Awake time, memory and wakes of an app over time',
  description:
    'Series for charts: awake time by day, memory by minute (a day) or by hour (thirty days), and how long the phases of the last wakes took. Steps in which it did not run are missing from the memory.',
  request: {
    params: namePath,
    query: z.object({
      days: count('Days of awake time, today included', maxHistoryDays, 30),
      wakes: count('Wakes, the newest', maxHistoryWakes, 20),
      memory: z
        .enum(['day', 'month'])
        .default('day')
        .meta({ description: 'Which series of memory', example: 'day' }),
    }),
  },
  responses: {
    200: json('The series', components.history, exampleHistory),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});
