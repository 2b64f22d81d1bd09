import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { AppActions } from './app-actions.ts';
import type { AppLogs } from './app-log-source.ts';
import type { ApiEnv } from './dependencies.ts';
import { exampleUsage } from './examples.ts';
import { json, problems, router } from './openapi.ts';
import { namePath } from './parameters.ts';
import { components } from './components.ts';

/** `/api/v1/apps/{name}/usage`: memory and CPU now, as the host's agent tells. */
export function appUsage(actions: AppActions, logs: AppLogs): OpenAPIHono<ApiEnv> {
  return router().openapi(usageRoute, async (context) => {
    const app = await actions.find(context.req.valid('param').name);
    const usage = await logs.usage(app, context.req.raw.signal);
    const { generation, host } = app.condition;
    return context.json({ name: app.name, generation, host, usage }, 200);
  });
}

const usageRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps/{name}/usage',
  tags: ['app output'],
  summary: 'Memory and CPU of an app now',
  description: 'Read from its host. `usage` is null while nothing runs.',
  request: { params: namePath },
  responses: {
    200: json('What it uses', components.usage, exampleUsage),
    ...problems('invalid', 'not_found', 'host_unreachable'),
  },
});
