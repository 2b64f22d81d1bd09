import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { LabError } from '../model/failures.ts';
import {
  memberListSchema,
  memberSchema,
  roleBodySchema,
  spaceListSchema,
  spaceSchema,
} from '../model/people-api.ts';
import { personNameSchema, spaceChangeSchema, spaceNameSchema } from '../model/person.ts';
import { spacesOf } from '../model/roles.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { json, problems, router } from './openapi.ts';
import { pageLimit } from './parameters.ts';
import { exampleMember, exampleSpace } from './people-examples.ts';

/** `/api/v1/spaces`: courses and projects, their members and quotas. */
export function spaces({ store }: Pick<ApiDependencies, 'store'>): OpenAPIHono<ApiEnv> {
  const find = async (name: string) => {
    const space = await store.spaces.find(name);
    if (space === null) throw new LabError('not_found', `there is no space ${name}`);
    return space;
  };
  return router()
    .openapi(listRoute, async (context) => {
      const { after, limit } = context.req.valid('query');
      const names = spacesOf(context.get('identity').caller, 'space.see');
      const rows = await store.spaces.list({
        ...(names === null ? {} : { names }),
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      });
      const items = rows.slice(0, limit);
      return context.json(
        { items, next: rows.length > limit ? (items.at(-1)?.name ?? null) : null },
        200,
      );
    })
    .openapi(showRoute, async (context) =>
      context.json(await find(context.req.valid('param').space), 200),
    )
    .openapi(putRoute, async (context) => {
      const { outcome, space } = await store.spaces.put(
        context.req.valid('param').space,
        context.req.valid('json'),
        { actor: context.get('actor') },
      );
      return context.json(space, outcome === 'created' ? 201 : 200);
    })
    .openapi(removeRoute, async (context) => {
      await store.spaces.remove(context.req.valid('param').space, { actor: context.get('actor') });
      return context.body(null, 204);
    })
    .openapi(membersRoute, async (context) => {
      const { space } = context.req.valid('param');
      const { after, limit } = context.req.valid('query');
      await find(space);
      const rows = await store.spaces.members(space, {
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      });
      const items = rows.slice(0, limit);
      return context.json(
        { items, next: rows.length > limit ? (items.at(-1)?.person ?? null) : null },
        200,
      );
    })
    .openapi(setRoleRoute, async (context) => {
      const { space, person } = context.req.valid('param');
      const { role } = context.req.valid('json');
      await store.spaces.setRole(space, person, role, { actor: context.get('actor') });
      return context.body(null, 204);
    })
    .openapi(dropRoleRoute, async (context) => {
      const { space, person } = context.req.valid('param');
      await store.spaces.setRole(space, person, null, { actor: context.get('actor') });
      return context.body(null, 204);
    });
}

const spacePath = z.object({ space: spaceNameSchema.meta({ example: exampleSpace.name }) });
const memberPath = spacePath.extend({
  person: personNameSchema.meta({ example: exampleMember.person }),
});
const usual = ['invalid', 'unauthenticated', 'forbidden', 'unavailable'] as const;
const space = spaceSchema.meta({ id: 'Space' });
const member = memberSchema.meta({ id: 'Member' });

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/spaces',
  tags: ['spaces'],
  summary: 'List spaces',
  description: 'Those you have a role in, by name; operators see all.',
  request: {
    query: z.strictObject({
      after: spaceNameSchema.optional().meta({
        description: 'Names after this one: `next` of the page before',
        example: 'biology',
      }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json(
      'A page of spaces',
      spaceListSchema
        .extend({ items: z.array(space).describe('Spaces by name') })
        .meta({ id: 'SpaceList' }),
      { items: [exampleSpace], next: null },
    ),
    ...problems(...usual),
  },
});

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/spaces/{space}',
  tags: ['spaces'],
  summary: 'Show a space',
  description: 'What it has and may have.',
  request: { params: spacePath },
  responses: { 200: json('The space', space, exampleSpace), ...problems(...usual, 'not_found') },
});

const putRoute = createRoute({
  method: 'put',
  path: '/api/v1/spaces/{space}',
  tags: ['spaces'],
  summary: 'Add or change a space',
  description: 'Title and quotas; what is left out stays. For operators.',
  request: {
    params: spacePath,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: spaceChangeSchema.meta({ id: 'SpaceChange' }),
          example: { title: 'Machine learning 101', maxApps: 40, maxAwakeApps: 10 },
        },
      },
    },
  },
  responses: {
    200: json('Changed, or as it was', space, exampleSpace),
    201: json('Added', space, { ...exampleSpace, apps: 0, awakeApps: 0, members: 0 }),
    ...problems(...usual, 'body_too_large', 'unsupported_media_type'),
  },
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/spaces/{space}',
  tags: ['spaces'],
  summary: 'Remove a space',
  description: 'Refused while something is in it, and for the default space. For operators.',
  request: { params: spacePath },
  responses: { 204: { description: 'It is gone' }, ...problems(...usual, 'not_found', 'conflict') },
});

const membersRoute = createRoute({
  method: 'get',
  path: '/api/v1/spaces/{space}/members',
  tags: ['spaces'],
  summary: 'List members',
  description: 'People with a role in it, by name.',
  request: {
    params: spacePath,
    query: z.strictObject({
      after: personNameSchema
        .optional()
        .meta({ description: 'Names after this one: `next` of the page before', example: 'aaron' }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json(
      'A page of members',
      memberListSchema
        .extend({ items: z.array(member).describe('Members by name') })
        .meta({ id: 'MemberList' }),
      { items: [exampleMember], next: null },
    ),
    ...problems(...usual, 'not_found'),
  },
});

const setRoleRoute = createRoute({
  method: 'put',
  path: '/api/v1/spaces/{space}/members/{person}',
  tags: ['spaces'],
  summary: 'Give a role',
  description: 'Makes a person a member, or changes the role. It holds from the next request on.',
  request: {
    params: memberPath,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: roleBodySchema.meta({ id: 'RoleBody' }),
          example: { role: 'instructor' },
        },
      },
    },
  },
  responses: {
    204: { description: 'They have it' },
    ...problems(...usual, 'not_found', 'body_too_large', 'unsupported_media_type'),
  },
});

const dropRoleRoute = createRoute({
  method: 'delete',
  path: '/api/v1/spaces/{space}/members/{person}',
  tags: ['spaces'],
  summary: 'Take a role away',
  description: 'They are no member any more, from the next request on.',
  request: { params: memberPath },
  responses: { 204: { description: 'They have none' }, ...problems(...usual, 'not_found') },
});
