import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppJson, AppListJson, RegisteredAppJson } from '../../src/model/api.ts';
import { requirePart } from '../beds/require.ts';
import { openApi, problemOf, spec, type ApiBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('apps', () => {
  let api: ApiBed;
  beforeAll(async () => {
    api = await openApi();
  });
  afterAll(() => api.close());

  it('registers an app, which then sleeps until somebody opens it', async () => {
    const answer = await api.send('PUT', '/api/v1/apps/plot', { body: spec });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe('/api/v1/apps/plot');
    const app = (await answer.json()) as RegisteredAppJson;
    expect(app).toMatchObject({
      name: 'plot',
      title: 'plot',
      space: 'default',
      owner: 'local user',
      specRevision: 1,
      status: 'asleep',
      outcome: 'created',
      url: 'http://localhost:8081/app/plot/',
      operation: { entity: 'app/plot', state: 'accepted' },
    });
    expect(app.spec.idle.idleAfterMs).toBe(1_800_000);
    expect(app.explanation).toContain('plot was registered at');
  });

  it('answers the same definition again with 200 and no operation', async () => {
    await api.register('again');
    const answer = await api.send('PUT', '/api/v1/apps/again', { body: spec });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ outcome: 'unchanged', operation: null });
  });

  it('replaces another definition and counts it', async () => {
    await api.register('other');
    const answer = await api.send('PUT', '/api/v1/apps/other', {
      body: { ...spec, title: 'Other' },
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      outcome: 'replaced',
      specRevision: 2,
      title: 'Other',
      operation: { verb: 'replace' },
    });
  });

  it('registers by POST with the name in the body', async () => {
    const answer = await api.send('POST', '/api/v1/apps', { body: { name: 'posted', ...spec } });
    expect(answer.status).toBe(201);
    const shown = await api.send('GET', '/api/v1/apps/posted');
    expect(((await shown.json()) as AppJson).name).toBe('posted');
  });

  it('hands each accepted registration to its workflow', async () => {
    await api.register('handed');
    const entry = api.delivered.find(({ entity }) => entity === 'app/handed');
    expect(entry?.payload).toMatchObject({ command: 'replace', cause: { actor: 'local user' } });
    expect(await api.store.outbox.claim(entry?.payload.operationId ?? '')).toBeNull();
  });

  it('does one thing for one key, and refuses the key for another definition', async () => {
    const headers = { 'idempotency-key': 'register-once' };
    const first = await api.send('PUT', '/api/v1/apps/once', { body: spec, headers });
    expect(first.status).toBe(201);
    const again = await api.send('PUT', '/api/v1/apps/once', { body: spec, headers });
    expect(again.status).toBe(200);
    const other = await api.send('PUT', '/api/v1/apps/once', {
      body: { ...spec, title: 'Another' },
      headers,
    });
    expect(other.status).toBe(409);
    expect((await problemOf(other)).type).toBe('urn:labkeeper:problem:conflict');
  });

  it('lists apps by name, a page at a time', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) await api.register(name);
    const first = await page('?after=page&limit=2');
    expect(first.items.map(({ name }) => name)).toEqual(['page-a', 'page-b']);
    expect(first.next).toBe('page-b');
    const rest = await page(`?after=${first.next}&limit=1`);
    expect(rest.items.map(({ name }) => name)).toEqual(['page-c']);
  });

  it('lists the apps of one space', async () => {
    await api.register('spaced');
    expect((await page('?space=elsewhere')).items).toEqual([]);
    expect((await page('?space=default&limit=500')).items.length).toBeGreaterThan(0);
  });

  it('removes an app by an operation that its workflow carries out', async () => {
    await api.register('leaving');
    const answer = await api.send('DELETE', '/api/v1/apps/leaving?why=course%20is%20over');
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ verb: 'remove', why: 'course is over' });
  });

  it('refuses to go beyond the limit of apps', async () => {
    const small = await openApi({ maxApps: 1 });
    await small.register('first');
    const answer = await small.send('PUT', '/api/v1/apps/second', { body: spec });
    expect(answer.status).toBe(429);
    expect((await problemOf(answer)).detail).toContain('LABKEEPER_MAX_APPS');
    await small.close();
  });

  async function page(query: string): Promise<AppListJson> {
    const answer = await api.send('GET', `/api/v1/apps${query}`);
    expect(answer.status).toBe(200);
    return (await answer.json()) as AppListJson;
  }
});
