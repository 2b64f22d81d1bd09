import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { namedAppSpecSchema } from '../model/app-spec.ts';
import { spacesOf } from '../model/roles.ts';
import type { RegisteredAppJson } from '../model/api.ts';
import { nameSchema } from '../model/name-schema.ts';
import type { Registered } from '../store/ports.ts';
import type { AppActions } from './app-actions.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import {
  exampleAccepted,
  exampleApp,
  exampleImageSpec,
  examplePlan,
  exampleSpec,
} from './examples.ts';
import { json, problems, router } from './openapi.ts';
import { accepted, commandHeaders, namePath, pageLimit, why } from './parameters.ts';
import { appFor, appJson, operationJson } from './present.ts';
import { components } from './components.ts';

/** `/api/v1/apps`: list, show, register, replace, remove. */
export function apps(deps: ApiDependencies, actions: AppActions): OpenAPIHono<ApiEnv> {
  const { store, settings } = deps;
  return router()
    .openapi(listRoute, async (context) => {
      const { space, after, limit } = context.req.valid('query');
      const { caller } = context.get('identity');
      const rows = await store.apps.list({
        visible: { spaces: spacesOf(caller, 'app.see'), access: [] },
        ...(space === undefined ? {} : { space }),
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      });
      const items = rows.slice(0, limit).map((app) => appFor(caller, app, settings));
      const next = rows.length > limit ? (items.at(-1)?.name ?? null) : null;
      return context.json({ items, next }, 200);
    })
    .openapi(showRoute, async (context) => {
      const app = await actions.find(context.req.valid('param').name);
      const { caller } = context.get('identity');
      return context.json(appFor(caller, app, settings), 200);
    })
    .openapi(registerRoute, async (context) => {
      const { name, ...spec } = context.req.valid('json');
      const operationId = context.req.valid('header')['idempotency-key'];
      const { caller } = context.get('identity');
      const { body, status, location } = registered(
        await actions.register({ name, spec, caller, operationId }),
        settings,
      );
      return context.json(body, status, { location });
    })
    .openapi(replaceRoute, async (context) => {
      const { name } = context.req.valid('param');
      const spec = context.req.valid('json');
      const operationId = context.req.valid('header')['idempotency-key'];
      const { caller } = context.get('identity');
      const { body, status, location } = registered(
        await actions.register({ name, spec, caller, operationId }),
        settings,
      );
      return context.json(body, status, { location });
    })
    .openapi(planRoute, async (context) => {
      const { name } = context.req.valid('param');
      const spec = context.req.valid('json');
      const { caller } = context.get('identity');
      return context.json(await actions.plan({ name, spec, caller }), 200);
    })
    .openapi(removeRoute, async (context) => {
      const operation = await actions.command({
        name: context.req.valid('param').name,
        verb: 'remove',
        cause: { actor: context.get('actor'), why: context.req.valid('query').why ?? 'removed' },
        operationId: context.req.valid('header')['idempotency-key'],
      });
      return accepted(context, operationJson(operation));
    });
}

function registered(result: Registered, settings: ApiDependencies['settings']) {
  const body = registeredJson(result, settings);
  return {
    body,
    status: result.outcome === 'created' ? (201 as const) : (200 as const),
    location: body.links.self,
  };
}

/** An app as it was registered, as the API answers it; who may register may read output. */
export function registeredJson(
  { app, outcome, operation }: Registered,
  settings: ApiDependencies['settings'],
): RegisteredAppJson {
  const told = operation === null ? null : operationJson(operation);
  return { ...appJson(app, settings), outcome, operation: told };
}

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps',
  tags: ['apps'],
  summary: 'List apps',
  description: 'Registered apps by name, a page at a time.',
  request: {
    query: z.strictObject({
      space: nameSchema.optional().meta({
        description: 'Only apps of this space',
        example: 'default',
      }),
      after: nameSchema.optional().meta({
        description: 'Names after this one: `next` of the page before',
        example: 'aquarium',
      }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json('A page of apps', components.appList, { items: [exampleApp], next: null }),
    ...problems('invalid', 'unavailable'),
  },
});

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps/{name}',
  tags: ['apps'],
  summary: 'Show an app',
  description: 'Its definition, what it is doing, since when and why.',
  request: { params: namePath },
  responses: {
    200: json('The app', components.app, exampleApp),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});

const registrations = {
  200: json(
    'Replaced, or unchanged: the same definition was registered before',
    components.registeredApp,
    {
      ...exampleApp,
      outcome: 'unchanged',
      operation: null,
    },
  ),
  201: json('Created', components.registeredApp, {
    ...exampleApp,
    outcome: 'created',
    operation: exampleAccepted,
  }),
  ...problems(
    'invalid',
    'conflict',
    'body_too_large',
    'unsupported_media_type',
    'quota_exceeded',
    'storage_full',
    'unavailable',
  ),
};

const registerRoute = createRoute({
  method: 'post',
  path: '/api/v1/apps',
  tags: ['apps'],
  summary: 'Register an app',
  description:
    'Like PUT, with the name in the body. The app sleeps until somebody opens it, unless it is always on.',
  request: {
    headers: commandHeaders,
    body: {
      required: true,
      description: 'Definition with its name',
      content: {
        'application/json': {
          schema: namedAppSpecSchema,
          example: { name: 'report', ...exampleImageSpec },
        },
      },
    },
  },
  responses: registrations,
});

const replaceRoute = createRoute({
  method: 'put',
  path: '/api/v1/apps/{name}',
  tags: ['apps'],
  summary: 'Register or replace an app',
  description:
    'The same definition again changes nothing. Another one replaces it; a running instance is replaced when it cannot serve the new definition.',
  request: {
    params: namePath,
    headers: commandHeaders,
    body: {
      required: true,
      description: 'The whole definition; what is left out gets its default',
      content: { 'application/json': { schema: components.spec, example: exampleSpec } },
    },
  },
  responses: registrations,
});

const planRoute = createRoute({
  method: 'post',
  path: '/api/v1/apps/{name}/plan',
  tags: ['apps'],
  summary: 'See what a registration would do',
  description:
    'A dry run of PUT: the same body, the same refusals, and nothing changes. Limits are asked only by the registration itself.',
  request: {
    params: namePath,
    body: {
      required: true,
      description: 'The whole definition, as for PUT',
      content: { 'application/json': { schema: components.spec, example: exampleSpec } },
    },
  },
  responses: {
    200: json('What it would do', components.appPlan, examplePlan),
    ...problems('invalid', 'conflict', 'body_too_large', 'unsupported_media_type', 'unavailable'),
  },
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/apps/{name}',
  tags: ['apps'],
  summary: 'Remove an app',
  description: 'Stops and removes it. Its timeline stays.',
  request: { params: namePath, headers: commandHeaders, query: z.strictObject({ why }) },
  responses: {
    202: json('Accepted', components.operation, { ...exampleAccepted, verb: 'remove' }),
    ...problems('invalid', 'not_found', 'conflict', 'unavailable'),
  },
});
