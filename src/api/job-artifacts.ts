import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { getMimeType } from 'hono/utils/mime';
import { LabError } from '../model/failures.ts';
import type { Job } from '../store/job-ports.ts';
import type { Host } from '../store/ports.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import type { JobActions } from './job-actions.ts';
import { jobPath } from './jobs.ts';
import { json, problems, router, stream } from './openapi.ts';
import { pageLimit } from './parameters.ts';

/** Passed on to the host as they came: ranges and validators are its business. */
const askedOfHost = ['range', 'if-range', 'if-none-match'] as const;
const toldByHost = [
  ...['etag', 'last-modified', 'accept-ranges', 'content-length', 'content-range'],
] as const;

/**
 * What a job left was made by programs: a browser that opens it gives it no origin, runs nothing in it, and saves it
 * instead of showing it. Goes around the headers of pages, which would replace its own.
 */
export const sandboxedArtifacts: MiddlewareHandler<ApiEnv> = async (context, next) => {
  await next();
  const { headers } = context.res;
  headers.set('content-security-policy', "sandbox; default-src 'none'");
  headers.set('x-content-type-options', 'nosniff');
};

/** `/api/v1/jobs/{id}/artifacts` and `/archive`: what a job left, read on its host. */
export function jobArtifacts(
  deps: Pick<ApiDependencies, 'store' | 'artifactReader'>,
  actions: JobActions,
): OpenAPIHono<ApiEnv> {
  const { store, artifactReader: reader } = deps;

  /** The host of the last attempt; null before the first. */
  const hostOf = async ({ id, host: name, attempt }: Job): Promise<Host | null> => {
    if (name === null || attempt === 0) return null;
    const host = await store.hosts.find(name);
    if (host !== null) return host;
    throw new LabError('host_unreachable', `host ${name} of job/${id} has not joined`);
  };

  const routes = router()
    .openapi(listRoute, async (context) => {
      const { after, limit } = context.req.valid('query');
      const job = await actions.find(context.req.valid('param').id);
      const host = await hostOf(job);
      if (host === null) return context.json({ items: [], next: null, complete: true }, 200);
      const page = await reader.list(host, job.id, { after, limit }, context.req.raw.signal);
      const items = page.items.map(({ path, sizeBytes, modifiedAtMs }) => ({
        path,
        sizeBytes,
        modifiedAt: new Date(modifiedAtMs).toISOString(),
        contentType: typeOf(path),
        href: `/api/v1/jobs/${job.id}/artifacts/${path.split('/').map(encodeURIComponent).join('/')}`,
      }));
      return context.json({ ...page, items }, 200);
    })
    .openapi(archiveRoute, async (context) => {
      const job = await actions.find(context.req.valid('param').id);
      const host = await hostOf(job);
      const body = host && (await reader.archive(host, job.id, context.req.raw.signal));
      if (body === null) {
        throw new LabError('conflict', `job/${job.id} has left nothing: it has not run yet`);
      }
      if (context.req.method === 'HEAD') await body.cancel();
      return new Response(context.req.method === 'HEAD' ? null : body, {
        headers: {
          'content-type': 'application/gzip',
          'content-disposition': attachment(`${job.id}.tar.gz`),
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        },
      });
    });

  routes.get('/api/v1/jobs/:id/artifacts/:path{.+}', async (context) => {
    const path = context.req.param('path');
    const job = await actions.find(context.req.param('id'));
    const host = await hostOf(job);
    const answer =
      host &&
      (await reader.open(host, job.id, path, {
        method: context.req.method === 'HEAD' ? 'HEAD' : 'GET',
        headers: Object.fromEntries(
          askedOfHost.flatMap((name) => {
            const value = context.req.header(name);
            return value === undefined ? [] : [[name, value]];
          }),
        ),
        signal: context.req.raw.signal,
      }));
    if (answer === null || answer.status === 404) {
      await answer?.body?.cancel();
      throw new LabError('not_found', `job/${job.id} has left no file ${path}`);
    }
    const headers = new Headers({
      'content-type': typeOf(path),
      'content-disposition': attachment(path.split('/').at(-1) ?? path),
      'cache-control': 'private, no-cache',
    });
    for (const name of toldByHost) {
      const value = answer.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    return new Response(answer.body, { status: answer.status, headers });
  });
  routes.openAPIRegistry.registerPath(fileRoute);
  return routes;
}

const texts = /\.(?:log|md|ini|cfg|conf|out|err)$/i;

function typeOf(path: string): string {
  if (texts.test(path)) return 'text/plain; charset=utf-8';
  return getMimeType(path) ?? 'application/octet-stream';
}

/** RFC 6266, with a plain name beside the true one. */
function attachment(name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  const quoted = encodeURIComponent(name).replaceAll(/['()*]/g, (one) => `%${hex(one)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${quoted}`;
}

const hex = (character: string): string => character.charCodeAt(0).toString(16).toUpperCase();

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/artifacts',
  tags: ['job output'],
  summary: 'List what a job left',
  description:
    'Every file below its output folder but progress.json and result.json, in the order of paths, a page at a time, also while it runs. Links are absent.',
  request: {
    params: jobPath,
    query: z.strictObject({
      after: z.string().min(1).max(4096).optional().meta({
        description: 'Paths after this one: `next` of the page before',
        example: 'hourly.csv',
      }),
      limit: pageLimit(1_000),
    }),
  },
  responses: {
    200: json('A page of artifacts', components.artifactList, {
      items: [
        {
          path: 'hourly.csv',
          sizeBytes: 374_402,
          modifiedAt: '2026-03-01T09:01:10.000Z',
          contentType: 'text/csv; charset=utf-8',
          href: '/api/v1/jobs/4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10/artifacts/hourly.csv',
        },
      ],
      next: null,
      complete: true,
    }),
    ...problems('invalid', 'not_found', 'host_unreachable'),
  },
});

const fileRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/artifacts/{path}',
  tags: ['job output'],
  summary: 'Download one file that a job left',
  description:
    'With its length and a validator; takes Range, If-Range, If-None-Match and HEAD. Sent to be saved, never to be run.',
  request: {
    params: jobPath.extend({
      path: z.string().meta({ description: 'As the list says it', example: 'hourly.csv' }),
    }),
  },
  responses: {
    200: stream('The file', 'application/octet-stream', 'hour,load_kwh\n'),
    206: stream('The range of it', 'application/octet-stream', 'load'),
    304: { description: 'It is as you know it' },
    416: { description: 'The range lies outside of it' },
    ...problems('invalid', 'not_found', 'host_unreachable'),
  },
});

const archiveRoute = createRoute({
  method: 'get',
  path: '/api/v1/jobs/{id}/archive',
  tags: ['job output'],
  summary: 'Download all that a job left',
  description:
    'Its whole output folder as tar.gz, streamed as it is read; links are links in it. An answer that ends early is not whole.',
  request: { params: jobPath },
  responses: {
    200: stream('The archive', 'application/gzip', '…'),
    ...problems('invalid', 'not_found', 'conflict', 'no_capacity'),
  },
});
