import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { LabError } from '../model/failures.ts';
import { isEnded, jobStates } from '../model/job-state.ts';
import type { JobSubmission } from '../model/job-spec.ts';
import { jobIdSchema, jobSpecSchema } from '../model/job-spec.ts';
import { nameSchema } from '../model/name-schema.ts';
import { spacesOf } from '../model/roles.ts';
import type { Job } from '../store/job-ports.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleJob, exampleJobSpec } from './job-examples.ts';
import type { JobActions } from './job-actions.ts';
import { json, problems, router } from './openapi.ts';
import { commandHeaders, pageLimit, why } from './parameters.ts';
import { jobFor } from './present-jobs.ts';

/** `/api/v1/jobs`: submit, list, show, cancel, remove. */
export function jobs(deps: ApiDependencies, actions: JobActions): OpenAPIHono<ApiEnv> {
  const { store, settings } = deps;

  const shown = async (context: Context<ApiEnv>, job: Job) => {
    const [position, silent] = await Promise.all([actions.position(job), store.hosts.silent()]);
    return jobFor(context.get('identity').caller, job, position, settings, silent);
  };

  const submit = async (
    context: Context<ApiEnv>,
    input: { id?: string; wish: JobSubmission; idempotencyKey?: string | undefined },
  ) => {
    const { outcome, job } = await actions.submit({
      ...input,
      body: await context.req.json<Record<string, unknown>>(),
      caller: context.get('identity').caller,
    });
    const body = { ...(await shown(context, job)), outcome };
    const headers = { location: body.links.self };
    return outcome === 'created'
      ? context.json(body, 201, headers)
      : context.json(body, 200, headers);
  };

  return router()
    .openapi(listRoute, async (context) => {
      const { before, limit, state, space, owner, host, search, idPrefix, tag } =
        context.req.valid('query');
      const rows = await store.jobs.list({
        spaces: spacesOf(context.get('identity').caller, 'job.see'),
        ...(state === undefined ? {} : { states: [state].flat() }),
        ...(space === undefined ? {} : { space }),
        ...(owner === undefined ? {} : { owner }),
        ...(host === undefined ? {} : { host }),
        ...(search === undefined ? {} : { search }),
        ...(idPrefix === undefined ? {} : { idPrefix }),
        ...(tag === undefined ? {} : { tags: Object.fromEntries([tag].flat().map(tagOf)) }),
        ...(before === undefined ? {} : { before }),
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const { caller } = context.get('identity');
      const silent = await store.hosts.silent();
      const items = page.map((job) => jobFor(caller, job, null, settings, silent));
      const last = page.at(-1);
      const next = rows.length > limit && last !== undefined ? String(last.number) : null;
      return context.json({ items, next }, 200);
    })
    .openapi(submitRoute, (context) =>
      submit(context, {
        wish: context.req.valid('json'),
        idempotencyKey: context.req.valid('header')['idempotency-key'],
      }),
    )
    .openapi(putRoute, (context) =>
      submit(context, { id: context.req.valid('param').id, wish: context.req.valid('json') }),
    )
    .openapi(validateRoute, async (context) => {
      const { spec } = await actions.plan({
        body: await context.req.json<Record<string, unknown>>(),
        wish: context.req.valid('json'),
        caller: context.get('identity').caller,
      });
      return context.json({ spec }, 200);
    })
    .openapi(showRoute, async (context) =>
      context.json(await shown(context, await actions.find(context.req.valid('param').id)), 200),
    )
    .openapi(resultRoute, async (context) => {
      const job = await actions.find(context.req.valid('param').id);
      return context.json(resultOf(job), 200);
    })
    .openapi(cancelRoute, async (context) => {
      const { why: given = 'canceled' } = context.req.valid('json');
      const { id } = context.req.valid('param');
      const job = await actions.cancel(id, { actor: context.get('actor'), why: given });
      return context.json(await shown(context, job), 202);
    })
    .openapi(removeRoute, async (context) => {
      const { why: given = 'removed' } = context.req.valid('query');
      const { id } = context.req.valid('param');
      await actions.remove(id, { actor: context.get('actor'), why: given });
      return context.body(null, 204);
    });
}

/** Throws `not_found` until there can be one, and `conflict` where there never will be. */
function resultOf(job: Job): unknown {
  const { id, state, detail, result } = job;
  if (!isEnded(state)) {
    throw new LabError('not_found', `job/${id} has no result yet: it is ${state}; ask again later`);
  }
  const refuse = (why: string) =>
    new LabError('conflict', `job/${id} has no result: ${why}`, { details: { state } });
  if (state !== 'succeeded') throw refuse(`it is ${state} (${detail ?? 'no reason given'})`);
  const kept = result as { value: unknown } | { problem: string } | null;
  if (kept !== null && 'problem' in kept) throw refuse(kept.problem);
  return kept === null ? null : kept.value;
}

const exampleId = exampleJob.id;

/** `{id}` of a job in a path. */
export const jobPath = z.object({ id: jobIdSchema.meta({ example: exampleId }) });

const tagSchema = z
  .string()
  .max(321)
  .regex(/^[^=]{1,64}=/, 'must be key=value');

const tagOf = (text: string): [string, string] => {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
};

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs',
  tags: ['jobs'],
  summary: 'List jobs',
  description:
    'Newest first, a page at a time. Places in the queue are told where one job is shown.',
  request: {
    query: z.strictObject({
      state: z
        .union([z.enum(jobStates), z.array(z.enum(jobStates))])
        .optional()
        .meta({ description: 'Only those in this state; may be given several times' }),
      space: nameSchema.optional().meta({ description: 'Only of this space', example: 'default' }),
      owner: z.string().max(254).optional().meta({ description: 'Only of this person' }),
      host: nameSchema.optional().meta({ description: 'Only those whose last attempt was there' }),
      search: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .meta({ description: 'Only those whose id or title contains it', example: 'battery' }),
      idPrefix: jobIdSchema
        .optional()
        .meta({ description: 'Only those whose id begins so', example: '4f7c' }),
      tag: z
        .union([tagSchema, z.array(tagSchema).max(32)])
        .optional()
        .meta({
          description: 'Only those with this tag, as key=value; may be given several times',
        }),
      before: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .meta({ description: 'Older than this: `next` of the page before', example: 120 }),
      limit: pageLimit(50),
    }),
  },
  responses: {
    200: json('A page of jobs', components.jobList, { items: [exampleJob], next: null }),
    ...problems('invalid', 'unavailable'),
  },
});

