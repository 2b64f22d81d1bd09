import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { LabError } from '../model/failures.ts';
import { sweepIdSchema } from '../model/sweep.ts';
import { spacesOf } from '../model/roles.ts';
import type { SweepRowJson } from '../model/sweep-api.ts';
import type { Sweep, SweepRow } from '../store/sweep-ports.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { json, problems, router, stream } from './openapi.ts';
import { commandHeaders, pageLimit, why } from './parameters.ts';
import type { SweepActions } from './sweep-actions.ts';
import { sweepCsv } from './sweep-csv.ts';
import { exampleSweep, exampleSweepBody, exampleSweepRow, sweepJson } from './sweep-present.ts';

/** `/api/v1/sweeps`: many jobs of one definition, and one table of what came of them. */
export function sweeps(
  { store }: Pick<ApiDependencies, 'store'>,
  actions: SweepActions,
): OpenAPIHono<ApiEnv> {
  const found = async (id: string): Promise<Sweep> => {
    const sweep = await store.sweeps.find(id);
    if (sweep === null) throw new LabError('not_found', `there is no sweep ${id}`);
    return sweep;
  };
  const submit = async (
    context: Context<ApiEnv>,
    input: Pick<Parameters<SweepActions['submit']>[0], 'id' | 'wish' | 'idempotencyKey'>,
  ) => {
    const { outcome, sweep } = await actions.submit({
      ...input,
      body: await context.req.json<Record<string, unknown>>(),
      caller: context.get('identity').caller,
    });
    const body = { ...sweepJson(sweep), outcome };
    const headers = { location: body.links.self };
    return outcome === 'created'
      ? context.json(body, 201, headers)
      : context.json(body, 200, headers);
  };

  return router()
    .openapi(listRoute, async (context) => {
      const { before, limit } = context.req.valid('query');
      const rows = await store.sweeps.list({
        spaces: spacesOf(context.get('identity').caller, 'job.see'),
        ...(before === undefined ? {} : { before }),
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const next = rows.length > limit && last !== undefined ? String(last.number) : null;
      return context.json({ items: page.map(sweepJson), next }, 200);
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
    .openapi(showRoute, async (context) =>
      context.json(sweepJson(await found(context.req.valid('param').id)), 200),
    )
    .openapi(rowsRoute, async (context) => {
      const { id } = context.req.valid('param');
      const { after, limit } = context.req.valid('query');
      await found(id);
      const rows = await store.sweeps.rows(id, { after, limit: limit + 1 });
      const items = rows.slice(0, limit).map(rowJson);
      const next = rows.length > limit ? String(items.at(-1)?.index ?? 0) : null;
      return context.json({ items, next }, 200);
    })
    .openapi(csvRoute, async (context) => {
      const sweep = await found(context.req.valid('param').id);
      return new Response(sweepCsv(store.sweeps, sweep), {
        headers: {
          'content-type': 'text/csv; charset=utf-8',
          'content-disposition': `attachment; filename="sweep-${sweep.id}.csv"`,
          'cache-control': 'no-store',
        },
      });
    })
    .openapi(cancelRoute, async (context) => {
      const { why: given = 'canceled' } = context.req.valid('json');
      const cause = { actor: context.get('actor'), why: given };
      const sweep = await actions.cancel(context.req.valid('param').id, cause);
      return context.json(sweepJson(sweep), 202);
    })
    .openapi(removeRoute, async (context) => {
      const { why: given = 'removed' } = context.req.valid('query');
      const cause = { actor: context.get('actor'), why: given };
      await store.sweeps.remove(context.req.valid('param').id, cause);
      return context.body(null, 204);
    });
}

const rowJson = (row: SweepRow): SweepRowJson => ({
  ...row,
  result: row.result as SweepRowJson['result'],
  links: { job: `/api/v1/jobs/${row.job}` },
});

const sweepPath = z.object({ id: sweepIdSchema.meta({ example: exampleSweep.id }) });

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/sweeps',
  tags: ['sweeps'],
  summary: 'List sweeps',
  description: 'Newest first, a page at a time.',
  request: {
    query: z.strictObject({
      before: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .meta({ description: 'Older than this: `next` of the page before', example: 12 }),
      limit: pageLimit(50),
    }),
  },
  responses: {
    200: json('A page of sweeps', components.sweepList, { items: [exampleSweep], next: null }),
    ...problems('invalid', 'unavailable'),
  },
});

const submissions = {
  200: json('It was submitted before, with the same body', components.submittedSweep, {
    ...exampleSweep,
    outcome: 'existing',
  }),
  201: json('Accepted', components.submittedSweep, { ...exampleSweep, outcome: 'created' }),
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
  description: 'What its jobs have in common, and what differs',
  content: { 'application/json': { schema: components.sweepBody, example: exampleSweepBody } },
};

const submitRoute = createRoute({
  method: 'post',
  path: '/api/v1/sweeps',
  tags: ['sweeps'],
  summary: 'Submit a sweep',
  description:
    'All of its jobs are accepted in one transaction, or none; they are called ID.0, ID.1 and so on.',
  request: { headers: commandHeaders, body },
  responses: submissions,
});

const putRoute = createRoute({
  method: 'put',
  path: '/api/v1/sweeps/{id}',
  tags: ['sweeps'],
  summary: 'Submit a sweep under an id of your own',
  description: 'The same id and body answer the same sweep; another body is refused.',
  request: { params: sweepPath, body },
  responses: submissions,
});

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/sweeps/{id}',
  tags: ['sweeps'],
  summary: 'Show a sweep',
  description: 'How many of its jobs are how far, and what came of it.',
  request: { params: sweepPath },
  responses: {
    200: json('The sweep', components.sweep, exampleSweep),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});

const rowsRoute = createRoute({
  method: 'get',
  path: '/api/v1/sweeps/{id}/jobs',
  tags: ['sweeps'],
  summary: 'Table of a sweep',
  description: 'Each job with its parameters, progress and result, by index.',
  request: {
    params: sweepPath,
    query: z.strictObject({
      after: z.coerce
        .number()
        .int()
        .min(-1)
        .default(-1)
        .meta({ description: 'Indexes after this one: `next` of the page before', example: 99 }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json('A page of the table', components.sweepTable, {
      items: [exampleSweepRow],
      next: null,
    }),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});

const csvRoute = createRoute({
  method: 'get',
  path: '/api/v1/sweeps/{id}/results.csv',
  tags: ['sweeps'],
  summary: 'Results of a sweep as CSV',
  description:
    'A line a job: index, job, state, its parameters, and every number or text that lies flat in its result.',
  request: { params: sweepPath },
  responses: {
    200: stream('The table', 'text/csv', 'index,job,state,days,cost\r\n0,s.0,succeeded,7,12.5\r\n'),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});

const cancelRoute = createRoute({
  method: 'post',
  path: '/api/v1/sweeps/{id}/cancel',
  tags: ['sweeps'],
  summary: 'Cancel a sweep',
  description:
    'Its jobs that wait are over at once, those that run are stopped. Once more, or of one that is over, changes nothing.',
  request: {
    params: sweepPath,
    body: {
      required: false,
      description: 'May be left out',
      content: {
        'application/json': { schema: components.command, example: { why: 'wrong grid' } },
      },
    },
  },
  responses: {
    202: json('The sweep as it is now', components.sweep, exampleSweep),
    ...problems('invalid', 'not_found', 'unsupported_media_type', 'unavailable'),
  },
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/sweeps/{id}',
  tags: ['sweeps'],
  summary: 'Remove a sweep',
  description: 'With its jobs. Only one that is over; its timeline stays.',
  request: { params: sweepPath, query: z.strictObject({ why }) },
  responses: {
    204: { description: 'Removed' },
    ...problems('invalid', 'not_found', 'conflict', 'unavailable'),
  },
});
