import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppSecretJson, RegistryJson, SecretJson } from '../../src/model/secret-api.ts';
import { addKey } from '../../src/store/key-file/key-file.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { openApi, problemOf, type ApiBed } from './bed.ts';

/** Stands in no answer, row or log line. */
const canary = 'canary-3b1d/+&"';

describe.runIf(requirePart('postgres'))('secrets over the API', () => {
  let api: ApiBed;
  beforeAll(async () => {
    api = await openApi({ settings: { maxSecretBytes: 100, maxSecrets: 50 } });
    await runSql(api.databaseUrl, "INSERT INTO spaces (name, title) VALUES ('ml101', 'ML')");
  });
  afterAll(() => api.close());

  const put = (name: string, value: unknown, space?: string) =>
    api.send('PUT', `/api/v1/secrets/${name}${space === undefined ? '' : `?space=${space}`}`, {
      body: { value },
    });
  const bodyOf = async <Body>(answer: Response) => (await answer.json()) as Body;
  const listed = async (space = 'default') =>
    (await bodyOf<{ items: SecretJson[] }>(await api.send('GET', `/api/v1/secrets?space=${space}`)))
      .items;

  it('are set, listed with versions and users, and never shown', async () => {
    const created = await put('shown', canary);
    expect(created.status).toBe(201);
    expect(await bodyOf(created)).toMatchObject({ name: 'shown', space: 'default', version: 1 });
    await api.register('reader', { secrets: { TOKEN: 'shown' } });
    const replaced = await put('shown', `${canary}2`);
    expect(replaced.status).toBe(200);
    expect(await bodyOf(replaced)).toMatchObject({ version: 2, usedBy: ['reader'] });
    const text = JSON.stringify(await listed());
    expect(text).toContain('"usedBy":["reader"]');
    expect(text).not.toContain('canary');
    expect(JSON.stringify(api.logged)).not.toContain('canary');
    const [row] = await runSql(api.databaseUrl, "SELECT sealed FROM secrets WHERE name = 'shown'");
    expect((row?.['sealed'] as Buffer | undefined)?.includes('canary')).toBe(false);
  });

  it('stay the same version when the same value is set again', async () => {
    await put('again', canary);
    const repeated = await put('again', canary);
    expect(repeated.status).toBe(200);
    expect(await bodyOf(repeated)).toMatchObject({ version: 1 });
  });

  it('belong to a space: names of two never meet', async () => {
    await put('per-space', 'one');
    expect((await put('per-space', 'two', 'ml101')).status).toBe(201);
    expect((await listed('ml101')).map(({ name, space }) => [space, name])).toEqual([
      ['ml101', 'per-space'],
    ]);
    expect(await problemOf(await put('x', 'y', 'nowhere'))).toMatchObject({
      status: 400,
      detail: expect.stringContaining('no space named nowhere') as string,
    });
  });

  it('are bounded in size and number, and the limits say their setting', async () => {
    expect((await put('largest', 'ä'.repeat(50))).status).toBe(201);
    const refused = await problemOf(await put('larger', `${'ä'.repeat(50)}x`));
    expect(refused).toMatchObject({ status: 400, errors: [{ path: 'value' }] });
    expect(refused.detail).toContain('LABKEEPER_MAX_SECRET_BYTES');
    const small = await openApi({ settings: { maxSecrets: 1 } });
    try {
      const body = { value: 'x' };
      expect((await small.send('PUT', '/api/v1/secrets/one', { body })).status).toBe(201);
      const full = await problemOf(await small.send('PUT', '/api/v1/secrets/two', { body }));
      expect(full).toMatchObject({ status: 429 });
      expect(full.detail).toContain('LABKEEPER_MAX_SECRETS');
    } finally {
      await small.close();
    }
  });

  it.each([
    [{ value: '' }, 'value'],
    [{ value: `${canary}\0` }, 'value'],
    [{ value: { text: canary } }, 'value'],
    [{ value: canary, kind: 'registry' }, 'kind'],
    [{}, 'value'],
  ])('refuse the body %j with the field, never the value', async (body, path) => {
    const problem = await problemOf(await api.send('PUT', '/api/v1/secrets/bad', { body }));
    expect(problem).toMatchObject({ status: 400, errors: [{ path }] });
    expect(JSON.stringify(problem)).not.toContain('canary');
  });

  it('refuse what is no JSON without quoting it', async () => {
    const answer = await api.send('PUT', '/api/v1/secrets/bad', { body: `{"value": ${canary}` });
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain('canary');
    expect(JSON.stringify(api.logged)).not.toContain('canary');
  });

  it.each(['Upper', 'under_score', '..%2Fetc', 'a'.repeat(64)])(
    'refuse the name %s',
    async (name) => {
      expect((await put(name, 'x')).status).toBe(400);
    },
  );

  it('are removed once nobody uses them', async () => {
    await put('held', 'x');
    await api.register('holder', { secrets: { TOKEN: 'held' } });
    const refused = await problemOf(await api.send('DELETE', '/api/v1/secrets/held'));
    expect(refused).toMatchObject({ status: 409 });
    expect(refused.detail).toContain('app/holder uses it');
    await api.register('holder');
    expect((await api.send('DELETE', '/api/v1/secrets/held')).status).toBe(200);
    expect((await api.send('DELETE', '/api/v1/secrets/held')).status).toBe(404);
  });

  it('wake what could not start without them, and nothing else', async () => {
    for (const name of ['waiting', 'unwanted', 'running']) {
      await api.register(name, { secrets: { TOKEN: 'awaited' } });
      const app = await api.store.apps.beginLife(name);
      await api.store.apps.advance(
        name,
        { life: app?.mark.life ?? 0, revision: 1 },
        {
          condition: {
            wanted: name === 'unwanted' ? 'asleep' : 'awake',
            phase: name === 'running' ? 'ready' : 'failed',
          },
        },
      );
    }
    const before = api.delivered.length;
    await put('awaited', 'x');
    await api.deps.delivery.idle();
    expect(api.delivered.slice(before).map(({ entity, payload }) => [entity, payload])).toEqual([
      [
        'app/waiting',
        expect.objectContaining({
          command: 'wake',
          cause: { actor: 'local user', why: 'version 1 of awaited was set' },
        }),
      ],
    ]);
  });

  it('tell for an app what runs and what a start would use', async () => {
    await put('told', 'one');
    await api.register('teller', { secrets: { A: 'told', B: 'absent' } });
    const app = await api.store.apps.beginLife('teller');
    await api.store.apps.advance(
      'teller',
      { life: app?.mark.life ?? 0, revision: 1 },
      {
        condition: { phase: 'ready', generation: 1, host: 'local' },
        intent: { instance: 'app-teller-1', generation: 1, host: 'local', wanted: 'present' },
      },
    );
    await api.store.secrets.noteUse('app-teller-1', [
      { name: 'told', version: 1, source: 'store' },
    ]);
    await put('told', 'two');
    const { items } = await bodyOf<{ items: AppSecretJson[] }>(
      await api.send('GET', '/api/v1/apps/teller/secrets'),
    );
    expect(items).toEqual([
      {
        variable: 'A',
        name: 'told',
        version: 2,
        running: { version: 1, source: 'store' },
        outdated: true,
      },
      { variable: 'B', name: 'absent', version: null, running: null, outdated: false },
    ]);
  });

  it('keep credentials of registries by host, with the apps whose images are there', async () => {
    const path = '/api/v1/registries/registry.example:5000';
    const body = { username: 'lab', password: canary };
    const created = await api.send('PUT', path, { body });
    expect(created.status).toBe(201);
    await api.register('boxed', { image: 'registry.example:5000/lab/box', port: 80 });
    const answer = await api.send('GET', '/api/v1/registries');
    const { items } = await bodyOf<{ items: RegistryJson[] }>(answer);
    expect(items).toMatchObject([{ host: 'registry.example:5000', version: 1, usedBy: ['boxed'] }]);
    expect(JSON.stringify(items)).not.toMatch(/canary|"lab"/);
    expect((await api.send('DELETE', path)).status).toBe(409);
    expect((await listed()).some(({ name }) => name.includes('registry'))).toBe(false);
  });

  it.each([
    'Registry.Example',
    'example',
    'https:%2F%2Fghcr.io',
    'ghcr.io%2Flab',
    'index.docker.io',
  ])('refuse %s as a registry', async (host) => {
    const body = { username: 'lab', password: 'x' };
    expect((await api.send('PUT', `/api/v1/registries/${host}`, { body })).status).toBe(400);
  });

  it('are sealed anew after a rotation, with every version as it was', async () => {
    await put('rotated', 'x');
    const keyId = await addKey(api.keyFile);
    const answer = await api.send('POST', '/api/v1/secrets/reseal');
    const body = await bodyOf<{ keyId: string; resealed: number }>(answer);
    expect(body.keyId).toBe(keyId);
    expect(body.resealed).toBeGreaterThan(0);
    const rows = await runSql(api.databaseUrl, 'SELECT DISTINCT key_id FROM secrets');
    expect(rows).toEqual([{ key_id: keyId }]);
    expect(await bodyOf(await put('rotated', 'x'))).toMatchObject({ version: 1 });
    expect(await bodyOf(await api.send('POST', '/api/v1/secrets/reseal'))).toEqual({
      keyId,
      resealed: 0,
    });
  });

  it('cannot be set where no key is set up, and say how to', async () => {
    const bare = await openApi({ sealer: null });
    try {
      const body = { value: canary };
      const problem = await problemOf(await bare.send('PUT', '/api/v1/secrets/x', { body }));
      expect(problem).toMatchObject({ status: 409 });
      expect(problem.detail).toContain('LABKEEPER_ENCRYPTION_KEY_FILE');
    } finally {
      await bare.close();
    }
  });
});
