import type { Hono } from 'hono';
import { openingOf, openingsBodySchema, openingsSchema, type Opening } from '../model/access.ts';
import { logTailSchema, wakeBodySchema } from '../model/api.ts';
import { loginLinkSchema, machineLoginSchema } from '../model/people-api.ts';
import { createRoute } from '@hono/zod-openapi';
import type { AppActions } from './app-actions.ts';
import { internalToken } from './auth/internal-token.ts';
import type { LoginLinks } from './auth/login-links.ts';
import type { AppLogs } from './app-log-source.ts';
import type { Standing } from '../store/people-ports.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleAccepted } from './examples.ts';
import { exampleLoginLink } from './people-examples.ts';
import { json, problems, router } from './openapi.ts';
import { accepted, namePath } from './parameters.ts';
import { operationJson } from './present.ts';
import { components } from './components.ts';
import { wakeForVisitor } from './wake-for-visitor.ts';

/** `/internal`: what gateways ask. Needs the internal secret, and is never passed on to browsers. */
export function internal(
  deps: Pick<ApiDependencies, 'internalToken' | 'store'>,
  { actions, logs, links }: { actions: AppActions; logs: AppLogs; links: LoginLinks },
): Hono<ApiEnv> {
  const app = router();
  app.use('/internal/*', internalToken(deps.internalToken));
  return app
    .openapi(wakeRoute, async (context) => {
      const { name } = context.req.valid('param');
      const cause = context.req.valid('json');
      const operation = await wakeForVisitor(actions, { name, cause });
      return accepted(context, operationJson(operation));
    })
    .openapi(loginLinkRoute, async (context) => {
      const { person, operator } = context.req.valid('json');
      const by = { actor: 'operator of this machine' };
      const known = await deps.store.people.find(person);
      if (known === null || (operator && !known.operator)) {
        await deps.store.people.put(person, { operator }, { ...by, role: 'user' });
      }
      const link = await links.make(person, by);
      return context.json(link, 201, { 'cache-control': 'no-store' });
    })
    .openapi(openingsRoute, async (context) => {
      const { questions } = context.req.valid('json');
      const standings = await deps.store.access.standings(questions);
      const openings = standings.map((one, index) => openingNow(questions[index]?.app ?? '', one));
      return context.json({ openings }, 200);
    })
    .openapi(logTailRoute, async (context) => {
      const row = await actions.find(context.req.valid('param').name);
      const tail = await logs.lastLines(row, context.req.raw.signal);
      return context.json(tail, 200);
    });
}

function openingNow(name: string, { stands, caller, endsAt, app }: Standing): Opening {
  if (!stands) return { verdict: 'ended' };
  if (app === null) return { verdict: 'hidden' };
  if (caller === null) return { verdict: 'open', person: null, role: null, endsAt };
  return openingOf(caller, { name, ...app }, endsAt);
}

const wakeRoute = createRoute({
  method: 'post',
  path: '/internal/apps/{name}/wake',
  hide: true,
  request: {
    params: namePath,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: wakeBodySchema,
          example: { actor: 'visitor', why: 'GET /app/plot/' },
        },
      },
    },
  },
  responses: {
    202: json('Accepted', components.operation, exampleAccepted),
    ...problems(
      ...(['invalid', 'unauthenticated', 'not_found'] as const),
      ...(['quota_exceeded', 'storage_full', 'unavailable'] as const),
    ),
  },
});

const loginLinkRoute = createRoute({
  method: 'post',
  path: '/internal/login-links',
  hide: true,
  request: {
    body: {
      required: true,
      content: { 'application/json': { schema: machineLoginSchema, example: { person: 'ada' } } },
    },
  },
  responses: {
    201: json('Made', loginLinkSchema, exampleLoginLink),
    ...problems('invalid', 'unauthenticated', 'unavailable'),
  },
});

const openingsRoute = createRoute({
  method: 'post',
  path: '/internal/openings',
  hide: true,
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: openingsBodySchema,
          example: { questions: [{ app: 'plot', proof: { kind: 'link', id: '3f9a1c0b2d4e' } }] },
        },
      },
    },
  },
  responses: {
    200: json('How each stands, in the order of the questions', openingsSchema, {
      openings: [{ verdict: 'open', person: null, role: null, endsAt: null }],
    }),
    ...problems('invalid', 'unauthenticated', 'unavailable'),
  },
});

const logTailRoute = createRoute({
  method: 'get',
  path: '/internal/apps/{name}/log-tail',
  hide: true,
  request: { params: namePath },
  responses: {
    200: json('Last lines', logTailSchema, { generation: 3, lines: ['listening on 40123'] }),
    ...problems('invalid', 'unauthenticated', 'not_found', 'host_unreachable', 'unavailable'),
  },
});
