import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppPlanJson } from '../../src/model/api.ts';
import { requirePart } from '../beds/require.ts';
import { problemOf, spec } from './bed.ts';
import { openPeople, type PeopleBed } from './people-bed.ts';

describe.runIf(requirePart('postgres'))('the dry run of a registration', () => {
  let bed: PeopleBed;
  let operator: Record<string, string>;
  beforeAll(async () => {
    bed = await openPeople();
    operator = await bed.person('root', {}, { operator: true });
  });
  afterAll(() => bed.close());

  const plan = (name: string, body: unknown, headers = operator) =>
    bed.send('POST', `/api/v1/apps/${name}/plan`, { body, headers });

  it('says what would be, and leaves all as it is', async () => {
    const fresh = (await (await plan('fresh', spec)).json()) as AppPlanJson;
    expect(fresh).toMatchObject({ outcome: 'created', effect: 'created', specRevision: 0 });
    expect(await bed.store.apps.find('fresh')).toBeNull();

    await bed.send('PUT', '/api/v1/apps/kept', { body: spec, headers: operator });
    const changed = (await (await plan('kept', { ...spec, title: 'New' })).json()) as AppPlanJson;
    expect(changed).toMatchObject({
      outcome: 'replaced',
      effect: 'at once',
      specRevision: 1,
      changes: [{ path: 'title', before: null, after: 'New' }],
    });
    expect((await bed.store.apps.find('kept'))?.specRevision).toBe(1);
    const same = (await (await plan('kept', spec)).json()) as AppPlanJson;
    expect(same).toMatchObject({ outcome: 'unchanged', effect: 'nothing' });
  });

  it('warns of secrets that are not set, by name only', async () => {
    const secrets = { TOKEN: 'absent', OTHER: 'absent', KEPT: 'present' };
    await bed.send('PUT', '/api/v1/secrets/present', { body: { value: 'x' }, headers: operator });
    const { warnings } = (await (
      await plan('secretive', { ...spec, secrets })
    ).json()) as AppPlanJson;
    expect(warnings).toEqual([
      'the secret absent is not set in the space default: unless its host has it, the app cannot start',
    ]);
  });

  it('refuses mistakes with the path of each field', async () => {
    const problem = await problemOf(await plan('wrong', { image: 'UPPER', limits: { cpus: 0 } }));
    expect(problem.status).toBe(400);
    expect(problem.errors?.map(({ path }) => path)).toEqual(['image', 'limits.cpus', 'port']);
    const lost = await problemOf(await plan('wrong', { ...spec, space: 'nowhere' }));
    expect(lost).toMatchObject({
      status: 400,
      errors: [{ path: 'space', message: 'there is no space named nowhere' }],
    });
  });

  it('refuses whom the registration would refuse', async () => {
    const ida = await bed.person('ida', { ml101: 'instructor' });
    const eve = await bed.person('eve', { ml101: 'user' });
    await bed.send('PUT', '/api/v1/apps/hers', { body: { ...spec, space: 'ml101' }, headers: ida });
    const wish = { ...spec, space: 'ml101' };
    expect((await plan('hers', wish, ida)).status).toBe(200);
    expect((await plan('hers', wish, eve)).status).toBe(403);
    expect((await plan('kept', wish, ida)).status).toBe(409);
    expect((await plan('new', spec, ida)).status).toBe(403);
  });
});
