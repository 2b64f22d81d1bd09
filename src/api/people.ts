import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { LabError } from '../model/failures.ts';
import { loginLinkSchema, personListSchema, personSchema } from '../model/people-api.ts';
import { personChangeSchema, personNameSchema } from '../model/person.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { json, problems, router } from './openapi.ts';
import { pageLimit } from './parameters.ts';
import { exampleLoginLink, examplePerson } from './people-examples.ts';
import { personJson } from './present-people.ts';
import type { LoginLinks } from './auth/login-links.ts';

/** `/api/v1/people`: who can log in. For operators. */
export function people(
  { store }: Pick<ApiDependencies, 'store'>,
  links: LoginLinks,
): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(listRoute, async (context) => {
      const { after, search, limit } = context.req.valid('query');
      const rows = await store.people.list({
        ...(after === undefined ? {} : { after }),
        ...(search === undefined ? {} : { search }),
        limit: limit + 1,
      });
      const items = rows.slice(0, limit).map(personJson);
      return context.json(
        { items, next: rows.length > limit ? (items.at(-1)?.name ?? null) : null },
        200,
      );
    })
    .openapi(showRoute, async (context) => {
      const name = context.req.valid('param').person;
      const person = await store.people.find(name);
      if (person === null) throw new LabError('not_found', `there is no person ${name}`);
      return context.json(personJson(person), 200);
    })
    .openapi(putRoute, async (context) => {
      const { outcome, person } = await store.people.put(
        context.req.valid('param').person,
        context.req.valid('json'),
        { actor: context.get('actor'), role: 'user' },
      );
      return context.json(personJson(person), outcome === 'created' ? 201 : 200);
    })
    .openapi(linkRoute, async (context) => {
      const { person } = context.req.valid('param');
      const link = await links.make(person, { actor: context.get('actor') });
      return context.json(link, 201, { 'cache-control': 'no-store' });
    });
}

const personPath = z.object({ person: personNameSchema.meta({ example: examplePerson.name }) });
const usual = ['invalid', 'unauthenticated', 'forbidden', 'unavailable'] as const;
const person = personSchema.meta({ id: 'Person' });

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/people',
  tags: ['people'],
  summary: 'List people',
  description: 'Who can log in, by name, a page at a time. For operators.',
  request: {
    query: z.strictObject({
      after: personNameSchema
        .optional()
        .meta({ description: 'Names after this one: `next` of the page before', example: 'ada' }),
      search: z.string().max(100).optional().meta({
        description: 'Only those whose name or title contains it',
        example: 'ada',
      }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json(
      'A page of people',
      personListSchema
        .extend({ items: z.array(person).describe('People by name') })
        .meta({ id: 'PersonList' }),
      { items: [examplePerson], next: null },
    ),
    ...problems(...usual),
  },
});

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/people/{person}',
  tags: ['people'],
  summary: 'Show a person',
  description: 'Name, rights and roles. For operators.',
  request: { params: personPath },
  responses: { 200: json('The person', person, examplePerson), ...problems(...usual, 'not_found') },
});

const putRoute = createRoute({
  method: 'put',
  path: '/api/v1/people/{person}',
  tags: ['people'],
  summary: 'Add or change a person',
  description:
    'Somebody new gets the role user in the default space. Disabling ends sessions and tokens at once. The last operator cannot be taken away. For operators.',
  request: {
    params: personPath,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: personChangeSchema.meta({ id: 'PersonChange' }),
          example: { title: 'Ada' },
        },
      },
    },
  },
  responses: {
    200: json('Changed, or as it was', person, examplePerson),
    201: json('Added', person, { ...examplePerson, roles: { default: 'user' }, lastSeenAt: null }),
    ...problems(...usual, 'conflict', 'body_too_large', 'unsupported_media_type'),
  },
});

const linkRoute = createRoute({
  method: 'post',
  path: '/api/v1/people/{person}/login-links',
  tags: ['people'],
  summary: 'Make a login link',
  description:
    'A link that logs the person in once, within an hour by default (LABKEEPER_LOGIN_LINK_MS). Shown this once. For operators.',
  request: { params: personPath },
  responses: {
    201: json('Made', loginLinkSchema.meta({ id: 'LoginLink' }), exampleLoginLink),
    ...problems(...usual, 'not_found'),
  },
});
