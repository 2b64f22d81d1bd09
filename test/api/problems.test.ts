import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { requirePart } from '../beds/require.ts';
import { openApi, problemOf, spec, type ApiBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('bad requests', () => {
  let api: ApiBed;
  beforeAll(async () => {
    api = await openApi({ settings: { maxBodyBytes: 4096 } });
  });
  afterAll(() => api.close());

  it('names all mistakes of a definition at once', async () => {
    const answer = await api.send('POST', '/api/v1/apps', {
      body: {
        name: 'No_Label',
        idel: {},
        port: 0,
        limits: { cpus: 'many' },
        idle: { idleAfterMs: 1 },
        environment: { '1X': 'a' },
      },
    });
    expect(answer.status).toBe(400);
    const problem = await problemOf(answer);
    expect(problem.type).toBe('urn:labkeeper:problem:invalid');
    const paths = problem.errors?.map(({ path }) => path).toSorted();
    expect(paths).toEqual([
      'environment.1X',
      'idel',
      'idle.idleAfterMs',
      'image',
      'limits.cpus',
      'name',
      'port',
    ]);
    expect(problem.detail).toContain('7 mistakes');
    expect(problem.detail).toContain('environment.1X: must be an environment variable name');
  });

  it.each(['Upper', 'under_score', '-first', 'last-', 'a.b', 'x'.repeat(64), '%00', 'caf%C3%A9'])(
    'refuses the name %s',
    async (name) => {
      const answer = await api.send('PUT', `/api/v1/apps/${name}`, { body: spec });
      expect(answer.status).toBe(400);
      expect((await problemOf(answer)).errors?.map(({ path }) => path)).toEqual(['name']);
    },
  );

  it('takes the longest and the shortest name', async () => {
    for (const name of ['a', '0', 'x'.repeat(63)]) {
      expect((await api.send('PUT', `/api/v1/apps/${name}`, { body: spec })).status).toBe(201);
    }
  });

  it('answers 404 for an app nobody registered, whatever is asked of it', async () => {
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/start'],
      ['POST', '/stop'],
      ['POST', '/restart'],
      ['POST', '/keep-awake'],
      ['GET', '/events'],
      ['GET', '/events/stream'],
      ['GET', '/logs'],
      ['GET', '/logs?follow=true'],
      ['GET', '/usage'],
    ] as const) {
      const answer = await api.send(method, `/api/v1/apps/nobody${path}`);
      expect([path, answer.status]).toEqual([path, 404]);
      expect((await problemOf(answer)).type).toBe('urn:labkeeper:problem:not_found');
    }
  });

  it('answers 404 for an operation nobody asked for', async () => {
    expect((await api.send('GET', '/api/v1/operations/never')).status).toBe(404);
  });

  it('answers 400 to text that is no JSON, and 415 to what is not said to be JSON', async () => {
    const broken = await api.send('PUT', '/api/v1/apps/broken', { body: '{"command":' });
    expect(broken.status).toBe(400);
    expect((await problemOf(broken)).type).toBe('urn:labkeeper:problem:malformed');
    const form = await api.send('PUT', '/api/v1/apps/form', {
      body: 'command=serve',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form.status).toBe(415);
    expect((await problemOf(form)).type).toBe('urn:labkeeper:problem:unsupported_media_type');
  });

  it.each(['null', '[]', '"text"', '5'])('answers 400 to %s as a definition', async (body) => {
    const answer = await api.send('PUT', '/api/v1/apps/odd', { body });
    expect(answer.status).toBe(400);
    expect((await problemOf(answer)).errors).toHaveLength(1);
  });

  it('answers 400 without a body', async () => {
    expect((await api.send('PUT', '/api/v1/apps/empty')).status).toBe(400);
  });

  it('answers 413 to a body beyond the limit, also when its length is not told', async () => {
    const body: AppSpecInput = { ...spec, environment: { LONG: 'x'.repeat(5000) } };
    const told = await api.send('PUT', '/api/v1/apps/large', {
      body,
      headers: { 'content-length': String(JSON.stringify(body).length) },
    });
    expect(told.status).toBe(413);
    expect((await problemOf(told)).detail).toContain('LABKEEPER_MAX_API_BODY_BYTES');
    expect((await api.send('PUT', '/api/v1/apps/large', { body })).status).toBe(413);
    expect(await api.store.apps.find('large')).toBeNull();
  });

  it('answers 405 with the verbs that exist, and 404 where there is nothing', async () => {
    const wrong = await api.send('PATCH', '/api/v1/apps/plot');
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('DELETE, GET, HEAD, PUT');
    await problemOf(wrong);
    const started = await api.send('GET', '/api/v1/apps/plot/start');
    expect(started.headers.get('allow')).toBe('POST');
    const nothing = await api.send('GET', '/api/v1/nothing');
    expect(nothing.status).toBe(404);
    await problemOf(nothing);
  });

  it('refuses unknown query fields, bad keys and bad limits', async () => {
    for (const path of ['?limt=5', '?limit=0', '?limit=501', '?limit=x', '?after=A_B']) {
      expect([path, (await api.send('GET', `/api/v1/apps${path}`)).status]).toEqual([path, 400]);
    }
    const answer = await api.send('POST', '/api/v1/apps/plot/start', {
      headers: { 'idempotency-key': 'no blanks' },
    });
    expect(answer.status).toBe(400);
  });

  it('refuses a NUL character where the database could not hold it', async () => {
    const answer = await api.send('PUT', '/api/v1/apps/nul', {
      body: { ...spec, description: 'a\0b' },
    });
    expect(answer.status).toBe(400);
    await problemOf(answer);
  });

  it('names the request in the answer, under the given id when it is a good one', async () => {
    const given = await api.send('GET', '/api/v1/apps/nobody', {
      headers: { 'x-request-id': 'from-me-1' },
    });
    expect(given.headers.get('x-request-id')).toBe('from-me-1');
    expect(await given.json()).toMatchObject({ requestId: 'from-me-1' });
    const bad = await api.send('GET', '/api/v1/apps/nobody', {
      headers: { 'x-request-id': 'a b'.repeat(50) },
    });
    expect(bad.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe.runIf(requirePart('postgres'))('failures of our own', () => {
  it('answers 500 without a stack, and logs the failure once with its request', async () => {
    const api = await openApi({
      store: (store) => ({
        ...store,
        hosts: { ...store.hosts, list: () => Promise.reject(new TypeError('planted mistake')) },
      }),
    });
    const answer = await api.send('GET', '/api/v1/hosts');
    expect(answer.status).toBe(500);
    const text = await answer.clone().text();
    expect(text).not.toContain('planted');
    expect(text).not.toContain('at ');
    const requestId = answer.headers.get('x-request-id');
    const errors = api.logged.filter(({ level }) => level === 50);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ requestId, msg: 'request failed', path: '/api/v1/hosts' });
    expect(JSON.stringify(errors[0])).toContain('planted mistake');
    await api.close();
  });

  it('answers 503 with Retry-After while the database is down, and writes nothing', async () => {
    const down = await openPostgresStore({
      url: 'postgres://labkeeper@127.0.0.1:1/labkeeper',
      poolSize: 2,
      applicationName: 'test',
      log: pino({ level: 'silent' }),
    });
    const api = await openApi({ store: () => down });
    for (const [method, path] of [
      ['GET', '/api/v1/apps'],
      ['PUT', '/api/v1/apps/plot'],
      ['POST', '/api/v1/apps/plot/start'],
      ['GET', '/api/v1/events?after=0'],
      ['GET', '/api/v1/events/stream?after=0'],
    ] as const) {
      const body = method === 'PUT' ? { body: spec } : {};
      const answer = await api.send(method, path, body);
      expect([path, answer.status]).toEqual([path, 503]);
      expect(answer.headers.get('retry-after')).toBe('5');
      expect((await problemOf(answer)).type).toBe('urn:labkeeper:problem:unavailable');
    }
    expect(api.logged.filter(({ level }) => level === 50)).toEqual([]);
    await api.close();
    await down.close();
  });
});
