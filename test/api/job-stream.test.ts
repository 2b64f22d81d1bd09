import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labkeeperClient, type StreamMessage } from '../../src/client/index.ts';
import type { JobJson } from '../../src/model/job-api.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { addHost, endAttempt, queueLimits, submission } from '../store/job-bed.ts';
import { openApi, type ApiBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('the stream of a job', () => {
  let api: ApiBed;
  let server: Server;
  let client: ReturnType<typeof labkeeperClient>;
  beforeAll(async () => {
    api = await openApi();
    server = createAdaptorServer({ fetch: api.app.fetch, createServer }) as Server;
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    client = labkeeperClient({ baseUrl: `http://127.0.0.1:${port}` });
    await addHost(api.store, 'lab-1', { cpus: 1 });
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await api.close();
  });

  /** Collects what a stream tells until it is ended. */
  function watch(id: string, after?: string) {
    const over = new AbortController();
    const told: StreamMessage[] = [];
    const done = (async () => {
      const options = { signal: over.signal, ...(after === undefined ? {} : { after }) };
      for await (const message of client.jobs.follow(id, options)) told.push(message);
    })();
    return {
      told,
      jobs: () => told.flatMap((one) => (one.type === 'job' ? [one.job] : [])),
      events: () => told.flatMap((one) => (one.type === 'event' ? [one.event] : [])),
      async end() {
        over.abort();
        await done;
      },
    };
  }
  const states = (jobs: readonly JobJson[]) => [...new Set(jobs.map(({ state }) => state))];

  it('begins with the job as it is, and tells each change, its progress and its end', async () => {
    const { store } = api;
    await store.jobs.submit(submission('told-1'));
    const stream = watch('told-1', '0');
    await eventually(async () => expect(states(stream.jobs())).toEqual(['queued']));
    await store.jobs.grant(queueLimits);
    await eventually(async () => expect(states(stream.jobs())).toContain('preparing'));
    await store.jobs.reportProgress([{ id: 'told-1', attempt: 1, progress: { step: 7 } }]);
    await eventually(async () => expect(stream.jobs().at(-1)?.progress).toEqual({ step: 7 }));
    await endAttempt(store, 'told-1');
    await eventually(async () => expect(stream.jobs().at(-1)?.state).toBe('succeeded'));
    await eventually(async () =>
      expect(stream.events().map(({ what }) => what)).toEqual(['submitted', 'granted']),
    );
    await stream.end();
  });

  it('tells those who wait when their place changes, though their own row does not', async () => {
    const { store } = api;
    for (const id of ['line-1', 'line-2', 'line-3']) await store.jobs.submit(submission(id));
    await store.jobs.grant(queueLimits);
    const stream = watch('line-3');
    await eventually(async () => expect(stream.jobs().at(-1)?.queue?.ahead).toBe(1));
    const { updatedAt } = (await store.jobs.find('line-3')) ?? {};
    await store.jobs.cancel('line-2', { actor: 'ada', why: 'not needed' });
    await eventually(async () => expect(stream.jobs().at(-1)?.queue?.ahead).toBe(0));
    expect((await store.jobs.find('line-3'))?.updatedAt).toBe(updatedAt);
    await stream.end();
    await endAttempt(store, 'line-1');
    await store.jobs.cancel('line-3', { actor: 'ada', why: 'not needed' });
  });

  it('resumes its timeline behind the last id', async () => {
    const { store } = api;
    await store.jobs.submit(submission('resumed-1'));
    const { items } = await client.jobs.events('resumed-1');
    await store.jobs.cancel('resumed-1', { actor: 'ada', why: 'enough' });
    const stream = watch('resumed-1', items[0]?.id ?? '');
    await eventually(async () =>
      expect(stream.events().map(({ what }) => what)).toEqual(['cancel asked for', 'canceled']),
    );
    await stream.end();
  });

  it('tells that a job was removed', async () => {
    const { store } = api;
    await store.jobs.submit(submission('removed-1'));
    await store.jobs.cancel('removed-1', { actor: 'ada', why: 'enough' });
    const stream = watch('removed-1');
    await eventually(async () => expect(states(stream.jobs())).toEqual(['canceled']));
    await store.jobs.remove('removed-1', { actor: 'ada', why: 'tidy' });
    await eventually(async () =>
      expect(stream.told).toContainEqual({ type: 'job-removed', id: 'removed-1' }),
    );
    await stream.end();
  });

  it('is what waiting for a job listens to, and a job that never was is refused at once', async () => {
    const { store } = api;
    await store.jobs.submit(submission('waited-1'));
    const seen: string[] = [];
    const waiting = client.jobs.wait('waited-1', { onChange: ({ state }) => seen.push(state) });
    await eventually(async () => expect(seen).toContain('queued'));
    await store.jobs.cancel('waited-1', { actor: 'ada', why: 'enough' });
    expect(await waiting).toMatchObject({ state: 'canceled' });
    await expect(client.jobs.wait('never-1')).rejects.toMatchObject({ type: 'not_found' });
    await store.jobs.submit(submission('slow-1'));
    await expect(client.jobs.wait('slow-1', { timeoutMs: 50 })).rejects.toThrow(
      /not over after 50 ms/,
    );
  });
});
