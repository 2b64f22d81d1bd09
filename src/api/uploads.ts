import { createHash, randomUUID } from 'node:crypto';
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { inputNameSchema } from '../model/job-spec.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { json, problems, router, stream } from './openapi.ts';
import { Problem } from './problem.ts';

const pieceBytes = 1024 * 1024;

/** `/api/v1/uploads`: files for the inputs of jobs that come after. */
export function uploads(deps: Pick<ApiDependencies, 'store' | 'settings'>): OpenAPIHono<ApiEnv> {
  const { uploads: store } = deps.store;
  const { maxUploadBytes, uploadLastsMs } = deps.settings;

  return router().openapi(addRoute, async (context) => {
    const { name } = context.req.valid('query');
    const owner = context.get('identity').caller.person ?? 'visitor';
    const id = randomUUID();
    await store.begin({ id, owner, name, lastsMs: uploadLastsMs });
    try {
      const content = await keep(id, context.req.raw.body);
      const upload = await store.finish(id, content);
      return context.json(upload, 201);
    } catch (error) {
      // One that cannot be discarded now expires by itself.
      await store.discard(id).catch(() => undefined);
      throw error;
    }
  });

  /** As fast as pieces are written; whoever sends faster waits. */
  async function keep(id: string, body: ReadableStream<Uint8Array> | null) {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    let place = 0;
    let waiting: Uint8Array[] = [];
    let waitingBytes = 0;
    const flush = async () => {
      if (waitingBytes === 0) return;
      await store.append(id, place, Buffer.concat(waiting));
      place += 1;
      waiting = [];
      waitingBytes = 0;
    };
    for await (const chunk of body ?? []) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxUploadBytes) {
        throw new Problem(
          'body_too_large',
          `the upload is larger than ${maxUploadBytes} bytes (LABKEEPER_MAX_UPLOAD_BYTES)`,
        );
      }
      hash.update(chunk);
      waiting.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes >= pieceBytes) await flush();
    }
    await flush();
    return { sizeBytes, sha256: hash.digest('hex') };
  }
}

/** Its body is counted as it is read, and never held whole. */
export const uploadsPath = '/api/v1/uploads';

const addRoute = createRoute({
  method: 'post',
  path: uploadsPath,
  tags: ['jobs'],
  summary: 'Send a file for jobs to read',
  description:
    'The body is the file, of any kind. Its id goes into `inputs` of a submission, any number of times; only whoever sent it may use it. It is gone after a day, unless a job that is not over reads it.',
  request: {
    query: z.strictObject({ name: inputNameSchema.meta({ example: 'weather.csv' }) }),
    body: {
      required: false,
      description: 'The bytes of the file',
      content: stream('The file', 'application/octet-stream', 'hour,temperature\n').content,
    },
  },
  responses: {
    201: json('Kept', components.upload, {
      id: '5b1d2a52-6b0e-4e0b-9d0e-0c7f4f6f1a11',
      owner: 'ada',
      name: 'weather.csv',
      sizeBytes: 17,
      sha256: '0d21fe2c0b4ba7f3d2c2dd0d79f6f9ac26e9f6c2a3c9b8c1f0f26d0b5a1e7c11',
      createdAt: '2026-03-01T09:00:00.000Z',
      expiresAt: '2026-03-02T09:00:00.000Z',
    }),
    ...problems('invalid', 'body_too_large', 'quota_exceeded', 'unavailable'),
  },
});
