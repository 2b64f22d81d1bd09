import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { appEntity } from '../model/names.ts';
import { spacesOf } from '../model/roles.ts';
import type { EventStore } from '../store/ports.ts';
import type { AppActions } from './app-actions.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { eventFilter, eventFilterFields, eventSelection } from './event-filter.ts';
import type { eventStream } from './event-stream.ts';
import { exampleEvent } from './examples.ts';
import { json, problems, router, stream } from './openapi.ts';
import { eventId, namePath, pageLimit } from './parameters.ts';
import { eventFor } from './present.ts';
import { Problem } from './problem.ts';
import { components } from './components.ts';

/**
 * `/api/v1/events` and `/api/v1/apps/{name}/events`: timelines as pages (newest first), and as
 * streams, which `Accept: text/event-stream` or the path `…/stream` asks for.
 */
export function events(
  deps: Pick<ApiDependencies, 'store'>,
  actions: AppActions,
  openStream: ReturnType<typeof eventStream>,
): OpenAPIHono<ApiEnv> {
  const page = async (
    context: Context<ApiEnv>,
    query: Pick<Parameters<EventStore['list']>[0], 'limit'> & { before?: string | undefined },
    selection: ReturnType<typeof eventSelection> & { spaces?: readonly string[] | null },
  ) => {
    const { caller } = context.get('identity');
    const { before, limit } = query;
    const rows = await deps.store.events.list({
      ...selection,
      ...(before === undefined ? {} : { before }),
      limit: limit + 1,
    });
    const items = rows.slice(0, limit).map((event) => eventFor(caller, event));
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  };

  const follow = async (context: Context<ApiEnv>, app: string | null, query: StreamQuery) => {
    // An app that is gone keeps its timeline, so only a name that never was is unknown.
    if (
      app !== null &&
      (await page(context, { limit: 1 }, { entity: appEntity(app) })).items.length === 0
    ) {
      await actions.find(app);
    }
    return openStream({
      app,
      caller: context.get('identity').caller,
      after: context.req.header('last-event-id') ?? query.after,
      snapshot: app !== null || query.snapshot,
    });
  };

  return router()
    .openapi(allStreamRoute, (context) => follow(context, null, context.req.valid('query')))
    .openapi(appStreamRoute, (context) =>
      follow(context, context.req.valid('param').name, context.req.valid('query')),
    )
    .openapi(allRoute, async (context) => {
      const query = context.req.valid('query');
      if (wantsStream(context)) {
        refuseFilter(query);
        return follow(context, null, query);
      }
      const spaces = spacesOf(context.get('identity').caller, 'app.see');
      const selection = { ...eventSelection(eventFilter(query)), spaces };
      return context.json(await page(context, query, selection), 200);
    })
    .openapi(appRoute, async (context) => {
      const { name } = context.req.valid('param');
      const query = context.req.valid('query');
      if (wantsStream(context)) return follow(context, name, query);
      const answer = await page(context, query, { entity: appEntity(name) });
      if (answer.items.length === 0) await actions.find(name);
      return context.json(answer, 200);
    });
}

/** A stream tells everything: a filter that it does not keep to must not look as if it did. */
function refuseFilter(query: z.infer<typeof filteredQuery>): void {
  const given = Object.keys(eventFilterFields).filter((field) => field in query);
  if (given.length === 0) return;
  const message = 'filters pages only: ask for the stream without it';
  throw new Problem('invalid', `${given.join(', ')}: ${message}`, {
    errors: given.map((path) => ({ path, message })),
  });
}

function wantsStream(context: Context<ApiEnv>): boolean {
  return (context.req.header('accept') ?? '').includes('text/event-stream');
}

const streamFields = {
  after: eventId.optional().meta({
    description: 'Stream: resume behind this id, as Last-Event-ID does; without it: from now on',
    example: '0',
  }),
  snapshot: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true')
    .meta({
      description: 'Stream: begin with every app as it is now; the stream of one app always does',
      example: 'false',
    }),
};

const pageFields = {
  before: eventId.optional().meta({
    description: 'Page: events before this id, `next` of the page before',
    example: '9000000000',
  }),
  limit: pageLimit(100),
};

const streamQuery = z.strictObject(streamFields);
const pageQuery = z.strictObject({ ...pageFields, ...streamFields });
const filteredQuery = z.strictObject({ ...pageFields, ...eventFilterFields, ...streamFields });
type StreamQuery = z.infer<typeof streamQuery>;

const streamExample = [
  'id: 1042',
  'event: event',
  `data: ${JSON.stringify(exampleEvent)}`,
  '',
  'event: app',
  'data: {"name":"plot","status":"ready"}',
  '',
  ': still here',
  '',
  '',
].join('\n');

const streamResponse = stream(
  'Server-sent events: `event` carries a line of a timeline and its id; `app` an app as it is now; `app-removed` the name of one that is gone. A comment comes every 15 seconds.',
  'text/event-stream',
  streamExample,
);

const refusals = problems('invalid', 'too_many_streams');
const appRefusals = problems('invalid', 'not_found', 'too_many_streams');

const pageResponse = json('A page of the timeline', components.eventList, {
  items: [exampleEvent],
  next: null,
});
const pageOrStreamContent: Record<string, { schema: z.ZodType; example: unknown }> = {
  ...pageResponse.content,
  ...streamResponse.content,
};
const pageOrStream = {
  description: 'A page of the timeline, or with Accept: text/event-stream a stream',
  content: pageOrStreamContent,
};

const allRoute = createRoute({
  method: 'get',
  path: '/api/v1/events',
  tags: ['events'],
  summary: 'Timeline of everything',
  description:
    'Newest first, all of it or what the filters ask for. With Accept: text/event-stream it is a stream instead, without filters.',
  request: { query: filteredQuery },
  responses: { 200: pageOrStream, ...refusals },
});

const allStreamRoute = createRoute({
  method: 'get',
  path: '/api/v1/events/stream',
  tags: ['events'],
  summary: 'Stream of everything',
  description: 'Events as they happen, and apps as they change.',
  request: { query: streamQuery },
  responses: { 200: streamResponse, ...refusals },
});

const appRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps/{name}/events',
  tags: ['events'],
  summary: 'Timeline of an app',
  description:
    'Newest first; it outlives the app. With Accept: text/event-stream it is a stream instead.',
  request: { params: namePath, query: pageQuery },
  responses: { 200: pageOrStream, ...appRefusals },
});

const appStreamRoute = createRoute({
  method: 'get',
  path: '/api/v1/apps/{name}/events/stream',
  tags: ['events'],
  summary: 'Stream of an app',
  description: 'Begins with the app as it is now, then its events and states as they come.',
  request: { params: namePath, query: streamQuery },
  responses: { 200: streamResponse, ...appRefusals },
});
