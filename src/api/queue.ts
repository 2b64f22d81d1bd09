import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { waitInWords } from '../model/job-view.ts';
import type { QueueJson } from '../model/job-api.ts';
import { nameSchema } from '../model/name-schema.ts';
import { spacesOf } from '../model/roles.ts';
import type { HoldScope } from '../store/job-ports.ts';
import { requireMay } from './auth/authorize.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleJob, exampleQueue } from './job-examples.ts';
import type { JobActions } from './job-actions.ts';
import { jobPath } from './jobs.ts';
import { json, problems, router } from './openapi.ts';
import { jobJson } from './present-jobs.ts';
import type { QueueReader, QueueView } from './queue-view.ts';

/** `/api/v1/queue`: who runs where, who waits for what; holding and releasing it. */
export function queue(
  deps: Pick<ApiDependencies, 'store' | 'settings'>,
  { actions, reader }: { actions: JobActions; reader: QueueReader },
): OpenAPIHono<ApiEnv> {
  const { store, settings } = deps;

  const setHold = async (
    identity: ApiEnv['Variables']['identity'],
    body: { space?: string | undefined; why?: string | undefined },
    held: boolean,
  ) => {
    const { caller } = identity;
    const { space } = body;
    const subject = space === undefined ? null : { space, owner: null };
    const what = space === undefined ? 'all jobs' : `the space ${space}`;
    requireMay(caller, 'queue.hold', subject, what);
    const scope: HoldScope = space === undefined ? 'queue' : `space/${space}`;
    const actor = caller.person ?? 'visitor';
    if (held) await store.jobs.holdScope(scope, { actor, why: body.why ?? 'held' });
    else await store.jobs.releaseScope(scope, { actor, why: body.why ?? 'released' });
    reader.forget();
    return queueJson(await reader.read(), spacesOf(caller, 'job.see'));
  };

  return router()
    .openapi(showRoute, async (context) => {
      const { caller } = context.get('identity');
      return context.json(queueJson(await reader.read(), spacesOf(caller, 'job.see')), 200);
    })
    .openapi(holdRoute, async (context) =>
      context.json(await setHold(context.get('identity'), context.req.valid('json'), true), 200),
    )
    .openapi(releaseRoute, async (context) =>
      context.json(await setHold(context.get('identity'), context.req.valid('json'), false), 200),
    )
    .openapi(holdJobRoute, async (context) => {
      const { why = 'held' } = context.req.valid('json');
      const { id } = context.req.valid('param');
      await store.jobs.hold(id, { actor: context.get('actor'), why });
      return context.json(await shown(id), 200);
    })
    .openapi(releaseJobRoute, async (context) => {
      const { why = 'released' } = context.req.valid('json');
      const { id } = context.req.valid('param');
      await store.jobs.release(id, { actor: context.get('actor'), why });
      return context.json(await shown(id), 200);
    });

  /** Those who may do this may read everything of it. */
  async function shown(id: string) {
    reader.forget();
    const job = await actions.find(id);
    return jobJson(job, await actions.position(job), settings, await store.hosts.silent());
  }
}

/** What may be told of the queue: of jobs in other spaces only that they are there. */
export function queueJson(view: QueueView, spaces: readonly string[] | null): QueueJson {
  const isKnown = (one: { space: string }) => spaces === null || spaces.includes(one.space);
  const jobs = new Map(view.jobs.map((job) => [job.id, job]));
  return {
    hosts: view.hosts.map((host) => ({
      name: host.name,
      takesWork: host.takesWork,
      cpus: host.cpus,
      memoryBytes: host.memoryBytes,
      devices: host.devices.length,
      leases: view.leases
        .filter((lease) => lease.host === host.name)
        .map((lease) => ({
          job: isKnown(lease) ? lease.job : null,
          owner: isKnown(lease) ? lease.owner : null,
          cpus: lease.cpus,
          memoryBytes: lease.memoryBytes,
          devices: lease.devices.length,
          leftMs: lease.leftMs === null ? null : Math.round(lease.leftMs),
        })),
    })),
    waiting: [...view.positions].flatMap(([id, position]) => {
      const job = jobs.get(id);
      if (job === undefined) return [];
      const { startsInMs } = position;
      return [
        {
          job: isKnown(job) ? id : null,
          owner: isKnown(job) ? job.owner : null,
          priority: job.priority,
          waitedMs: Math.round(job.waitedMs),
          ahead: position.ahead,
          reason: isKnown(job) ? waitInWords(position) : null,
          startsInMs: startsInMs === null ? null : Math.round(startsInMs),
        },
      ];
    }),
    holds: view.holds.filter(
      ({ scope }) =>
        scope === 'queue' || spaces === null || spaces.includes(scope.slice('space/'.length)),
    ),
  };
}

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/queue',
  tags: ['jobs'],
  summary: 'Show the queue',
  description:
    'Who holds what of which host, and who waits for what, in the order in which they would go. Of jobs in spaces of others only the place is told.',
  responses: { 200: json('The queue', components.queue, exampleQueue), ...problems('unavailable') },
});

const scopeBody = {
  required: true,
  description: 'What is held: all jobs, or those of one space',
  content: {
    'application/json': {
      schema: z.strictObject({
        space: nameSchema
          .optional()
          .meta({ description: 'Only jobs of this space; all jobs without', example: 'ml101' }),
        why: z
          .string()
          .min(1)
          .max(500)
          .optional()
          .meta({ description: 'Told to those who wait', example: 'exam until noon' }),
      }),
      example: { space: 'ml101', why: 'exam until noon' },
    },
  },
} as const;

const scoped = {
  responses: {
    200: json('The queue', components.queue, exampleQueue),
    ...problems('invalid', 'forbidden', 'unsupported_media_type', 'unavailable'),
  },
} as const;

const holdRoute = createRoute({
  method: 'post',
  path: '/api/v1/queue/hold',
  tags: ['jobs'],
  summary: 'Hold the queue',
  description:
    'Nothing of it starts any more; what runs goes on. For admins of a space, and operators for all.',
  request: { body: scopeBody },
  ...scoped,
});

const releaseRoute = createRoute({
  method: 'post',
  path: '/api/v1/queue/release',
  tags: ['jobs'],
  summary: 'Release the queue',
  description:
    'What waits starts again as it has room. Releasing what is not held changes nothing.',
  request: { body: scopeBody },
  ...scoped,
});

const jobBody = {
  required: false,
  description: 'May be left out',
  content: {
    'application/json': { schema: components.command, example: { why: 'after the exam' } },
  },
} as const;

const held = {
  request: { params: jobPath, body: jobBody },
  responses: {
    200: json('The job as it is now', components.job, exampleJob),
    ...problems('invalid', 'not_found', 'conflict', 'unsupported_media_type', 'unavailable'),
  },
} as const;

const holdJobRoute = createRoute({
  method: 'post',
  path: '/api/v1/jobs/{id}/hold',
  tags: ['jobs'],
  summary: 'Hold a job that waits',
  description: 'It keeps its place and does not start until it is released.',
  ...held,
});

const releaseJobRoute = createRoute({
  method: 'post',
  path: '/api/v1/jobs/{id}/release',
  tags: ['jobs'],
  summary: 'Release a job',
  description: 'It starts as it has room. Releasing what is not held changes nothing.',
  ...held,
});
