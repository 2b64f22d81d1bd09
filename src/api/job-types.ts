import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { LabError } from '../model/failures.ts';
import { nameSchema } from '../model/name-schema.ts';
import { may, spacesOf, type Caller } from '../model/roles.ts';
import type { JobTypeJson } from '../model/job-api.ts';
import type { JobType } from '../store/job-ports.ts';
import { requireMay } from './auth/authorize.ts';
import { components } from './components.ts';
import type { ConfigCheck } from './config-check.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleJobType, exampleJobTypeSpec } from './job-examples.ts';
import { json, problems, router } from './openapi.ts';
import { pageLimit } from './parameters.ts';

/** `/api/v1/job-types`: named kinds of jobs, with the schema of what each is given. */
export function jobTypes(
  deps: Pick<ApiDependencies, 'store'>,
  check: ConfigCheck,
): OpenAPIHono<ApiEnv> {
  const { jobTypes: types } = deps.store;

  const found = async (name: string): Promise<JobType> => {
    const type = await types.find(name);
    if (type === null) throw new LabError('not_found', `there is no job type ${name}`);
    return type;
  };

  return router()
    .openapi(listRoute, async (context) => {
      const { after, limit } = context.req.valid('query');
      const spaces = spacesOf(context.get('identity').caller, 'job.see');
      const rows = await types.list({
        spaces,
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      });
      const items = rows.slice(0, limit).map(typeJson);
      const next = rows.length > limit ? (items.at(-1)?.name ?? null) : null;
      return context.json({ items, next }, 200);
    })
    .openapi(showRoute, async (context) =>
      context.json(typeJson(await found(context.req.valid('param').name)), 200),
    )
    .openapi(putRoute, async (context) => {
      const { name } = context.req.valid('param');
      const spec = context.req.valid('json');
      const { caller } = context.get('identity');
      check.compile(spec.configSchema);
      const owner = caller.person ?? 'visitor';
      const { outcome, type } = await types.put({
        ...{ name, owner, actor: owner, spec },
        check: (existing) => requireDefine(caller, name, spec.space, existing),
      });
      return context.json({ ...typeJson(type), outcome }, outcome === 'created' ? 201 : 200);
    })
    .openapi(removeRoute, async (context) => {
      await types.remove(context.req.valid('param').name, context.get('actor'));
      return context.body(null, 204);
    })
    .openapi(validateRoute, async (context) => {
      const type = await found(context.req.valid('param').name);
      const { config } = context.req.valid('json');
      const errors = check.mistakes(type.spec.configSchema, { ...type.spec.config, ...config });
      return context.json({ valid: errors.length === 0, errors }, 200);
    });
}

/** A name belongs to everybody: who may not see what has it is only told that it is taken. */
function requireDefine(
  caller: Caller,
  name: string,
  space: string,
  existing: JobType | null,
): void {
  if (existing !== null) {
    const subject = { space: existing.space, owner: existing.owner };
    if (!may(caller, 'job.see', subject)) {
      throw new LabError('conflict', `cannot set job-type/${name}: the name is taken`);
    }
    requireMay(caller, 'job-type.change', subject, `job-type/${name}`);
  }
  if (existing?.space === space) return;
  requireMay(caller, 'job-type.define', { space, owner: null }, `the space ${space}`);
}

export function typeJson(type: JobType): JobTypeJson {
  const { name, space, owner, spec, revision, createdAt, updatedAt } = type;
  const self = `/api/v1/job-types/${name}`;
  return {
    ...{ name, space, owner, spec, revision, createdAt, updatedAt },
    title: spec.title ?? name,
    links: { self, validate: `${self}/validate` },
  };
}

const typePath = z.object({ name: nameSchema.meta({ example: 'community' }) });

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/job-types',
  tags: ['job types'],
  summary: 'List job types',
  description: 'By name, a page at a time.',
  request: {
    query: z.strictObject({
      after: nameSchema.optional().meta({
        description: 'Names after this one: `next` of the page before',
        example: 'battery',
      }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json('A page of job types', components.jobTypeList, {
      items: [exampleJobType],
      next: null,
    }),
    ...problems('invalid', 'unavailable'),
  },
});

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/job-types/{name}',
  tags: ['job types'],
  summary: 'Show a job type',
  description: 'What it runs, and the JSON Schema of its config.',
  request: { params: typePath },
  responses: {
    200: json('The job type', components.jobType, exampleJobType),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});

const definitions = {
  200: json('Replaced, or unchanged', components.definedJobType, {
    ...exampleJobType,
    outcome: 'unchanged',
  }),
  201: json('Created', components.definedJobType, { ...exampleJobType, outcome: 'created' }),
  ...problems(
    'invalid',
    'forbidden',
    'conflict',
    'body_too_large',
    'unsupported_media_type',
    'unavailable',
  ),
};

const putRoute = createRoute({
  method: 'put',
  path: '/api/v1/job-types/{name}',
  tags: ['job types'],
  summary: 'Define a job type',
  description:
    'What is run, with which limits, and the schema of what people may ask for. Users of its space may then submit jobs of it; jobs that wait or run keep the definition they were made from.',
  request: {
    params: typePath,
    body: {
      required: true,
      description: 'The whole definition; what is left out gets its default',
      content: {
        'application/json': { schema: components.jobTypeSpec, example: exampleJobTypeSpec },
      },
    },
  },
  responses: definitions,
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/job-types/{name}',
  tags: ['job types'],
  summary: 'Remove a job type',
  description: 'Refused while jobs of it wait or run; those that are over stay.',
  request: { params: typePath },
  responses: {
    204: { description: 'Removed' },
    ...problems('invalid', 'not_found', 'conflict', 'unavailable'),
  },
});

const validateRoute = createRoute({
  method: 'post',
  path: '/api/v1/job-types/{name}/validate',
  tags: ['job types'],
  summary: 'Check a config',
  description: 'By the schema of the type, as a submission would; nothing is submitted.',
  request: {
    params: typePath,
    body: {
      required: true,
      description: 'The config',
      content: {
        'application/json': {
          schema: z.strictObject({
            config: z
              .record(z.string(), z.unknown())
              .meta({ description: 'As a submission would give it', example: { days: 7 } }),
          }),
          example: { config: { days: 7 } },
        },
      },
    },
  },
  responses: {
    200: json('What is wrong with it', components.checkedConfig, { valid: true, errors: [] }),
    ...problems('invalid', 'not_found', 'body_too_large', 'unsupported_media_type', 'unavailable'),
  },
});
