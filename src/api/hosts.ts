import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { nameSchema } from '../model/name-schema.ts';
import { jobEntity } from '../model/names.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleHost } from './examples.ts';
import { json, problems, router } from './openapi.ts';
import { hostJson } from './present.ts';
import { components } from './components.ts';

/** `/api/v1/hosts`: the computers that run apps and jobs. */
export function hosts({
  store,
  delivery,
}: Pick<ApiDependencies, 'store' | 'delivery'>): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(listRoute, async (context) => {
      const items = (await store.hosts.list()).map(hostJson);
      return context.json({ items }, 200);
    })
    .openapi(declareDeadRoute, async (context) => {
      const { why = 'it does not come back' } = context.req.valid('json');
      const { name } = context.req.valid('param');
      const cause = { actor: context.get('actor'), why };
      const { jobs } = await store.hosts.declareDead(name, cause);
      for (const id of jobs) delivery.newsSoon(jobEntity(id));
      return context.json({ jobs }, 200);
    });
}

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/hosts',
  tags: ['hosts'],
  summary: 'List hosts',
  description:
    'Computers that run apps and jobs: what they can run, their disk, when they were last heard.',
  responses: {
    200: json('All hosts', components.hostList, { items: [exampleHost] }),
    ...problems('unavailable'),
  },
});

const declareDeadRoute = createRoute({
  method: 'post',
  path: '/api/v1/hosts/{name}/declare-dead',
  tags: ['hosts'],
  summary: 'Declare a host dead',
  description:
    'Your word that nothing runs on it any more, since nobody else can know: its jobs are tried again elsewhere. Refused while it is heard of. When it comes back it ends what it had before it gets new work.',
  request: {
    params: z.object({ name: nameSchema.meta({ example: 'lab-2' }) }),
    body: {
      required: false,
      description: 'May be left out',
      content: {
        'application/json': { schema: components.command, example: { why: 'its mainboard died' } },
      },
    },
  },
  responses: {
    200: json('The jobs that were given up with it', components.deadHost, { jobs: ['4f7c'] }),
    ...problems('invalid', 'not_found', 'conflict', 'unsupported_media_type', 'unavailable'),
  },
});
