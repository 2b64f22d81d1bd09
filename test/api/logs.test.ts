import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentLogReader } from '../../src/api/log-reader.ts';
import type { Store } from '../../src/store/ports.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { internalToken, openApi, problemOf, type ApiBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('logs and usage', () => {
  let api: ApiBed;
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
    api = await openApi({
      logReader: agentLogReader({ token: internalToken, timeoutMs: 2_000 }),
    });
    await say(api.store, 'lab-1', agent.url);
  });
  afterAll(async () => {
    await api.close();
    await agent.close();
  });

  it('answers with nothing for an app that never ran', async () => {
    await api.register('fresh');
    const answer = await api.send('GET', '/api/v1/apps/fresh/logs');
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(answer.headers.get('x-complete')).toBe('true');
    const usage = await api.send('GET', '/api/v1/apps/fresh/usage');
    expect(await usage.json()).toEqual({ name: 'fresh', generation: 0, host: null, usage: null });
  });

  it('answers with the end, or with a range, and says where to go on', async () => {
    await run('ranged', 1);
    agent.write('app-ranged-1', 'one\ntwo\nthree\n');
    const end = await api.send('GET', '/api/v1/apps/ranged/logs?tailBytes=6');
    expect(await end.text()).toBe('three\n');
    expect(Object.fromEntries(end.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-generation': '1',
      'x-from-byte': '8',
      'x-next-byte': '14',
      'x-complete': 'false',
    });
    const range = await api.send('GET', '/api/v1/apps/ranged/logs?fromByte=4&maxBytes=4');
    expect(await range.text()).toBe('two\n');
    expect(range.headers.get('x-next-byte')).toBe('8');
    const both = await api.send('GET', '/api/v1/apps/ranged/logs?fromByte=4&tailBytes=4');
    expect(both.status).toBe(400);
  });

  it('follows a log through a restart, and ends when the app is removed', async () => {
    await run('followed', 1);
    agent.write('app-followed-1', 'first\n');
    const answer = await api.send('GET', '/api/v1/apps/followed/logs?follow=true');
    const text = collect(answer);
    await eventually(() => expect(text.soFar()).toBe('first\n'));
    agent.write('app-followed-1', 'second\n');
    await eventually(() => expect(text.soFar()).toBe('first\nsecond\n'));
    agent.end('app-followed-1');
    agent.write('app-followed-2', 'third\n');
    await run('followed', 2);
    await eventually(() => expect(text.soFar()).toBe('first\nsecond\nthird\n'));
    agent.end('app-followed-2');
    await remove(api, 'followed');
    await text.ended;
  });

  it('follows one instance to its end', async () => {
    await run('single', 1);
    agent.write('app-single-1', 'only\n');
    const answer = await api.send('GET', '/api/v1/apps/single/logs?follow=true&generation=1');
    const text = collect(answer);
    await eventually(() => expect(text.soFar()).toBe('only\n'));
    agent.end('app-single-1');
    await text.ended;
  });

  it('follows a long log whole, however slow its reader', async () => {
    await run('long', 1);
    const lines = Array.from({ length: 40_000 }, (_, index) => `line ${index}\n`).join('');
    agent.write('app-long-1', lines);
    agent.end('app-long-1');
    const answer = await api.send(
      'GET',
      '/api/v1/apps/long/logs?follow=true&generation=1&fromByte=0&maxBytes=1000',
    );
    expect(await answer.text()).toBe(lines);
  });

  it('finds the log of an instance that is gone on the host where it ran', async () => {
    const other = await startAgent();
    await say(api.store, 'lab-2', other.url);
    other.write('app-moved-1', 'kept here\n');
    other.end('app-moved-1');
    await run('moved', 2);
    agent.write('app-moved-2', 'now here\n');
    const old = await api.send('GET', '/api/v1/apps/moved/logs?generation=1');
    expect(await old.text()).toBe('kept here\n');
    expect(await (await api.send('GET', '/api/v1/apps/moved/logs')).text()).toBe('now here\n');
    await other.close();
    const lost = await api.send('GET', '/api/v1/apps/moved/logs?generation=1');
    expect(lost.status).toBe(503);
    expect((await problemOf(lost)).detail).toContain('host lab-2');
  });

  it('answers 503 with the name of a host that does not answer', async () => {
    await say(api.store, 'lab-down', 'http://127.0.0.1:1');
    await run('alone', 1, 'lab-down');
    for (const path of ['logs', 'logs?follow=true', 'usage']) {
      const answer = await api.send('GET', `/api/v1/apps/alone/${path}`);
      expect([path, answer.status]).toEqual([path, 503]);
      const problem = await problemOf(answer);
      expect(problem.type).toBe('urn:labkeeper:problem:host_unreachable');
      expect(problem.detail).toContain('lab-down');
    }
  });

  it('tells memory and CPU of what runs', async () => {
    await run('used', 1);
    const usage = { memoryBytes: 5, memoryLimitBytes: 10, cpus: 0.5, pids: 2 };
    agent.usage.set('app-used-1', usage);
    const answer = await api.send('GET', '/api/v1/apps/used/usage');
    expect(await answer.json()).toEqual({ name: 'used', generation: 1, host: 'lab-1', usage });
  });

  it('gives gateways the last lines for their waiting page', async () => {
    await run('waiting', 1);
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index} ${'x'.repeat(500)}`);
    agent.write('app-waiting-1', `${lines.join('\n')}\n`);
    const answer = await api.send('GET', '/internal/apps/waiting/log-tail', {
      headers: { authorization: `Bearer ${internalToken}` },
    });
    const tail = (await answer.json()) as { generation: number; lines: string[] };
    expect(tail.generation).toBe(1);
    expect(tail.lines).toHaveLength(20);
    expect(tail.lines.at(-1)).toBe((lines.at(-1) ?? '').slice(0, 400));
  });

  /** The row says that this generation serves on the host. */
  async function run(name: string, generation: number, host = 'lab-1'): Promise<void> {
    if ((await api.store.apps.find(name)) === null) await api.register(name);
    const row = await api.store.apps.beginLife(name);
    await api.store.apps.advance(
      name,
      { life: row?.mark.life ?? 0, revision: 1 },
      { condition: { wanted: 'awake', phase: 'ready', generation, host } },
    );
  }
});

async function say(store: Store, name: string, agentUrl: string): Promise<void> {
  const storage = { state: 'ok' as const, freeBytes: 1e12, totalBytes: 1e12 };
  await store.hosts.heartbeat({
    ...{ name, agentUrl, runtimes: [], storage, cpus: 2, memoryBytes: 1e9 },
  });
}

async function remove(api: ApiBed, name: string): Promise<void> {
  await api.send('DELETE', `/api/v1/apps/${name}`);
  const row = await api.store.apps.beginLife(name);
  await api.store.apps.remove(name, { life: row?.mark.life ?? 0, revision: 1 }, {});
}

function collect(answer: Response): { soFar(): string; ended: Promise<void> } {
  const decoder = new TextDecoder();
  let text = '';
  const read = async () => {
    for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
    }
  };
  return { soFar: () => text, ended: read() };
}

interface Agent {
  url: string;
  usage: Map<string, object>;
  write(instance: string, text: string): void;
  end(instance: string): void;
  close(): Promise<void>;
}

/** An agent as far as log and usage reads go, over real HTTP. */
async function startAgent(): Promise<Agent> {
  const logs = new Map<string, { bytes: Buffer; complete: boolean }>();
  const usage = new Map<string, object>();
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://agent');
    const [, , instance = '', kind] = url.pathname.split('/');
    if (request.headers.authorization !== `Bearer ${internalToken}`) {
      response.writeHead(401).end();
    } else if (kind === 'usage') {
      const known = usage.get(instance);
      response.writeHead(known === undefined ? 404 : 200).end(JSON.stringify(known ?? {}));
    } else {
      const log = logs.get(instance) ?? { bytes: Buffer.alloc(0), complete: true };
      const tail = url.searchParams.get('tailBytes');
      const start =
        tail === null
          ? Number(url.searchParams.get('fromByte') ?? 0)
          : Math.max(0, log.bytes.length - Number(tail));
      const limit = Number(url.searchParams.get('maxBytes') ?? 1024 * 1024);
      const part = log.bytes.subarray(start, start + limit);
      const next = start + part.length;
      response.writeHead(200, {
        'x-from-byte': start,
        'x-next-byte': next,
        'x-complete': String(log.complete && next === log.bytes.length),
      });
      response.end(part);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    usage,
    write(instance, text) {
      const log = logs.get(instance);
      const bytes = Buffer.concat([log?.bytes ?? Buffer.alloc(0), Buffer.from(text)]);
      logs.set(instance, { bytes, complete: log?.complete ?? false });
    },
    end(instance) {
      logs.set(instance, { bytes: logs.get(instance)?.bytes ?? Buffer.alloc(0), complete: true });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
