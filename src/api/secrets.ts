import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { instanceName } from '../model/names.ts';
import { nameSchema } from '../model/name-schema.ts';
import { secretBodySchema } from '../model/secret-api.ts';
import type { AppActions } from './app-actions.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleAppSecret, exampleSecret } from './examples-secrets.ts';
import { json, problems, router } from './openapi.ts';
import { namePath, pageLimit, spaceQuery } from './parameters.ts';
import { appSecretJson, secretJson } from './present-secrets.ts';
import type { SecretActions } from './secret-actions.ts';

/** `/api/v1/secrets`: list, set, remove; what an app runs with; sealing under a new key. */
export function secrets(
  { store }: Pick<ApiDependencies, 'store'>,
  actions: SecretActions,
  apps: AppActions,
): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(listRoute, async (context) => {
      const { space, after, limit } = context.req.valid('query');
      const page = { space, kind: 'value', limit: limit + 1 } as const;
      const rows = await store.secrets.list(after === undefined ? page : { ...page, after });
      const items = rows.slice(0, limit).map(secretJson);
      const next = rows.length > limit ? (items.at(-1)?.name ?? null) : null;
      return context.json({ items, next }, 200);
    })
    .openapi(setRoute, async (context) => {
      const { outcome, secret } = await actions.setValue({
        space: context.req.valid('query').space,
        name: context.req.valid('param').name,
        value: context.req.valid('json').value,
        actor: context.get('actor'),
      });
      return context.json(secretJson(secret), outcome === 'created' ? 201 : 200);
    })
    .openapi(removeRoute, async (context) => {
      const { space } = context.req.valid('query');
      const key = { space, kind: 'value', name: context.req.valid('param').name } as const;
      const removed = await store.secrets.remove(key, context.get('actor'));
      return context.json(secretJson(removed), 200);
    })
    .openapi(resealRoute, async (context) => context.json(await actions.resealAll(), 200))
    .openapi(ofAppRoute, async (context) => {
      const { name, condition } = await apps.find(context.req.valid('param').name);
      const instance = instanceName(name, condition.generation);
      const items = (await store.secrets.ofApp(name, instance)).map(appSecretJson);
      return context.json({ items }, 200);
    });
}

const secretPath = z.object({ name: nameSchema.meta({ example: 'hf-token' }) });

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/secrets',
  tags: ['secrets'],
  summary: 'List secrets',
  description:
    'Secrets of a space by name: versions, who set them, which apps use them. No values.',
  request: {
    query: z.strictObject({
      space: spaceQuery,
      after: nameSchema.optional().meta({
        description: 'Names after this one: `next` of the page before',
        example: 'aws-key',
      }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json('A page of secrets', components.secretList, { items: [exampleSecret], next: null }),
    ...problems('invalid', 'unavailable'),
  },
});

const setRoute = createRoute({
  method: 'put',
  path: '/api/v1/secrets/{name}',
  tags: ['secrets'],
  summary: 'Set a secret',
  description:
    'Keeps a value, encrypted; nobody can read it again. Apps that name it get it at their next start; those that failed while somebody wanted them are woken. The same value again changes nothing.',
  request: {
    params: secretPath,
    query: z.strictObject({ space: spaceQuery }),
    body: {
      required: true,
      description: 'The value',
      content: {
        'application/json': { schema: secretBodySchema, example: { value: 'hf_example' } },
      },
    },
  },
  responses: {
    200: json('Replaced, or unchanged: the version tells', components.secret, exampleSecret),
    201: json('Created', components.secret, { ...exampleSecret, version: 1 }),
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
  path: '/api/v1/secrets/{name}',
  tags: ['secrets'],
  summary: 'Remove a secret',
  description: 'Refused while apps use it. Answers what was removed.',
  request: { params: secretPath, query: z.strictObject({ space: spaceQuery }) },
  responses: {
    200: json('Removed', components.secret, { ...exampleSecret, usedBy: [] }),
    ...problems('invalid', 'not_found', 'conflict', 'unavailable'),
  },
});

const resealRoute = createRoute({
  method: 'post',
  path: '/api/v1/secrets/reseal',
  tags: ['secrets'],
  summary: 'Seal everything under the newest key',
  description:
    'After a key was put first into the key file: every secret and all registry credentials are sealed anew under it. Versions stay.',
  responses: {
    200: json('Everything is sealed under it', components.resealed, {
      keyId: '6b1f0c3a9d42',
      resealed: 3,
    }),
    ...problems('secret_unavailable', 'unavailable'),
  },
});

const ofAppRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps/{name}/secrets',
  tags: ['secrets'],
  summary: 'List the secrets of an app',
  description: 'Its secret variables, the versions it runs with and those a start would use.',
  request: { params: namePath },
  responses: {
    200: json('By variable', components.appSecretList, { items: [exampleAppSecret] }),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});
