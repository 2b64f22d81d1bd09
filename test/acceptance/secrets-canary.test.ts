import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newToken } from '../../src/api/auth/secrets.ts';
import { addKey } from '../../src/store/key-file/key-file.ts';
import { startDockerEngine, type DockerEngine } from '../beds/docker.ts';
import { eventually } from '../beds/eventually.ts';
import { nodeImage } from '../beds/images.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { findLeaks, type Place } from '../beds/leaks.ts';
import { startRegistry, type TestRegistry } from '../beds/registry.ts';
import { requirePart } from '../beds/require.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { databaseUrlOf, patienceMs, untilStatus } from './lab-view.ts';

const present =
  requirePart('temporal') &&
  requirePart('postgres') &&
  requirePart('docker') &&
  requirePart('registry');

/** Long enough to be nowhere by chance, with what every encoding changes, and fit for a password. */
const canary = () => `canary-${randomBytes(9).toString('hex')}/+&"'<ü`;

/** The characters that bytes have one by one. */
const latin1 = (text: string) => Buffer.from(text).toString('latin1');

function* bytesIn(value: unknown): Generator<Uint8Array> {
  if (value instanceof Uint8Array) yield value;
  else if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) yield* bytesIn(inner);
  }
}

describe.runIf(present)('what is secret', () => {
  let engine: DockerEngine;
  let registry: TestRegistry;
  let lab: Lab;
  let image: string;
  /** Everything that was told to labkeeper in confidence, by what it is. */
  const secrets: Record<string, string> = {};
  const planted = (label: string) => (secrets[label] = canary());
  /** The one that the environment of the worker is meant to hold. */
  const ofHost = planted('variable of the host');

  beforeAll(async () => {
    engine = await startDockerEngine();
    registry = await startRegistry({ username: 'lab', password: planted('registry password') });
    image = await registry.push(engine.docker, await nodeImage(engine.docker), 'lab/node', 'v1');
    lab = await startLab({
      LABKEEPER_DOCKER: 'on',
      LABKEEPER_DOCKER_SOCKET: engine.socketPath,
      LABKEEPER_LOG_LEVEL: 'trace',
      LABKEEPER_SECRET_OF_HOST: ofHost,
    });
  }, 180_000);
  afterAll(async () => {
    await lab?.close();
    await registry?.stop();
    await engine?.stop();
  }, 90_000);

  const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');
  const hasToken = async (name: string, value: string) =>
    eventually(
      async () => {
        const answer = await fetch(lab.appUrl(name, '/digest?variable=TOKEN'));
        expect([answer.status, await answer.text()]).toEqual([200, digestOf(value)]);
      },
      { deadlineMs: patienceMs },
    );
  const put = (path: string, body: string) =>
    fetch(`${lab.consoleUrl}${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body,
    });

  it('is in no place but those that must have it, whatever happens to its apps', async () => {
    await driveProcess();
    await driveContainer();
    await driveRefusals();
    await driveLogins();
    await lab.client.apps.remove('gone');
    await eventually(async () => expect(await lab.client.apps.find('gone')).toBeNull(), {
      deadlineMs: patienceMs,
    });
    const places = await allPlaces();
    expect(places.length).toBeGreaterThan(100);
    expect(findLeaks(secrets, places)).toEqual([]);
  }, 300_000);

  /** A command through its whole life: missing, set, awake, crashed, changed, frozen, asleep, failed. */
  async function driveProcess(): Promise<void> {
    const first = planted('first value');
    for (const name of ['walker', 'gone']) {
      await lab.client.apps.register(name, echoApp({ secrets: { TOKEN: 'walked' } }));
    }
    await lab.client.apps.start('walker');
    await untilStatus(lab, 'walker', 'failed');
    await lab.client.secrets.set('walked', first);
    await hasToken('walker', first);
    await hasToken('gone', first);
    await fetch(lab.appUrl('walker', '/crash?code=3'));
    await hasToken('walker', first);
    const second = planted('second value');
    await lab.client.secrets.set('walked', second);
    await lab.client.apps.restart('walker');
    await hasToken('walker', second);
    await addKey(join(lab.folder, 'secrets', 'encryption-key'));
    await lab.client.secrets.reseal();
    await lab.client.apps.register('hosted', echoApp({ secrets: { TOKEN: 'of-host' } }));
    await hasToken('hosted', ofHost);
    await lab.client.apps.stop('walker');
    await untilStatus(lab, 'walker', 'asleep');
    await lab.worker.kill9();
    await lab.worker.start();
    await hasToken('walker', second);
    const failing = { BOOT_DELAY_MS: '60000' };
    await lab.client.apps.register(
      'failing',
      echoApp({
        environment: failing,
        secrets: { TOKEN: 'walked' },
        health: { path: '/health', startDeadlineMs: 500 },
      }),
    );
    await lab.client.apps.start('failing');
    await untilStatus(lab, 'failing', 'failed');
    const command = ['/no/such/program'];
    await lab.client.apps.register('broken', { command, secrets: { TOKEN: 'walked' } });
    await lab.client.apps.start('broken');
    await untilStatus(lab, 'broken', 'failed');
    await visitPage(lab.appUrl('broken'));
  }

  /** A container of a private registry: without, with wrong and with right credentials. */
  async function driveContainer(): Promise<void> {
    const value = planted('value of a container');
    await lab.client.secrets.set('boxed', value);
    await lab.client.apps.register('box', {
      image,
      port: 8080,
      secrets: { TOKEN: 'boxed' },
      health: { path: '/health', startDeadlineMs: 30_000 },
      restart: { initialDelayMs: 50, maxDelayMs: 200, maxRestarts: 3, windowMs: 60_000 },
    });
    await lab.client.apps.start('box');
    const without = await untilStatus(lab, 'box', 'failed');
    expect(without.explanation).toContain('no credentials for it are set');
    const username = 'lab';
    const set = (password: string) =>
      lab.client.registries.set(registry.host, { username, password });
    await set(planted('wrong registry password'));
    await eventually(
      async () => {
        const { status, explanation } = await lab.client.apps.show('box');
        expect([status, explanation]).toEqual(['failed', expect.stringContaining('refuses')]);
      },
      { deadlineMs: patienceMs },
    );
    await set(secrets['registry password'] ?? '');
    await hasToken('box', value);
    await fetch(lab.appUrl('box', '/exit?code=4')).catch(() => undefined);
    await hasToken('box', value);
    for (const { Id } of await engine.docker.listContainers({ all: true })) {
      const { Config, ...rest } = await engine.docker.getContainer(Id).inspect();
      const { Env, ...config } = Config;
      // The engine shows an environment to whoever may ask it; nothing else of it tells.
      expect(Env).toContain(`TOKEN=${value}`);
      expect(findLeaks(secrets, [{ name: Id, content: JSON.stringify([rest, config]) }])).toEqual(
        [],
      );
    }
  }

  /** What is refused was told all the same. */
  async function driveRefusals(): Promise<void> {
    const value = planted('refused value');
    const text = JSON.stringify(value);
    const answers = [
      await put('/api/v1/secrets/refused', `{"value": ${text}`),
      await put('/api/v1/secrets/refused', `{"value": ${text}, "more": 1}`),
      await put('/api/v1/secrets/refused', `{"value": [${text}]}`),
      await put('/api/v1/secrets/refused?space=nowhere', `{"value": ${text}}`),
      await put('/api/v1/secrets/Refused', `{"value": ${text}}`),
      await put('/api/v1/secrets/refused', JSON.stringify({ value: value.repeat(5_000) })),
      await put('/api/v1/secrets/refused', JSON.stringify({ value: value.repeat(60_000) })),
      await put('/api/v1/registries/a.b', `{"username": "a:b", "password": ${text}}`),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.status >= 400 && answer.status < 500]).toEqual([
        answer.status,
        true,
      ]);
      const content = await answer.text();
      expect(findLeaks(secrets, [{ name: 'a refusal', content }])).toEqual([]);
    }
    await lab.postgres.stop();
    const away = await put('/api/v1/secrets/refused', `{"value": ${text}}`);
    expect(away.status).toBe(503);
    await lab.postgres.start();
    await eventually(async () => expect((await lab.client.secrets.list()).items).not.toEqual([]), {
      deadlineMs: patienceMs,
    });
  }

  /** A person with a token and a login link, used at the console and at an app. */
  async function driveLogins(): Promise<void> {
    const by = { actor: 'test' };
    await lab.store.people.put('ada', { operator: true }, by);
    const token = newToken();
    const { id, digest } = token;
    await lab.store.tokens.add({ id, digest, person: 'ada', label: 'x', lastsMs: 60_000 }, by);
    secrets['token'] = token.text;
    const headers = { authorization: `Bearer ${token.text}` };
    expect((await fetch(`${lab.consoleUrl}/api/v1/me`, { headers })).status).toBe(200);
    expect((await fetch(lab.appUrl('walker', '/health'), { headers })).status).toBe(200);
    const forged = `${token.text.slice(0, -20)}${'x'.repeat(20)}`;
    secrets['forged token'] = forged;
    const refused = await fetch(`${lab.consoleUrl}/api/v1/me`, {
      headers: { authorization: `Bearer ${forged}` },
    });
    expect(refused.status).toBe(401);
    const internal = await readFile(lab.environment['LABKEEPER_INTERNAL_TOKEN_FILE'] ?? '', 'utf8');
    const made = await fetch(`${lab.apiUrl}/internal/login-links`, {
      method: 'POST',
      headers: { authorization: `Bearer ${internal}`, 'content-type': 'application/json' },
      body: JSON.stringify({ person: 'ada' }),
    });
    const { url } = (await made.json()) as { url: string };
    const code = new URL(url).searchParams.get('code') ?? '';
    secrets['login code'] = code;
    expect((await fetch(url)).status).toBe(200);
    const login = await fetch(`${lab.consoleUrl}/login/link`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: lab.consoleUrl },
      body: new URLSearchParams({ code, to: '/' }),
    });
    const [, session = ''] =
      /labkeeper_session=([^;]+)/.exec(login.headers.get('set-cookie') ?? '') ?? [];
    expect(session).not.toBe('');
    secrets['session'] = session;
    const page = await fetch(`${lab.consoleUrl}/`, {
      headers: { cookie: `labkeeper_session=${session}`, accept: 'text/html' },
    });
    expect(page.status).toBe(200);
  }

  async function allPlaces(): Promise<Place[]> {
    return [
      ...(await answers()),
      ...(await rows()),
      ...(await histories()),
      ...(await processes()),
      // Last, since it holds what all of the above made the processes log.
      ...(await files()),
    ];
  }

  /** Pages, API and metrics, as anybody may see them. */
  async function answers(): Promise<Place[]> {
    const apps = ['walker', 'failing', 'broken', 'box', 'gone'];
    const port = (name: string) => `http://127.0.0.1:${lab.environment[name]}`;
    const urls = [
      ...['/', '/manage', '/manage/events', '/manage/hosts', '/openapi.json', '/metrics'],
      ...['apps', 'events', 'hosts', 'secrets', 'registries'].map((name) => `/api/v1/${name}`),
      ...apps.flatMap((name) => [
        `/manage/app/${name}`,
        ...['', '/secrets', '/events', '/logs', '/usage'].map(
          (more) => `/api/v1/apps/${name}${more}`,
        ),
      ]),
    ].map((path) => `${lab.apiUrl}${path}`);
    urls.push(
      `${lab.gatewayMetricsUrl}/metrics`,
      `${port('LABKEEPER_AGENT_PORT')}/metrics`,
      `${port('LABKEEPER_WORKER_METRICS_PORT')}/metrics`,
      lab.appUrl('broken'),
    );
    return Promise.all(
      urls.map(async (url) => {
        const answer = await fetch(url, { headers: { accept: 'text/html, */*' } });
        const head = [...answer.headers].map((pair) => pair.join(': ')).join('\n');
        return { name: url, content: `${head}\n${await answer.text()}` };
      }),
    );
  }

  /** Every row of every table. */
  async function rows(): Promise<Place[]> {
    const client = new pg.Client({ connectionString: await databaseUrlOf(lab) });
    await client.connect();
    try {
      const { rows: tables } = await client.query<{ name: string }>(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
      );
      expect(tables.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['secrets', 'events', 'apps', 'operations', 'outbox']),
      );
      const places: Place[] = [];
      for (const { name } of tables) {
        const { rows: found } = await client.query(
          `SELECT to_jsonb(t)::text AS row FROM "${name}" t`,
        );
        places.push({ name: `table ${name}`, content: JSON.stringify(found) });
      }
      return places;
    } finally {
      await client.end();
    }
  }

  /** Every event of every run of every workflow, closed ones too, with what its payloads hold. */
  async function histories(): Promise<Place[]> {
    const connection = await Connection.connect({ address: lab.temporal.address });
    try {
      const client = new Client({ connection });
      const places: Place[] = [];
      for await (const { workflowId, runId } of client.workflow.list()) {
        const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
        const name = `history of ${workflowId} (${runId})`;
        places.push({ name, content: JSON.stringify(history) });
        // Payloads: as JSON they are base64, whatever they hold in which form.
        for (const content of bytesIn(history)) places.push({ name, content });
      }
      expect(places.length).toBeGreaterThan(5);
      return places;
    } finally {
      await connection.close();
    }
  }

  /** What other users of the machine see of our processes, and what these were given. */
  async function processes(): Promise<Place[]> {
    const pids = [lab.worker.pid, lab.api.pid, lab.gateway.pid];
    const shims = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const places: Place[] = [];
    for (const pid of [...pids, ...shims]) {
      const command = await readFile(`/proc/${pid}/cmdline`).catch(() => null);
      if (command === null) continue;
      const isShim = command.includes(lab.folder) && command.includes('.shim');
      if (isShim || pids.includes(Number(pid))) {
        places.push({ name: `command line of ${pid}`, content: command });
        const environment = await readFile(`/proc/${pid}/environ`).catch(() => Buffer.alloc(0));
        const content = environment.toString('latin1').replaceAll(latin1(ofHost), '');
        places.push({ name: `environment of ${pid}`, content: Buffer.from(content, 'latin1') });
      }
    }
    return places;
  }

  /** The data folder: database, Temporal, logs of all processes, records of instances, all but the key. */
  async function files(): Promise<Place[]> {
    const entries = await readdir(lab.folder, { recursive: true, withFileTypes: true });
    const places: Place[] = [];
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || entry.name === 'encryption-key') continue;
      // Files come and go while the lab runs.
      const content = await readFile(path).catch(() => null);
      if (content !== null) places.push({ name: relative(lab.folder, path), content });
    }
    const names = places.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['worker.log', 'api.log', 'gateway.log']));
    return places;
  }
});
