import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleHost } from './examples.ts';
import { json, problems, router } from './openapi.ts';
import { hostJson } from './present.ts';
import { components } from './components.ts';

/** `/api/v1/hosts`: the computers that run apps. */
export function hosts({ store }: Pick<ApiDependencies, 'store'>): OpenAPIHono<ApiEnv> {
  return router().openapi(listRoute, async (context) => {
    const items = (await store.hosts.list()).map(hostJson);
    return context.json({ items }, 200);
  });
}

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/hosts',
  tags: ['hosts'],
  summary: 'List hosts',
  description: 'Computers that run apps: what they can run, their disk, when they were last heard.',
  responses: {
    200: json('All hosts', components.hostList, { items: [exampleHost] }),
    ...problems('unavailable'),
  },
});
