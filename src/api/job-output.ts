import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { jobEntity, jobInstanceName } from '../model/names.ts';
import { isEnded } from '../model/job-state.ts';
import type { Job } from '../store/job-ports.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleEvent } from './examples.ts';
import { instanceLogs, nothing } from './instance-logs.ts';
import type { JobActions } from './job-actions.ts';
import { jobPath } from './jobs.ts';
import type { LogPart, LogStretch } from './log-reader.ts';
import { json, problems, router, stream } from './openapi.ts';
import { eventId, pageLimit } from './parameters.ts';
import { pause } from './pause.ts';
import { eventFor } from './present.ts';
import type { OpenStream, Streams } from './stream.ts';

const MiB = 1024 * 1024;
const defaultTailBytes = 64 * 1024;
/** A host that does not answer is asked again this often. */
const retryMs = 1_000;

/** `/api/v1/jobs/{id}/logs` and `/events`: one address from the first line to the archive. */
export function jobOutput(
  deps: Pick<ApiDependencies, 'store' | 'logReader' | 'settings' | 'log'>,
  { actions, streams }: { actions: JobActions; streams: Streams },
): OpenAPIHono<ApiEnv> {
  const { store, settings } = deps;
  const instances = instanceLogs({ hosts: store.hosts, reader: deps.logReader });

  /** Complete only when no further attempt can write to it. */
  const read = async (job: Job, attempt: number, range: LogStretch, signal?: AbortSignal) => {
    if (attempt === 0) return { ...nothing(range), complete: isEnded(job.state) };
    const host = attempt === job.attempt ? job.host : null;
    return instances.read(jobInstanceName(job.number, attempt), host, range, signal);
  };

  return router()
    .openapi(logsRoute, async (context) => {
      const { attempt: asked, follow, fromByte, tailBytes, maxBytes } = context.req.valid('query');
      const job = await actions.find(context.req.valid('param').id);
      const attempt = asked ?? job.attempt;
      const range =
        fromByte === undefined
          ? { tailBytes: tailBytes ?? defaultTailBytes, maxBytes }
          : { fromByte, maxBytes };
      const first = await read(job, attempt, range, context.req.raw.signal);
      const headers = {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-attempt': String(attempt),
        'x-from-byte': String(first.fromByte),
      };
      if (!follow) {
        return new Response(new Uint8Array(first.bytes), {
          headers: {
            ...headers,
            'x-next-byte': String(first.nextByte),
            'x-complete': String(first.complete),
          },
        });
      }
      const output = streams.open();
      void followJob({ job, attempt, goesOn: asked === undefined, first, output });
      return new Response(output.body, { headers });
    })
    .openapi(eventsRoute, async (context) => {
      const { before, limit } = context.req.valid('query');
      const { id } = context.req.valid('param');
      const { caller } = context.get('identity');
      const rows = await store.events.list({
        entity: jobEntity(id),
        ...(before === undefined ? {} : { before }),
        limit: limit + 1,
      });
      if (rows.length === 0) await actions.find(id);
      const items = rows.slice(0, limit).map((event) => eventFor(caller, event));
      const next = rows.length > limit ? (items.at(-1)?.id ?? null) : null;
      return context.json({ items, next }, 200);
    });

  /** Writes the log as it grows, through further attempts; ends with the job. Never rejects. */
  async function followJob(options: {
    job: Job;
    attempt: number;
    goesOn: boolean;
    first: LogPart;
    output: OpenStream;
  }): Promise<void> {
    const { goesOn, output } = options;
    const signal = output.closed;
    let { job, attempt } = options;
    let part: LogPart | null = options.first;
    let nextByte = 0;
    try {
      while (!signal.aborted) {
        if (part !== null) {
          if (part.bytes.length > 0) output.write(part.bytes);
          nextByte = part.nextByte;
          await output.drained();
        }
        if (part === null) await pause(retryMs, signal);
        else if (part.bytes.length === 0) {
          const now = await store.jobs.find(job.id);
          if (now === null) return;
          if (goesOn && part.complete && now.attempt > attempt) {
            attempt = now.attempt;
            nextByte = 0;
          } else if (part.complete && (isEnded(now.state) || now.attempt > attempt)) return;
          else await pause(settings.logPollMs, signal);
          job = now;
        }
        if (signal.aborted) return;
        part = await read(job, attempt, { fromByte: nextByte }, signal).catch((error: unknown) => {
          if (!signal.aborted) deps.log.debug({ err: error, job: job.id }, 'followed log not read');
          return null;
        });
      }
    } catch (error) {
      deps.log.warn({ err: error, job: job.id }, 'followed log ended');
    } finally {
      output.end();
    }
  }
}

const logsRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/logs',
  tags: ['job output'],
  summary: 'Output of a job',
  description:
    'Both output streams in the order they came. The last 64 KiB without further wishes. The headers x-attempt, x-from-byte, x-next-byte and x-complete say where it is and where to go on.',
  request: {
    params: jobPath,
    query: z
      .strictObject({
        attempt: z.coerce
          .number()
          .int()
          .min(1)
          .optional()
          .meta({ description: 'Attempt; the one that runs or ran last without', example: 1 }),
        tailBytes: z.coerce
          .number()
          .int()
          .min(0)
          .max(MiB)
          .optional()
          .meta({ description: 'The last so many bytes, from a line start', example: 65_536 }),
        fromByte: z.coerce
          .number()
          .int()
          .min(0)
          .max(Number.MAX_SAFE_INTEGER)
          .optional()
          .meta({ description: 'Instead: from this byte since its beginning on' }),
        maxBytes: z.coerce
          .number()
          .int()
          .min(1)
          .max(MiB)
          .optional()
          .meta({ description: 'At most so many bytes in the answer', example: 1_048_576 }),
        follow: z
          .enum(['true', 'false'])
          .default('false')
          .transform((value) => value === 'true')
          .meta({ description: 'Go on with what comes, until the job is over', example: 'false' }),
      })
      .refine((query) => query.fromByte === undefined || query.tailBytes === undefined, {
        path: ['fromByte'],
        message: 'give fromByte or tailBytes, not both',
      }),
  },
  responses: {
    200: stream('The output', 'text/plain', 'step 67 of 168\n'),
    ...problems('invalid', 'not_found', 'host_unreachable'),
  },
});

const eventsRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/events',
  tags: ['events'],
  summary: 'Timeline of a job',
  description: 'Newest first, a page at a time; kept when the job is removed.',
  request: {
    params: jobPath,
    query: z.strictObject({
      before: eventId.optional().meta({
        description: 'Events before this id, `next` of the page before',
        example: '9000000000',
      }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json('A page of the timeline', components.eventList, {
      items: [{ ...exampleEvent, entity: 'job/4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10' }],
      next: null,
    }),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});
