import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { openApi, problemOf, spec, type ApiBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('a manifest', () => {
  let api: ApiBed;
  beforeAll(async () => {
    api = await openApi({ maxApps: 5 });
  });
  afterAll(() => api.close());

  const apply = (body: unknown) => api.send('POST', '/api/v1/manifests', { body });
  const named = (...names: string[]) => names.map((name) => ({ name, ...spec }));
  const outcomes = async (answer: Response) =>
    ((await answer.json()) as { items: { name: string; outcome: string }[] }).items.map(
      ({ name, outcome }) => [name, outcome],
    );

  it('is applied in the order it is written, and again changes nothing', async () => {
    const first = await apply({ apps: named('two', 'one'), expected: { one: 0, two: 0 } });
    expect(first.status).toBe(200);
    expect(await outcomes(first)).toEqual([
      ['two', 'created'],
      ['one', 'created'],
    ]);
    const again = await outcomes(await apply({ apps: named('one', 'two') }));
    expect(again).toEqual([
      ['one', 'unchanged'],
      ['two', 'unchanged'],
    ]);
  });

  it('changes nothing at all when one app of it is refused', async () => {
    const title = 'Changed';
    for (const [apps, status] of [
      [[{ name: 'one', title, ...spec }, ...named('a', 'b', 'c', 'd')], 429],
      [
        [
          { name: 'one', title, ...spec },
          { name: 'lost', space: 'nowhere', ...spec },
        ],
        400,
      ],
    ] as const) {
      const refused = await apply({ apps });
      expect(refused.status).toBe(status);
      expect(await api.store.apps.find('a')).toBeNull();
      expect((await api.store.apps.find('one'))?.spec.title).toBeUndefined();
    }
  });

  it('is refused whole when an app is another by now than it was made from', async () => {
    const refused = await apply({
      apps: [
        { name: 'fresh', ...spec },
        { name: 'two', title: 'Late', ...spec },
      ],
      expected: { fresh: 0, two: 7 },
    });
    expect(await problemOf(refused)).toMatchObject({
      status: 409,
      detail: expect.stringContaining('app/two') as string,
    });
    expect(await api.store.apps.find('fresh')).toBeNull();
  });

  it('names each app once', async () => {
    const answer = await apply({ apps: named('twice', 'twice') });
    expect(await problemOf(answer)).toMatchObject({ status: 400, errors: [{ path: 'apps' }] });
  });
});
