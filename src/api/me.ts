import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import {
  endedSessionSchema,
  meSchema,
  newTokenAnswerSchema,
  sessionListSchema,
  tokenListSchema,
  tokenSchema,
} from '../model/people-api.ts';
import { newTokenSchema, personNameSchema } from '../model/person.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { json, problems, router } from './openapi.ts';
import { pageLimit } from './parameters.ts';
import { exampleMe, exampleNewToken, exampleSession, exampleToken } from './people-examples.ts';
import { sessionJson, tokenJson } from './present-people.ts';
import { whose, type TokenActions } from './token-actions.ts';

/** `/api/v1/me`, `/sessions`, `/tokens`: who asks, and what lets them in. Others' are for operators. */
export function me(
  { store }: Pick<ApiDependencies, 'store'>,
  tokens: TokenActions,
): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(meRoute, (context) => {
      const { caller, via } = context.get('identity');
      const { person, operator, roles } = caller;
      // The route asks for a person: one who is not known was refused before.
      if (person === null || via === 'nothing') throw new Error('nobody asks who they are');
      return context.json({ person, operator, roles: { ...roles }, via }, 200);
    })
    .openapi(sessionsRoute, async (context) => {
      const person = whose(context.get('identity').caller, context.req.valid('query').person);
      const { credential } = context.get('identity');
      const items = (await store.sessions.list(person)).map((row) => sessionJson(row, credential));
      return context.json({ items }, 200);
    })
    .openapi(endSessionRoute, async (context) => {
      const person = whose(context.get('identity').caller, context.req.valid('query').person);
      const { id } = context.req.valid('param');
      await store.sessions.end(person, id === 'all' ? null : id, { actor: context.get('actor') });
      return context.body(null, 204);
    })
    .openapi(tokensRoute, async (context) => {
      const { person, limit } = context.req.valid('query');
      const rows = await store.tokens.list({
        person: whose(context.get('identity').caller, person),
        limit,
      });
      return context.json({ items: rows.map((row) => tokenJson(row)) }, 200);
    })
    .openapi(newTokenRoute, async (context) => {
      const wish = context.req.valid('json');
      const { token, text } = await tokens.make(context.get('identity'), wish);
      return context.json({ ...tokenJson(token), token: text }, 201, {
        'cache-control': 'no-store',
      });
    })
    .openapi(revokeRoute, async (context) => {
      const { id } = context.req.valid('param');
      const revoked = await tokens.revoke(context.get('identity').caller, id);
      return context.json(tokenJson(revoked), 200);
    });
}

const personQuery = personNameSchema.optional().meta({
  description: 'Whose; yours when left out. Others’: operators only',
});

const meRoute = createRoute({
  method: 'get',
  path: '/api/v1/me',
  tags: ['people'],
  summary: 'Who asks',
  description: 'Your name, your roles, and how you proved who you are.',
  responses: {
    200: json('Who asks', meSchema.meta({ id: 'Me' }), exampleMe),
    ...problems('unauthenticated', 'unavailable'),
  },
});

const sessionsRoute = createRoute({
  method: 'get',
  path: '/api/v1/sessions',
  tags: ['people'],
  summary: 'List logins',
  description: 'Logins of browsers that have not ended.',
  request: { query: z.strictObject({ person: personQuery }) },
  responses: {
    200: json('Logins', sessionListSchema.meta({ id: 'SessionList' }), { items: [exampleSession] }),
    ...problems('invalid', 'unauthenticated', 'forbidden', 'unavailable'),
  },
});

const endSessionRoute = createRoute({
  method: 'delete',
  path: '/api/v1/sessions/{id}',
  tags: ['people'],
  summary: 'End a login',
  description: 'Logs a browser out; `all` logs every browser out. Ending an ended one is fine.',
  request: {
    params: z.object({
      id: endedSessionSchema.meta({
        description: 'Id of the login, or `all`',
        example: exampleSession.id,
      }),
    }),
    query: z.strictObject({ person: personQuery }),
  },
  responses: {
    204: { description: 'It has ended' },
    ...problems('invalid', 'unauthenticated', 'forbidden', 'unavailable'),
  },
});

const tokensRoute = createRoute({
  method: 'get',
  path: '/api/v1/tokens',
  tags: ['people'],
  summary: 'List tokens',
  description: 'Newest first, without their secrets.',
  request: {
    query: z.strictObject({
      person: personQuery,
      limit: pageLimit(200),
    }),
  },
  responses: {
    200: json('Tokens', tokenListSchema.meta({ id: 'TokenList' }), { items: [exampleToken] }),
    ...problems('invalid', 'unauthenticated', 'forbidden', 'unavailable'),
  },
});

const newTokenRoute = createRoute({
  method: 'post',
  path: '/api/v1/tokens',
  tags: ['people'],
  summary: 'Make a token',
  description:
    'For programs: send it as `Authorization: Bearer …`. It may do what its person may, until it expires or is revoked. The answer is the only place that ever shows it.',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: newTokenSchema.meta({ id: 'NewToken' }),
          example: { label: 'airflow', person: exampleToken.person, expiresInMs: 7_776_000_000 },
        },
      },
    },
  },
  responses: {
    201: json('Made', newTokenAnswerSchema.meta({ id: 'MadeToken' }), exampleNewToken),
    ...problems(
      'invalid',
      'unauthenticated',
      'forbidden',
      'not_found',
      'conflict',
      'quota_exceeded',
      'body_too_large',
      'unsupported_media_type',
      'unavailable',
    ),
  },
});

const revokeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/tokens/{id}',
  tags: ['people'],
  summary: 'Revoke a token',
  description: 'It stops working at once. Revoking a revoked one is fine.',
  request: {
    params: z.object({
      id: z
        .string()
        .regex(/^[0-9a-f]{12}$/, 'must be the id of a token')
        .meta({ description: 'Id of the token', example: exampleToken.id }),
    }),
  },
  responses: {
    200: json('Revoked', tokenSchema.meta({ id: 'Token' }), {
      ...exampleToken,
      state: 'revoked',
      revokedAt: '2026-03-03T08:00:00.000Z',
    }),
    ...problems('invalid', 'unauthenticated', 'not_found', 'unavailable'),
  },
});
