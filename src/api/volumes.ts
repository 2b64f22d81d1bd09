import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { LabError } from '../model/failures.ts';
import { volumeEntity } from '../model/names.ts';
import { nameSchema } from '../model/name-schema.ts';
import { spacesOf } from '../model/roles.ts';
import {
  archiveFormatSchema,
  putVolumeSchema,
  volumeBodySchema,
  volumeListSchema,
  volumeSchema,
} from '../model/volume-api.ts';
import type { Volume } from '../store/volume-ports.ts';
import { randomUUID } from 'node:crypto';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleAccepted, exampleEvent } from './examples.ts';
import { json, problems, router, stream } from './openapi.ts';
import { accepted, commandHeaders, eventId, pageLimit, why } from './parameters.ts';
import { eventFor, operationJson, volumeJson } from './present.ts';
import { putVolume } from './volume-actions.ts';
import { exampleVolume, exampleVolumeBody } from './volume-examples.ts';

/** `/api/v1/volumes`: list, show, make or change, remove, download, timeline. */
export function volumes(
  deps: Pick<ApiDependencies, 'store' | 'volumeReader'>,
): OpenAPIHono<ApiEnv> {
  const { store, volumeReader } = deps;
  const find = async (name: string): Promise<Volume> => {
    const volume = await store.volumes.find(name);
    if (volume === null) throw new LabError('not_found', `there is no volume ${name}`);
    return volume;
  };

  return router()
    .openapi(listRoute, async (context) => {
      const { space, after, limit } = context.req.valid('query');
      const seen = spacesOf(context.get('identity').caller, 'volume.see');
      const asked = space === undefined ? seen : (seen ?? [space]).filter((one) => one === space);
      const rows = await store.volumes.list({
        ...(asked === null ? {} : { spaces: asked }),
        ...(after === undefined ? {} : { after }),
        limit: limit + 1,
      });
      const items = rows.slice(0, limit).map(volumeJson);
      const next = rows.length > limit ? (items.at(-1)?.name ?? null) : null;
      return context.json({ items, next }, 200);
    })
    .openapi(putRoute, async (context) => {
      const { name } = context.req.valid('param');
      const { outcome, volume } = await putVolume(deps, {
        name,
        wish: context.req.valid('json'),
        caller: context.get('identity').caller,
        actor: context.get('actor'),
      });
      return context.json({ ...volumeJson(volume), outcome }, outcome === 'created' ? 201 : 200);
    })
    .openapi(showRoute, async (context) =>
      context.json(volumeJson(await find(context.req.valid('param').name)), 200),
    )
    .openapi(removeRoute, async (context) => {
      const operation = await store.volumes.remove({
        name: context.req.valid('param').name,
        actor: context.get('actor'),
        why: context.req.valid('query').why ?? 'removed',
        operationId: context.req.valid('header')['idempotency-key'] ?? randomUUID(),
      });
      return accepted(context, operationJson(operation));
    })
    .openapi(archiveRoute, async (context) => {
      const { format } = context.req.valid('query');
      const volume = await find(context.req.valid('param').name);
      const host = volume.host === null ? null : await store.hosts.find(volume.host);
      if (volume.host !== null && host === null) {
        throw new LabError(
          'host_unreachable',
          `host ${volume.host} of volume ${volume.name} has not joined`,
        );
      }
      const { signal } = context.req.raw;
      const body = host && (await volumeReader.archive(host, volume.name, format, signal));
      if (body === null) throw nothingToArchive(volume);
      return new Response(body, {
        headers: {
          'content-type': format === 'tar' ? 'application/x-tar' : 'application/gzip',
          'content-disposition': `attachment; filename="${volume.name}.${format}"`,
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        },
      });
    })
    .openapi(eventsRoute, async (context) => {
      const { name } = context.req.valid('param');
      const { before, limit } = context.req.valid('query');
      const { caller } = context.get('identity');
      const rows = await store.events.list({
        entity: volumeEntity(name),
        ...(before === undefined ? {} : { before }),
        limit: limit + 1,
      });
      // One that is gone keeps its timeline, so only a name that never was is unknown.
      if (rows.length === 0) await find(name);
      const items = rows.slice(0, limit).map((event) => eventFor(caller, event));
      const next = rows.length > limit ? (items.at(-1)?.id ?? null) : null;
      return context.json({ items, next }, 200);
    });
}

