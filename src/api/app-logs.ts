import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { AppActions } from './app-actions.ts';
import type { AppFeed } from './app-feed.ts';
import type { AppLogs } from './app-log-source.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { followLog } from './log-follow.ts';
import type { LogPart } from './log-reader.ts';
import { problems, router, stream } from './openapi.ts';
import { logRange, namePath } from './parameters.ts';
import type { Streams } from './stream.ts';

const defaultTailBytes = 64 * 1024;

/** `/api/v1/apps/{name}/logs`: the end, a range, or what comes; one address, running or archived. */
export function appLogRoutes(
  deps: Pick<ApiDependencies, 'settings' | 'log'>,
  sources: { actions: AppActions; logs: AppLogs; apps: AppFeed; streams: Streams },
): OpenAPIHono<ApiEnv> {
  const { actions, logs, apps, streams } = sources;
  return router().openapi(logsRoute, async (context) => {
    const { generation: asked, follow, fromByte, tailBytes, maxBytes } = context.req.valid('query');
    const app = await actions.find(context.req.valid('param').name);
    const generation = asked ?? app.condition.generation;
    const range =
      fromByte === undefined
        ? { tailBytes: tailBytes ?? defaultTailBytes, maxBytes }
        : { fromByte, maxBytes };
    const first = await logs.read(app, generation, range, context.req.raw.signal);
    const headers = {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-generation': String(generation),
      'x-from-byte': String(first.fromByte),
    };
    if (!follow) {
      return new Response(bodyOf(first), {
        headers: {
          ...headers,
          'x-next-byte': String(first.nextByte),
          'x-complete': String(first.complete),
        },
      });
    }
    const output = streams.open();
    const goesOn = asked === undefined;
    void followLog({ app, generation, goesOn, first, output, logs, apps, ...deps });
    return new Response(output.body, { headers });
  });
}

/** A copy of its own: what came from the wire may share a larger buffer. */
function bodyOf(part: LogPart): Uint8Array<ArrayBuffer> {
  return new Uint8Array(part.bytes);
}

const logsRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps/{name}/logs',
  tags: ['app output'],
  summary: 'Output of an app',
  description:
    'Both output streams in the order they came, as the app wrote them. The last 64 KiB without further wishes. The headers x-generation, x-from-byte, x-next-byte and x-complete say where it is and where to go on.',
  request: {
    params: namePath,
    query: z
      .strictObject({
        generation: z.coerce.number().int().min(1).optional().meta({
          description: 'Instance; the current or last one without',
          example: 3,
        }),
        ...logRange,
        follow: z
          .enum(['true', 'false'])
          .default('false')
          .transform((value) => value === 'true')
          .meta({
            description:
              'Go on with what comes, until the instance ends; without `generation` also with the next instance',
            example: 'false',
          }),
      })
      .refine((query) => query.fromByte === undefined || query.tailBytes === undefined, {
        path: ['fromByte'],
        message: 'give fromByte or tailBytes, not both',
      }),
  },
  responses: {
    200: stream('The output', 'text/plain', 'listening on 40123\nGET /app/plot/ 200\n'),
    ...problems('invalid', 'not_found', 'host_unreachable'),
  },
});
