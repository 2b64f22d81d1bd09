import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { AppActions } from './app-actions.ts';
import type { ApiEnv } from './dependencies.ts';
import { exampleAccepted } from './examples.ts';
import { json, problems, router } from './openapi.ts';
import { accepted, commandHeaders, namePath } from './parameters.ts';
import { operationJson } from './present.ts';
import { components } from './components.ts';

/** `/api/v1/apps/{name}/start` and its siblings: 202 with the operation. */
export function appCommands(actions: AppActions): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(startRoute, async (context) => {
      const given = context.req.valid('json');
      const operation = await actions.command({
        name: context.req.valid('param').name,
        verb: 'wake',
        cause: { actor: context.get('actor'), why: given.why ?? 'started' },
        operationId: context.req.valid('header')['idempotency-key'],
      });
      return accepted(context, operationJson(operation));
    })
    .openapi(stopRoute, async (context) => {
      const given = context.req.valid('json');
      const operation = await actions.command({
        name: context.req.valid('param').name,
        verb: 'sleep',
        cause: { actor: context.get('actor'), why: given.why ?? 'stopped' },
        operationId: context.req.valid('header')['idempotency-key'],
      });
      return accepted(context, operationJson(operation));
    })
    .openapi(restartRoute, async (context) => {
      const given = context.req.valid('json');
      const operation = await actions.command({
        name: context.req.valid('param').name,
        verb: 'restart',
        cause: { actor: context.get('actor'), why: given.why ?? 'restarted' },
        operationId: context.req.valid('header')['idempotency-key'],
      });
      return accepted(context, operationJson(operation));
    })
    .openapi(keepAwakeRoute, async (context) => {
      const given = context.req.valid('json');
      const operation = await actions.keepAwake({
        name: context.req.valid('param').name,
        cause: { actor: context.get('actor'), why: given.why ?? 'kept awake' },
        operationId: context.req.valid('header')['idempotency-key'],
      });
      return accepted(context, operationJson(operation));
    });
}

const request = {
  params: namePath,
  headers: commandHeaders,
  body: {
    required: false,
    description: 'May be left out',
    content: {
      'application/json': { schema: components.command, example: { why: 'demo at ten' } },
    },
  },
} as const;

const shared = ['invalid', 'not_found', 'conflict', 'unsupported_media_type'] as const;

const startRoute = createRoute({
  method: 'post',
  path: '/api/v1/apps/{name}/start',
  tags: ['app commands'],
  summary: 'Wake an app',
  description:
    'Wakes it as a visit would. Waking an app that is awake changes nothing. Refused while its space has as many apps awake as its quota allows.',
  request,
  responses: {
    202: json('Accepted', components.operation, exampleAccepted),
    ...problems(...shared, 'quota_exceeded', 'storage_full', 'unavailable'),
  },
});

const stopRoute = createRoute({
  method: 'post',
  path: '/api/v1/apps/{name}/stop',
  tags: ['app commands'],
  summary: 'Put an app to sleep',
  description: 'Stops it now, users or not. The next visit wakes it.',
  request,
  responses: {
    202: json('Accepted', components.operation, { ...exampleAccepted, verb: 'sleep' }),
    ...problems(...shared, 'unavailable'),
  },
});

const restartRoute = createRoute({
  method: 'post',
  path: '/api/v1/apps/{name}/restart',
  tags: ['app commands'],
  summary: 'Restart an app',
  description:
    'Replaces its instance by a new one; starts it when it sleeps, and then as a wake does.',
  request,
  responses: {
    202: json('Accepted', components.operation, { ...exampleAccepted, verb: 'restart' }),
    ...problems(...shared, 'quota_exceeded', 'unavailable'),
  },
});

const keepAwakeRoute = createRoute({
  method: 'post',
  path: '/api/v1/apps/{name}/keep-awake',
  tags: ['app commands'],
  summary: 'Keep an app awake',
  description: 'Counts as use now. An app that sleeps is not woken: 409.',
  request,
  responses: {
    202: json('Accepted', components.operation, exampleAccepted),
    ...problems(...shared, 'unavailable'),
  },
});
