import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventListJson } from '../../src/model/api.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { problemOf } from './bed.ts';
import { openPeople, type PeopleBed } from './people-bed.ts';

describe.runIf(requirePart('postgres'))('the timeline of everything', () => {
  let api: PeopleBed;
  let operator: Record<string, string>;
  let viewer: Record<string, string>;
  beforeAll(async () => {
    api = await openPeople();
    operator = await api.person('root', {}, { operator: true });
    viewer = await api.person('vera', { bio: 'viewer' });
    for (const [name, space, volumes] of [
      ['plot', 'ml101', [{ volume: 'data' }]],
      ['gene', 'bio', []],
    ] as const) {
      const body = { command: ['serve'], space, volumes };
      await api.send('PUT', `/api/v1/apps/${name}`, { body, headers: operator });
    }
    await api.store.events.append('app/plot', { actor: 'ida', what: 'looked at', why: 'curious' });
    await api.store.events.append('app/gene', { actor: 'idle clock', what: 'asleep', why: 'idle' });
    await runSql(
      api.databaseUrl,
      "UPDATE events SET at = now() - interval '3 hours' WHERE what = 'asleep'",
    );
  });
  afterAll(() => api.close());

  const page = async (query: string, headers = operator): Promise<EventListJson> => {
    const answer = await api.send('GET', `/api/v1/events?${query}`, { headers });
    expect([query, answer.status]).toEqual([query, 200]);
    return (await answer.json()) as EventListJson;
  };
  const lines = async (query: string, headers = operator) =>
    (await page(query, headers)).items.map(({ entity, what }) => `${entity} ${what}`);

  it('is filtered by kind, name, what, who and since, as its page is', async () => {
    expect(await lines('kind=volume')).toEqual(['volume/data created']);
    expect(await lines('name=plot')).toEqual(['app/plot looked at', 'app/plot registered']);
    expect(await lines('name=volume/data')).toEqual(['volume/data created']);
    expect(await lines('kind=volume&name=data')).toEqual(['volume/data created']);
    expect(await lines('what=registered')).toEqual(['app/gene registered', 'app/plot registered']);
    expect(await lines('actor=id&kind=app')).toEqual(['app/gene asleep', 'app/plot looked at']);
    expect(await lines('what=asleep&since=24h')).toEqual(['app/gene asleep']);
    expect(await lines('what=asleep&since=1h')).toEqual([]);
  });

  it('gives what a filter asks for a page at a time, and of the spaces of who asks', async () => {
    const first = await page('what=registered&limit=1');
    expect(first.items.map(({ entity }) => entity)).toEqual(['app/gene']);
    const rest = await page(`what=registered&before=${first.next}`);
    expect(rest.items.map(({ entity }) => entity)).toEqual(['app/plot']);
    expect(await lines('what=registered', viewer)).toEqual(['app/gene registered']);
    expect(await lines('name=plot', viewer)).toEqual([]);
  });

  it.each([
    ['kind=seat', 'kind'],
    ['since=2h', 'since'],
    ['name=seat/4', 'name'],
    ['name=app/plot/1', 'name'],
    [`what=${'x'.repeat(129)}`, 'what'],
    ['actor=a%00b', 'actor'],
    ['color=green', 'color'],
  ])('refuses %s and names the field', async (query, path) => {
    const answer = await api.send('GET', `/api/v1/events?${query}`, { headers: operator });
    expect(answer.status).toBe(400);
    const { errors } = await problemOf(answer);
    expect(errors?.map((error) => error.path)).toEqual([path]);
  });

  it('as a stream has no filter, and refuses one instead of telling everything', async () => {
    const headers = { ...operator, accept: 'text/event-stream' };
    const answer = await api.send('GET', '/api/v1/events?what=ready&kind=app', { headers });
    expect(answer.status).toBe(400);
    const { errors } = await problemOf(answer);
    expect(errors?.map((error) => error.path)).toEqual(['kind', 'what']);
  });
});