function nothingToArchive({ name, host, measured }: Volume): LabError {
  const why =
    measured === null
      ? 'nothing has used it yet, so there is nothing in it'
      : `its folder is not there any more on ${host}; put it back, or restore a backup`;
  return new LabError('conflict', `cannot archive volume/${name}: ${why}`);
}

const volumePath = z.object({ name: nameSchema.meta({ example: 'measurements' }) });
const volume = volumeSchema.meta({ id: 'Volume' });

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/volumes',
  tags: ['volumes'],
  summary: 'List volumes',
  description: 'Named folders that outlive instances and apps, by name, a page at a time.',
  request: {
    query: z.strictObject({
      space: nameSchema.optional().meta({
        description: 'Only volumes of this space',
        example: 'default',
      }),
      after: nameSchema.optional().meta({
        description: 'Names after this one: `next` of the page before',
        example: 'archive',
      }),
      limit: pageLimit(100),
    }),
  },
  responses: {
    200: json(
      'A page of volumes',
      volumeListSchema
        .extend({ items: z.array(volume).describe('Volumes by name') })
        .meta({ id: 'VolumeList', description: 'A page of volumes' }),
      { items: [exampleVolume], next: null },
    ),
    ...problems('invalid', 'unavailable'),
  },
});

const put = putVolumeSchema.meta({ id: 'PutVolume' });

const putRoute = createRoute({
  method: 'put',
  path: '/api/v1/volumes/{name}',
  tags: ['volumes'],
  summary: 'Make or change a volume',
  description:
    'Makes a volume before anything uses it, or changes title, limit and space of one. Apps that name a volume make it too. Where it lives is settled when the first app that uses it starts.',
  request: {
    params: volumePath,
    body: {
      required: true,
      description: 'The whole wish; a title or limit that is left out gets its default',
      content: { 'application/json': { schema: volumeBodySchema, example: exampleVolumeBody } },
    },
  },
  responses: {
    200: json('Changed, or unchanged', put, { ...exampleVolume, outcome: 'changed' }),
    201: json('Created', put, { ...exampleVolume, outcome: 'created' }),
    ...problems('invalid', 'conflict', 'body_too_large', 'quota_exceeded', 'unavailable'),
  },
});

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/volumes/{name}',
  tags: ['volumes'],
  summary: 'Show a volume',
  description: 'Where it lives, how much it holds, which apps name it.',
  request: { params: volumePath },
  responses: {
    200: json('The volume', volume, exampleVolume),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/volumes/{name}',
  tags: ['volumes'],
  summary: 'Remove a volume with everything in it',
  description:
    'Refused while an app names it. The operation is over when the host of the volume has removed the folder; until then the name is taken.',
  request: { params: volumePath, headers: commandHeaders, query: z.strictObject({ why }) },
  responses: {
    202: json('Accepted, or over already when it was never used', components.operation, {
      ...exampleAccepted,
      entity: 'volume/measurements',
      verb: 'remove',
      links: { ...exampleAccepted.links, entity: '/api/v1/volumes/measurements' },
    }),
    ...problems('invalid', 'not_found', 'conflict', 'unavailable'),
  },
});

const archiveRoute = createRoute({
  method: 'get',
  path: '/api/v1/volumes/{name}/archive',
  tags: ['volumes'],
  summary: 'Download a volume',
  description:
    'Everything in it as a tar, streamed from its host as it is read; links are links in it and are never followed. Files that an app writes meanwhile are as they were when they were read. An answer that ends early is not whole.',
  request: {
    params: volumePath,
    query: z.strictObject({
      format: archiveFormatSchema.meta({ description: 'Plain, or compressed', example: 'tar.gz' }),
    }),
  },
  responses: {
    200: {
      description: 'The archive',
      content: {
        ...stream('As it is', 'application/x-tar', 'measurements/…').content,
        ...stream('Compressed', 'application/gzip', '…').content,
      },
    },
    ...problems('invalid', 'not_found', 'conflict', 'host_unreachable'),
  },
});

const eventsRoute = createRoute({
  method: 'get',
  path: '/api/v1/volumes/{name}/events',
  tags: ['volumes'],
  summary: 'Timeline of a volume',
  description: 'Newest first; it outlives the volume.',
  request: {
    params: volumePath,
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
      items: [
        {
          ...exampleEvent,
          entity: 'volume/measurements',
          actor: 'agent of local',
          what: 'nearly full',
          why: 'measurements on local is nearly full: it holds 18 GiB of 20 GiB in 3400 files.',
          data: {},
        },
      ],
      next: null,
    }),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});