const submissions = {
  200: json('It was submitted before, with the same body', components.submittedJob, {
    ...exampleJob,
    outcome: 'existing',
  }),
  201: json('Accepted', components.submittedJob, { ...exampleJob, outcome: 'created' }),
  ...problems(
    'invalid',
    'forbidden',
    'conflict',
    'body_too_large',
    'unsupported_media_type',
    'quota_exceeded',
    'storage_full',
    'unavailable',
  ),
};

const body = {
  required: true,
  description: 'What is to run; what is left out gets its default',
  content: { 'application/json': { schema: components.jobSubmission, example: exampleJobSpec } },
};

const submitRoute = createRoute({
  method: 'post',
  path: '/api/v1/jobs',
  tags: ['jobs'],
  summary: 'Submit a job',
  description:
    'Accepted as soon as it is written, with Temporal up or down. With an Idempotency-Key a repeat answers the same job.',
  request: { headers: commandHeaders, body },
  responses: submissions,
});

const putRoute = createRoute({
  method: 'put',
  path: '/api/v1/jobs/{id}',
  tags: ['jobs'],
  summary: 'Submit a job under an id of your own',
  description: 'The same id and body answer the same job; another body is refused.',
  request: { params: jobPath, body },
  responses: submissions,
});

const validateRoute = createRoute({
  method: 'post',
  path: '/api/v1/jobs/validate',
  tags: ['jobs'],
  summary: 'See what a submission would run',
  description: 'The same body and the same refusals as a submission; nothing is submitted.',
  request: { body },
  responses: {
    200: json('What would be run', components.plannedJob, {
      spec: jobSpecSchema.parse(exampleJobSpec),
    }),
    ...problems('invalid', 'forbidden', 'body_too_large', 'unsupported_media_type', 'unavailable'),
  },
});

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}',
  tags: ['jobs'],
  summary: 'Show a job',
  description: 'What it does, since when and why; its place in the queue; its result.',
  request: { params: jobPath },
  responses: {
    200: json('The job', components.job, exampleJob),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});

const resultRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/result',
  tags: ['jobs'],
  summary: 'Result of a job',
  description:
    'Its result.json as it is, null where it left none. 404 until it has succeeded, 409 once it ended otherwise: so a sensor that takes 404 for “not yet” and all else for a failure needs no rule of its own.',
  request: { params: jobPath },
  responses: {
    200: json('The result', z.unknown().meta({ description: 'What the program wrote' }), {
      self_sufficiency: 0.41,
    }),
    ...problems('invalid', 'not_found', 'conflict', 'unavailable'),
  },
});

const cancelRoute = createRoute({
  method: 'post',
  path: '/api/v1/jobs/{id}/cancel',
  tags: ['jobs'],
  summary: 'Cancel a job',
  description:
    'One that waits is over at once. One that runs gets SIGTERM, its grace, SIGKILL; `cancel` tells when each was seen. Once more, or of one that is over, changes nothing.',
  request: {
    params: jobPath,
    body: {
      required: false,
      description: 'May be left out',
      content: {
        'application/json': { schema: components.command, example: { why: 'wrong seed' } },
      },
    },
  },
  responses: {
    202: json('The job as it is now', components.job, exampleJob),
    ...problems('invalid', 'not_found', 'unsupported_media_type', 'unavailable'),
  },
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/jobs/{id}',
  tags: ['jobs'],
  summary: 'Remove a job',
  description: 'With its output and files. Only one that is over; its timeline stays.',
  request: { params: jobPath, query: z.strictObject({ why }) },
  responses: {
    204: { description: 'Removed' },
    ...problems('invalid', 'not_found', 'conflict', 'unavailable'),
  },
});
