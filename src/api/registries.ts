import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { registryHostSchema } from '../model/registry.ts';
import { registryBodySchema } from '../model/secret-api.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleRegistry } from './examples-secrets.ts';
import { json, problems, router } from './openapi.ts';
import { pageLimit, spaceQuery } from './parameters.ts';
import { registryJson } from './present-secrets.ts';
import type { SecretActions } from './secret-actions.ts';

/** `/api/v1/registries`: how apps of a space get images that not everybody may have. */
export function registries(
  { store }: Pick<ApiDependencies, 'store'>,
  actions: SecretActions,
): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(listRoute, async (context) => {
      const { space, after, limit } = context.req.valid('query');
      const page = { space, kind: 'registry', limit: limit + 1 } as const;
      const rows = await store.secrets.list(after === undefined ? page : { ...page, after });
      const items = rows.slice(0, limit).map(registryJson);
      const next = rows.length > limit ? (items.at(-1)?.host ?? null) : null;
      return context.json({ items, next }, 200);
    })
    .openapi(setRoute, async (context) => {
      const { outcome, secret } = await actions.setRegistry({
        space: context.req.valid('query').space,
        host: context.req.valid('param').host,
        ...context.req.valid('json'),
        actor: context.get('actor'),
      });
      return context.json(registryJson(secret), outcome === 'created' ? 201 : 200);
    })
    .openapi(removeRoute, async (context) => {
      const { space } = context.req.valid('query');
      const key = { space, kind: 'registry', name: context.req.valid('param').host } as const;
      const removed = await store.secrets.remove(key, context.get('actor'));
      return context.json(registryJson(removed), 200);
    });
}

const hostPath = z.object({ host: registryHostSchema.meta({ example: 'ghcr.example' }) });

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/registries',
  tags: ['secrets'],
  summary: 'List registries with credentials',
  description: 'Image registries that a space has credentials for, by host. No passwords.',
  request: {
    query: z.strictObject({
      space: spaceQuery,
      after: registryHostSchema.optional().meta({
        description: 'Hosts after this one: `next` of the page before',
        example: 'docker.io',
      }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json('A page of registries', components.registryList, {
      items: [exampleRegistry],
      next: null,
    }),
    ...problems('invalid', 'unavailable'),
  },
});

const setRoute = createRoute({
  method: 'put',
  path: '/api/v1/registries/{host}',
  tags: ['secrets'],
  summary: 'Set the credentials of a registry',
  description:
    'Apps of the space pull images of this registry with them. Kept encrypted; nobody can read them again.',
  request: {
    params: hostPath,
    query: z.strictObject({ space: spaceQuery }),
    body: {
      required: true,
      description: 'User name, and password or token',
      content: {
        'application/json': {
          schema: registryBodySchema,
          example: { username: 'lab', password: 'a-token' },
        },
      },
    },
  },
  responses: {
    200: json('Replaced, or unchanged: the version tells', components.registry, exampleRegistry),
    201: json('Created', components.registry, { ...exampleRegistry, version: 1 }),
    ...problems(
      'invalid',
      'secret_unavailable',
      'body_too_large',
      'unsupported_media_type',
      'quota_exceeded',
      'unavailable',
    ),
  },
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/registries/{host}',
  tags: ['secrets'],
  summary: 'Remove the credentials of a registry',
  description: 'Refused while apps have images of it. Answers what was removed.',
  request: { params: hostPath, query: z.strictObject({ space: spaceQuery }) },
  responses: {
    200: json('Removed', components.registry, { ...exampleRegistry, usedBy: [] }),
    ...problems('invalid', 'not_found', 'conflict', 'unavailable'),
  },
});
