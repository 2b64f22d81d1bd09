import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { linkIdSchema } from '../model/access.ts';
import { appLinkListSchema, appLinkSchema, newAppLinkAnswerSchema } from '../model/people-api.ts';
import { newAppLinkSchema } from '../model/person.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import type { LinkActions } from './link-actions.ts';
import { json, problems, router } from './openapi.ts';
import { namePath, pageLimit } from './parameters.ts';
import { exampleAppLink, exampleNewAppLink } from './people-examples.ts';
import { appLinkJson } from './present-people.ts';

/** `/api/v1/apps/{name}/links`: what lets somebody without a login open one app, until an end. */
export function links(
  { store }: Pick<ApiDependencies, 'store'>,
  actions: LinkActions,
): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(listRoute, async (context) => {
      const rows = await store.links.list(
        context.req.valid('param').name,
        context.req.valid('query').limit,
      );
      return context.json({ items: rows.map(appLinkJson) }, 200);
    })
    .openapi(makeRoute, async (context) => {
      const app = context.req.valid('param').name;
      const by = { actor: context.get('actor') };
      const { link, url } = await actions.make(app, context.req.valid('json'), by);
      return context.json({ ...appLinkJson(link), url }, 201, { 'cache-control': 'no-store' });
    })
    .openapi(revokeRoute, async (context) => {
      const { name, id } = context.req.valid('param');
      const revoked = await store.links.revoke(name, id, { actor: context.get('actor') });
      return context.json(appLinkJson(revoked), 200);
    });
}

const link = appLinkSchema.meta({ id: 'AppLink' });
const usual = ['invalid', 'unauthenticated', 'forbidden', 'not_found', 'unavailable'] as const;

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps/{name}/links',
  tags: ['apps'],
  summary: 'List links to an app',
  description: 'Newest first, without what lets in.',
  request: {
    params: namePath,
    query: z.strictObject({
      limit: pageLimit(200),
    }),
  },
  responses: {
    200: json(
      'Links',
      appLinkListSchema
        .extend({ items: z.array(link).describe('Newest first') })
        .meta({ id: 'AppLinkList' }),
      { items: [exampleAppLink] },
    ),
    ...problems(...usual),
  },
});

const makeRoute = createRoute({
  method: 'post',
  path: '/api/v1/apps/{name}/links',
  tags: ['apps'],
  summary: 'Make a link to an app',
  description:
    'Whoever has it opens this one app without a login, until it expires or is revoked. The answer is the only place that ever shows it.',
  request: {
    params: namePath,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: newAppLinkSchema.meta({ id: 'NewAppLink' }),
          example: { label: exampleAppLink.label, expiresInMs: 604_800_000 },
        },
      },
    },
  },
  responses: {
    201: json('Made', newAppLinkAnswerSchema.meta({ id: 'MadeAppLink' }), exampleNewAppLink),
    ...problems(...usual, 'quota_exceeded', 'body_too_large', 'unsupported_media_type'),
  },
});

const revokeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/apps/{name}/links/{id}',
  tags: ['apps'],
  summary: 'Revoke a link to an app',
  description:
    'It stops working at once, also for who came in with it. Revoking a revoked one is fine.',
  request: {
    params: namePath.extend({
      id: linkIdSchema.meta({ description: 'Id of the link', example: exampleAppLink.id }),
    }),
  },
  responses: {
    200: json('Revoked', link, {
      ...exampleAppLink,
      state: 'revoked',
      revokedAt: '2026-03-03T08:00:00.000Z',
    }),
    ...problems(...usual),
  },
});
