import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { jobEntity } from '../model/names.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleEvent } from './examples.ts';
import type { JobActions } from './job-actions.ts';
import { logEvents } from './job-log-events.ts';
import { bytesOf, followedLog, restOfLog, type LogPiece } from './job-log-pieces.ts';
import { rangeFrom, readLogRange } from './job-log-range.ts';
import { jobLogs, logSources } from './job-log-source.ts';
import { jobPath } from './jobs.ts';
import { json, problems, router, stream } from './openapi.ts';
import { eventId, logRange, pageLimit } from './parameters.ts';
import { eventFor } from './present.ts';
import type { OpenStream, Streams } from './stream.ts';

const defaultTailBytes = 64 * 1024;

/** `/api/v1/jobs/{id}/logs` and `/events`: one address from the first line to the archive. */
export function jobOutput(
  deps: Pick<ApiDependencies, 'store' | 'logReader' | 'artifactReader' | 'settings' | 'log'>,
  { actions, streams }: { actions: JobActions; streams: Streams },
): OpenAPIHono<ApiEnv> {
  const { store, settings, log } = deps;
  const { logReader: reader, artifactReader: artifacts } = deps;
  const logs = jobLogs({ hosts: store.hosts, reader, artifacts });

  return router()
    .openapi(logsRoute, async (context) => {
      const query = context.req.valid('query');
      const job = await actions.find(context.req.valid('param').id);
      const asEvents = (context.req.header('accept') ?? '').includes('text/event-stream');
      const resumed = asEvents ? resumedAt(context.req.header('last-event-id')) : null;
      const goesOn = query.attempt === undefined && query.source === 'output';
      const attempt = query.attempt ?? resumed?.attempt ?? job.attempt;
      const from = { attempt, source: query.source };
      const { signal } = context.req.raw;
      const headers = {
        'content-type': 'text/plain; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-attempt': String(attempt),
      };
      const range = rangeFrom(context.req.header('range'));
      if (range !== null && !asEvents && !query.follow) {
        const answer = await readLogRange({ job, ...from, range, logs, signal });
        return new Response(answer.body, { ...answer, headers: { ...headers, ...answer.headers } });
      }
      const fromByte = query.download ? 0 : (resumed?.fromByte ?? query.fromByte ?? null);
      const stretch =
        fromByte === null
          ? { tailBytes: query.tailBytes ?? defaultTailBytes, maxBytes: query.maxBytes }
          : { fromByte, maxBytes: query.maxBytes };
      const first = await logs.read(job, from, stretch, signal);
      const told = { ...headers, 'x-from-byte': String(first.fromByte) };
      const common = { job, ...from, first, fromByte, logs };
      if (query.download) {
        const file = `${job.id}-${query.source === 'file' ? 'file' : attempt}.log`;
        return new Response(bodyOf(restOfLog({ ...common, signal }), bytesOf), {
          headers: { ...told, 'content-disposition': `attachment; filename="${file}"` },
        });
      }
      if (!query.follow && !asEvents) {
        return new Response(new Uint8Array(first.bytes), {
          headers: {
            ...told,
            'x-next-byte': String(first.nextByte),
            'x-complete': String(first.complete),
          },
        });
      }
      const output = streams.open(asEvents ? { heartbeat: ': still here\n\n' } : {});
      const more = { goesOn, jobs: store.jobs, pollMs: settings.logPollMs, log };
      const pieces = followedLog({ ...common, ...more, signal: output.closed });
      if (!asEvents) {
        void pump(pieces, output, { of: bytesOf });
        return new Response(output.body, { headers: told });
      }
      output.write('retry: 2000\n\n');
      void pump(pieces, output, logEvents());
      const kind = 'text/event-stream; charset=utf-8';
      return new Response(output.body, { headers: { ...told, 'content-type': kind } });
    })
    .openapi(metricsRoute, async (context) => {
      const { id } = context.req.valid('param');
      const { name } = context.req.valid('query');
      const found = await store.jobs.metrics(id);
      if (found.length === 0) await actions.find(id);
      const wanted = name === undefined ? null : new Set([name].flat());
      const series = found
        .filter((one) => wanted === null || wanted.has(one.name))
        .map((one) => ({ name: one.name, points: one.points }));
      return context.json({ attempt: found[0]?.attempt ?? 0, series }, 200);
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

  /** Writes pieces as fast as they are taken. Never rejects. */
  async function pump(
    pieces: AsyncGenerator<LogPiece>,
    output: OpenStream,
    form: { of(piece: LogPiece): string | Uint8Array; end?(): string },
  ): Promise<void> {
    try {
      for await (const piece of pieces) {
        const written = form.of(piece);
        if (written.length > 0) output.write(written);
        await output.drained();
        if (output.closed.aborted) return;
      }
      if (form.end !== undefined) output.write(form.end());
      await output.drained();
    } catch (error) {
      log.warn({ err: error }, 'followed log ended');
    } finally {
      output.end();
    }
  }
}

/** `<attempt>:<byte>`, as the events have it. */
function resumedAt(id: string | undefined): { attempt: number; fromByte: number } | null {
  const [, attempt, byte] = /^(\d{1,9}):(\d{1,15})$/.exec(id ?? '') ?? [];
  return attempt === undefined ? null : { attempt: Number(attempt), fromByte: Number(byte) };
}

/** A body that is read as fast as it is taken; whoever leaves ends the reading. */
function bodyOf(
  pieces: AsyncGenerator<LogPiece>,
  of: (piece: LogPiece) => Uint8Array,
): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await pieces.next();
        if (next.done === true) controller.close();
        else controller.enqueue(of(next.value));
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

const logEventExample =
  'id: 1:15\nevent: log\ndata: {"attempt":1,"nextByte":15,"text":"step 67 of 168\\n"}\n\n';

const logsRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/logs',
  tags: ['job output'],
  summary: 'Output of a job',
  description:
    'Both output streams in the order they came. The last 64 KiB without further wishes. The headers x-attempt, x-from-byte, x-next-byte and x-complete say where it is and where to go on. A Range is answered in bytes since its beginning. Where the size cap has dropped bytes, whoever reads on is told by a line `[… 12 MiB left out …]`. With `Accept: text/event-stream` it is followed as events (`log`, `cut`, `attempt`, `end`), and goes on after Last-Event-ID, which is `<attempt>:<byte>`.',
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
        ...logRange,
        follow: z
          .enum(['true', 'false'])
          .default('false')
          .transform((value) => value === 'true')
          .meta({ description: 'Go on with what comes, until the job is over', example: 'false' }),
        download: z
          .enum(['true', 'false'])
          .default('false')
          .transform((value) => value === 'true')
          .meta({ description: 'All there is now, to be saved as a file', example: 'false' }),
        source: z.enum(logSources).default('output').meta({
          description: 'What it prints, or the file that its `logFile` names',
          example: 'output',
        }),
      })
      .refine((query) => query.fromByte === undefined || query.tailBytes === undefined, {
        path: ['fromByte'],
        message: 'give fromByte or tailBytes, not both',
      }),
  },
  responses: {
    200: {
      description: 'The output',
      content: {
        ...stream('As text', 'text/plain', 'step 67 of 168\n').content,
        ...stream('As events', 'text/event-stream', logEventExample).content,
      },
    },
    206: stream('The range of it', 'text/plain', 'step 67'),
    416: { description: 'The range lies outside of it' },
    ...problems('invalid', 'not_found', 'host_unreachable'),
  },
});

const metricName = z.string().min(1).max(64);

const metricsRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/metrics',
  tags: ['job output'],
  summary: 'Numbers of a job over time',
  description:
    'Every number in its progress, of its last attempt, for charts: one value a second at first, and ever sparser as it goes on.',
  request: {
    params: jobPath,
    query: z.strictObject({
      name: z
        .union([metricName, z.array(metricName)])
        .optional()
        .meta({
          description: 'Only these; may be given several times',
          example: 'self_sufficiency',
        }),
    }),
  },
  responses: {
    200: json('The series', components.jobMetrics, {
      attempt: 1,
      series: [
        {
          name: 'self_sufficiency',
          points: [{ at: '2026-03-01T09:01:10.000Z', step: 67, value: 0.41 }],
        },
      ],
    }),
    ...problems('invalid', 'not_found', 'unavailable'),
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
