import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { LabError } from '../model/failures.ts';
import { jobEntity } from '../model/names.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import type { EventFeed } from './event-feed.ts';
import { heartbeat, message, streamAnswer } from './event-stream.ts';
import { exampleEvent } from './examples.ts';
import type { JobFeed } from './job-feed.ts';
import { jobPath } from './jobs.ts';
import { problems, router, stream } from './openapi.ts';
import { eventId } from './parameters.ts';
import { eventFor } from './present.ts';
import { jobFor } from './present-jobs.ts';
import type { Streams } from './stream.ts';

/** `/api/v1/jobs/{id}/events/stream`: a job as it is, then what changes of it. */
export function jobStream(
  { settings, store }: Pick<ApiDependencies, 'settings' | 'store'>,
  feeds: { events: EventFeed; jobs: JobFeed; streams: Streams },
): OpenAPIHono<ApiEnv> {
  return router().openapi(streamRoute, async (context) => {
    const { id } = context.req.valid('param');
    const { caller } = context.get('identity');
    const entity = jobEntity(id);
    // A job that is gone keeps its timeline, so only an id that never was is unknown.
    const timeline = await store.events.list({ entity, limit: 1 });
    if (timeline.length === 0 && (await store.jobs.find(id)) === null) {
      throw new LabError('not_found', `there is no job ${id}`);
    }
    const output = feeds.streams.open({ heartbeat });
    const signal = output.closed;
    try {
      output.write('retry: 2000\n\n');
      await feeds.jobs.follow({
        id,
        signal,
        deliver: (job, position, silent) =>
          output.write(
            job === null
              ? message('job-removed', { id })
              : message('job', jobFor(caller, job, position, settings, silent)),
          ),
      });
      await feeds.events.follow({
        entity,
        spaces: null,
        after: context.req.header('last-event-id') ?? context.req.valid('query').after,
        deliver: (events) => {
          for (const event of events) {
            output.write(message('event', eventFor(caller, event), event.id));
          }
        },
        drained: () => output.drained(),
        signal,
      });
    } catch (error) {
      output.end();
      throw error;
    }
    return streamAnswer(output);
  });
}

const streamExample = [
  'event: job',
  'data: {"id":"night-1","state":"running"}',
  '',
  'id: 1042',
  'event: event',
  `data: ${JSON.stringify({ ...exampleEvent, entity: 'job/night-1', what: 'started' })}`,
  '',
  ': still here',
  '',
  '',
].join('\n');

const streamRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/events/stream',
  tags: ['events'],
  summary: 'Stream of a job',
  description:
    'Begins with the job as it is now; then its timeline, and the job each time it or its place in the queue changed. It does not end with the job.',
  request: {
    params: jobPath,
    query: z.strictObject({
      after: eventId.optional().meta({
        description: 'Resume behind this id, as Last-Event-ID does; without it: from now on',
        example: '0',
      }),
    }),
  },
  responses: {
    200: stream(
      'Server-sent events: `job` carries the job as it is now; `job-removed` its id when it is gone; `event` a line of its timeline and its id. A comment comes every 15 seconds.',
      'text/event-stream',
      streamExample,
    ),
    ...problems('invalid', 'not_found', 'too_many_streams', 'unavailable'),
  },
});
