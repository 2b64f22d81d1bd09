import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OperationJson } from '../../src/model/api.ts';
import type { Store } from '../../src/store/ports.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { internalToken, openApi, problemOf, spec, type ApiBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('commands', () => {
  let api: ApiBed;
  beforeAll(async () => {
    api = await openApi();
  });
  afterAll(() => api.close());

  it.each([
    ['start', 'wake'],
    ['stop', 'sleep'],
    ['restart', 'restart'],
  ])('accepts %s with the address of its operation', async (path, verb) => {
    await api.register(`does-${path}`);
    const answer = await api.send('POST', `/api/v1/apps/does-${path}/${path}`, {
      body: { why: 'demo at ten' },
    });
    expect(answer.status).toBe(202);
    const operation = (await answer.json()) as OperationJson;
    expect(operation).toMatchObject({
      entity: `app/does-${path}`,
      verb,
      state: 'accepted',
      actor: 'local user',
      why: 'demo at ten',
      finishedAt: null,
      links: { entity: `/api/v1/apps/does-${path}` },
    });
    expect(answer.headers.get('location')).toBe(operation.links.self);
    const shown = await api.send('GET', operation.links.self);
    expect(await shown.json()).toEqual(operation);
  });

  it('needs no body', async () => {
    await api.register('bare');
    const answer = await api.send('POST', '/api/v1/apps/bare/start');
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ why: 'started' });
  });

  it('refuses a reason of several lines, and unknown fields', async () => {
    await api.register('reasons');
    for (const body of [{ why: 'a\nb' }, { why: 'x'.repeat(201) }, { why: '' }, { wy: 'x' }]) {
      const answer = await api.send('POST', '/api/v1/apps/reasons/start', { body });
      expect([body, answer.status]).toEqual([body, 400]);
    }
  });

  it('does one thing for one key, and refuses the key for another command', async () => {
    await api.register('keyed');
    const headers = { 'idempotency-key': 'wake-keyed' };
    const first = await api.send('POST', '/api/v1/apps/keyed/start', { headers });
    const again = await api.send('POST', '/api/v1/apps/keyed/start', { headers });
    expect(await again.json()).toEqual(await first.json());
    await api.deps.delivery.idle();
    const told = api.delivered.filter(({ payload }) => payload.operationId === 'wake-keyed');
    expect(told).toHaveLength(1);
    const other = await api.send('POST', '/api/v1/apps/keyed/stop', { headers });
    expect(other.status).toBe(409);
    await problemOf(other);
  });

  it('keeps an app that is awake from sleeping, and refuses for one that is not', async () => {
    await api.register('kept');
    const refused = await api.send('POST', '/api/v1/apps/kept/keep-awake');
    expect(refused.status).toBe(409);
    expect((await problemOf(refused)).detail).toContain('it is asleep; start it');
    await makeReady(api.store, 'kept');
    const answer = await api.send('POST', '/api/v1/apps/kept/keep-awake');
    expect(answer.status).toBe(202);
    expect((await api.store.use.read('kept'))?.reason).toBe('kept awake by local user');
  });

  it('makes one wake of many visits at once', async () => {
    await api.register('storm');
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => visit(api, 'storm', 'GET /app/storm/')),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const ids = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as OperationJson).id),
    );
    expect(new Set(ids).size).toBe(1);
    await api.deps.delivery.idle();
    const wakes = api.delivered.filter(
      ({ entity, payload }) => entity === 'app/storm' && payload.command === 'wake',
    );
    expect(wakes).toHaveLength(1);
    expect(wakes[0]?.payload.cause).toEqual({ actor: 'visitor', why: 'GET /app/storm/' });
  });

  it('does not let a visit wake an app that nobody registered', async () => {
    expect((await visit(api, 'nobody', 'GET /')).status).toBe(404);
  });
});

describe.runIf(requirePart('postgres'))('a full disk', () => {
  it('refuses new work and wakes with the reason, and leaves alone what is awake', async () => {
    const api = await openApi();
    await api.register('asleep');
    await api.register('awake');
    await makeReady(api.store, 'awake');
    await api.store.hosts.heartbeat({
      name: 'lab-1',
      agentUrl: 'http://127.0.0.1:1',
      runtimes: [],
      storage: { state: 'full', freeBytes: 210 * 1024 * 1024, totalBytes: 1e12 },
      cpus: 2,
      memoryBytes: 1e9,
    });
    // What was read of the hosts is remembered for a moment.
    await eventually(async () => {
      expect((await api.send('POST', '/api/v1/apps/asleep/start')).status).toBe(507);
    });
    const refused = await api.send('PUT', '/api/v1/apps/more', { body: spec });
    expect(refused.status).toBe(507);
    const problem = await problemOf(refused);
    expect(problem.type).toBe('urn:labkeeper:problem:storage_full');
    expect(problem.detail).toContain('lab-1 (210 MB free)');
    expect((await visit(api, 'asleep', 'GET /')).status).toBe(507);
    expect((await visit(api, 'awake', 'GET /')).status).toBe(202);
    expect((await api.send('POST', '/api/v1/apps/awake/stop')).status).toBe(202);
    const replaced = await api.send('PUT', '/api/v1/apps/asleep', {
      body: { ...spec, title: 'Renamed' },
    });
    expect(replaced.status).toBe(200);
    await api.close();
  });
});

describe.runIf(requirePart('postgres'))('a space with its quota of apps awake', () => {
  it('refuses a wake with 429 and the way out, and names no other app to visitors', async () => {
    const api = await openApi();
    await api.register('awake');
    await api.register('asleep');
    await makeReady(api.store, 'awake');
    await api.store.apps.setSleepsIn('awake', 1, 3_600_000);
    await api.store.spaces.put('default', { maxAwakeApps: 1 }, { actor: 'root' });
    for (const command of ['start', 'restart']) {
      const answer = await api.send('POST', `/api/v1/apps/asleep/${command}`);
      expect(answer.status).toBe(429);
      const problem = await problemOf(answer);
      expect(problem.type).toBe('urn:labkeeper:problem:quota_exceeded');
      expect(problem.detail).toMatch(
        /app\/asleep: the space Default has an app awake.*; awake falls asleep at \d\d:\d\d UTC/,
      );
    }
    const visited = await problemOf(await visit(api, 'asleep', 'GET /'));
    expect(visited.status).toBe(429);
    expect(visited.detail).toMatch(/the next of them falls asleep at .* ask an operator/);
    expect((await visit(api, 'awake', 'GET /')).status).toBe(202);
    expect((await api.send('POST', '/api/v1/apps/awake/restart')).status).toBe(202);
    await api.close();
  });
});

function visit(api: ApiBed, name: string, why: string): Promise<Response> {
  return api.send('POST', `/internal/apps/${name}/wake`, {
    body: { actor: 'visitor', why },
    headers: { authorization: `Bearer ${internalToken}` },
  });
}

async function makeReady(store: Store, name: string): Promise<void> {
  const app = await store.apps.beginLife(name);
  await store.apps.advance(
    name,
    { life: app?.mark.life ?? 0, revision: 1 },
    {
      condition: { wanted: 'awake', phase: 'ready', generation: 1, host: 'lab-1' },
      route: { generation: 1, host: 'lab-1', address: '127.0.0.1', port: 1 },
    },
  );
}
