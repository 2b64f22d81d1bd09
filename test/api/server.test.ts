import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  labkeeperClient,
  type LabkeeperClient,
  type StreamMessage,
} from '../../src/client/index.ts';
import { findFreePort } from '../../src/supervisor/free-port.ts';
import { createChild, type Child } from '../beds/child.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestDatabase } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { connectTemporal, type TemporalBed } from '../beds/temporal.ts';

const present = requirePart('postgres') && requirePart('temporal');
const entry = fileURLToPath(new URL('../../src/api/server.ts', import.meta.url));
const unique = () => `t${randomBytes(5).toString('hex')}`;
const spec = { command: ['serve', '{port}'] };

describe.runIf(present)('the API process', () => {
  let folder: string;
  let database: Awaited<ReturnType<typeof openTestDatabase>>;
  let temporal: TemporalBed;
  let environment: Record<string, string>;
  let api: Child;
  let client: LabkeeperClient;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'api-'));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, randomBytes(32).toString('hex'));
    [database, temporal] = await Promise.all([openTestDatabase(), connectTemporal()]);
    const port = await findFreePort({ wanted: 0, address: '127.0.0.1', taken: new Set() });
    url = `http://127.0.0.1:${port}`;
    environment = {
      LABKEEPER_DATABASE_URL: database.url,
      LABKEEPER_DATABASE_POOL: '5',
      LABKEEPER_INTERNAL_TOKEN_FILE: tokenFile,
      LABKEEPER_API_PORT: String(port),
      TEMPORAL_ADDRESS: temporal.address,
    };
    api = start(environment);
    await api.start();
    client = labkeeperClient({ baseUrl: url });
  });
  afterAll(async () => {
    await api?.stop();
    await temporal?.close();
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
  });

  it('takes whatever headers gateways let through', async () => {
    const cookie = `own=${'x'.repeat(31_000)}`;
    expect((await fetch(`${url}/api/v1/me`, { headers: { cookie } })).status).toBe(200);
  });

  it('starts the workflow of an app and hands it every command once, in order', async () => {
    const name = unique();
    await client.apps.register(name, spec);
    await client.apps.start(name, { why: 'demo', idempotencyKey: `${name}-start` });
    await client.apps.start(name, { why: 'demo', idempotencyKey: `${name}-start` });
    await client.apps.stop(name);
    const handle = temporal.client.workflow.getHandle(`app/${name}`);
    const signals = await eventually(async () => {
      const history = await handle.fetchHistory();
      const told = (history.events ?? []).flatMap(
        ({ workflowExecutionSignaledEventAttributes }) => {
          const payload = workflowExecutionSignaledEventAttributes?.input?.payloads?.[0]?.data;
          return payload
            ? [JSON.parse(Buffer.from(payload).toString()) as { command: string }]
            : [];
        },
      );
      expect(told).toHaveLength(3);
      return told;
    });
    expect(signals.map(({ command }) => command)).toEqual(['replace', 'wake', 'sleep']);
    const description = await handle.describe();
    expect(description.taskQueue).toBe('control');
    expect(description.type).toBe('app');
    await handle.terminate();
  });

  it('serves the typed client: lists, shows, waits, refuses', async () => {
    const names = [unique(), unique()].toSorted();
    for (const name of names) await client.apps.register(name, spec);
    const all = [];
    for await (const app of client.apps.all()) all.push(app.name);
    expect(all).toEqual(expect.arrayContaining(names));
    const [name = ''] = names;
    expect((await client.apps.show(name)).status).toBe('asleep');
    expect(await client.apps.find('nobody')).toBeNull();
    const operation = await client.apps.start(name);
    expect(await client.operations.show(operation.id)).toMatchObject({ verb: 'wake' });
    await expect(client.operations.wait(operation.id, { timeoutMs: 10 })).rejects.toThrow(
      `it goes on as operation ${operation.id}`,
    );
    const bad = client.apps.register('No_Label', { command: [], port: 0 });
    await expect(bad).rejects.toMatchObject({ name: 'ProblemError', status: 400, type: 'invalid' });
    expect(await client.hosts.list()).toEqual([]);
    expect((await client.health()).checks['temporal']).toEqual({ ok: true, detail: null });
    expect(await client.apps.log(name)).toMatchObject({ text: '', complete: true });
    expect((await client.apps.usage(name)).usage).toBeNull();
  });

  it('ends streams and exits with 0 when told to, and clients resume at its successor', async () => {
    const name = unique();
    await client.apps.register(name, spec);
    const leaving = new AbortController();
    const seen: StreamMessage[] = [];
    const following = (async () => {
      const stream = client.apps.follow(name, { after: '0', signal: leaving.signal });
      for await (const message of stream) seen.push(message);
    })();
    const words = () =>
      seen.flatMap((message) => (message.type === 'event' ? [message.event.what] : []));
    await eventually(() => expect(words()).toEqual(['registered']));
    expect(await api.stop()).toBe(0);
    expect(api.output()).toContain('"msg":"ended"');
    await expect(client.apps.show(name)).rejects.toMatchObject({ name: 'UnreachableError' });
    await api.start();
    await client.apps.start(name);
    await eventually(() => expect(words()).toEqual(['registered', 'wake asked for']));
    await api.kill9();
    await api.start();
    await client.apps.stop(name);
    await eventually(() => {
      expect(words()).toEqual(['registered', 'wake asked for', 'sleep asked for']);
    });
    leaving.abort();
    await following;
    await temporal.client.workflow.getHandle(`app/${name}`).terminate();
  });

  it('refuses to start for a public address, naming the remedy', async () => {
    const open = start({ ...environment, LABKEEPER_BIND: '0.0.0.0', LABKEEPER_API_PORT: '0' });
    await expect(open.start()).rejects.toThrow('needs authentication');
  });

  it('refuses to start without the internal secret, naming the remedy', async () => {
    const { LABKEEPER_INTERNAL_TOKEN_FILE: _file, ...rest } = environment;
    await expect(start(rest).start()).rejects.toThrow('LABKEEPER_INTERNAL_TOKEN_FILE is not set');
  });

  function start(settings: Record<string, string>): Child {
    return createChild({
      command: process.execPath,
      args: ['--import', 'tsx', entry],
      environment: settings,
      outputFile: join(folder, `${unique()}.log`),
      ready: async () => {
        const answer = await fetch(`${url}/health/ready`);
        if (!answer.ok) throw new Error(`it answers ${answer.status}`);
        if (settings !== environment) throw new Error('that is another process');
      },
    });
  }
});
