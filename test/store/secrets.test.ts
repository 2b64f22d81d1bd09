import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryOf } from '../../src/model/registry.ts';
import type { SecretKey } from '../../src/store/secret-ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { registration } from './registration.ts';
import { runSql } from './sql.ts';

describe.runIf(requirePart('postgres'))('the store of secrets', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
    await runSql(bed.url, "INSERT INTO spaces (name, title) VALUES ('ml101', 'ML')");
  });
  afterAll(() => bed.close());

  const keyOf = (name: string, more: Partial<SecretKey> = {}): SecretKey => ({
    space: 'default',
    kind: 'value',
    name,
    ...more,
  });
  const set = (key: SecretKey, text = 'x', actor = 'ada', limit = 100) =>
    bed.store.secrets.set({
      ...key,
      sealed: { keyId: 'k1', bytes: Buffer.from(text) },
      actor,
      limit,
    });

  it('counts versions, keeps the owner and names who changed it', async () => {
    expect(await set(keyOf('counted'))).toMatchObject({
      outcome: 'created',
      secret: { version: 1, owner: 'ada', changedBy: 'ada', usedBy: [] },
    });
    expect(await set(keyOf('counted'), 'y', 'grace')).toMatchObject({
      outcome: 'replaced',
      secret: { version: 2, owner: 'ada', changedBy: 'grace' },
    });
    const found = await bed.store.secrets.find(keyOf('counted'));
    expect(found?.sealed).toEqual({ keyId: 'k1', bytes: Buffer.from('y') });
    const events = await bed.store.events.list({ entity: 'space/default', limit: 2 });
    expect(events.map(({ what, why, actor }) => [what, why, actor])).toEqual([
      ['secret set', 'version 2 of counted', 'grace'],
      ['secret set', 'version 1 of counted', 'ada'],
    ]);
  });

  it('keeps spaces and kinds apart', async () => {
    await set(keyOf('same'), 'one');
    await set(keyOf('same', { space: 'ml101' }), 'two');
    await set(keyOf('same', { kind: 'registry' }), 'three');
    const texts = await Promise.all(
      [keyOf('same'), keyOf('same', { space: 'ml101' }), keyOf('same', { kind: 'registry' })].map(
        async (key) =>
          Buffer.from((await bed.store.secrets.find(key))?.sealed.bytes ?? []).toString(),
      ),
    );
    expect(texts).toEqual(['one', 'two', 'three']);
    const listed = await bed.store.secrets.list({ space: 'ml101', kind: 'value', limit: 10 });
    expect(listed.map(({ name, space }) => [space, name])).toEqual([['ml101', 'same']]);
  });

  it('lists page by page, by name', async () => {
    for (const name of ['page-c', 'page-a', 'page-b']) await set(keyOf(name, { space: 'ml101' }));
    const page = { space: 'ml101', kind: 'value', limit: 2 } as const;
    const first = await bed.store.secrets.list({ ...page, after: 'page' });
    expect(first.map(({ name }) => name)).toEqual(['page-a', 'page-b']);
    const second = await bed.store.secrets.list({ ...page, after: 'page-b' });
    expect(second[0]?.name).toBe('page-c');
  });

  it('refuses an unknown space, and more than the limit, also at once', async () => {
    await expect(set(keyOf('lost', { space: 'nowhere' }))).rejects.toMatchObject({
      type: 'invalid',
      message: expect.stringContaining('no space named nowhere') as string,
    });
    await runSql(bed.url, "INSERT INTO spaces (name, title) VALUES ('small', 'Small')");
    const names = ['one', 'two', 'three', 'four', 'five', 'six'];
    const outcomes = await Promise.allSettled(
      names.map((name) => set(keyOf(name, { space: 'small' }), 'x', 'ada', 3)),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({
      reason: {
        type: 'quota_exceeded',
        message: expect.stringContaining('LABKEEPER_MAX_SECRETS') as string,
      },
    });
    const [kept] = await bed.store.secrets.list({ space: 'small', kind: 'value', limit: 1 });
    // What is kept can be changed at the limit.
    await set(keyOf(kept?.name ?? '', { space: 'small' }), 'z', 'ada', 3);
  });

  it('keeps its space from being removed', async () => {
    await runSql(bed.url, "INSERT INTO spaces (name, title) VALUES ('held', 'Held')");
    await set(keyOf('holding', { space: 'held' }));
    const remove = () => bed.store.spaces.remove('held', { actor: 'ada' });
    await expect(remove()).rejects.toThrow('cannot remove space/held: 1 secrets are in it');
    await bed.store.secrets.remove(keyOf('holding', { space: 'held' }), 'ada');
    await remove();
  });

  it('names the apps that use it, and is not removed under them', async () => {
    await set(keyOf('used'));
    await set(keyOf('used', { space: 'ml101' }));
    const spec = { command: ['serve'], secrets: { TOKEN: 'used', AGAIN: 'used' } };
    await bed.store.apps.register(registration('user-b', { spec }));
    await bed.store.apps.register(registration('user-a', { spec }));
    const found = await bed.store.secrets.find(keyOf('used'));
    expect(found?.secret.usedBy).toEqual(['user-a', 'user-b']);
    await expect(bed.store.secrets.remove(keyOf('used'), 'ada')).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('app/user-a, app/user-b use it') as string,
    });
    const elsewhere = keyOf('used', { space: 'ml101' });
    expect(await bed.store.secrets.remove(elsewhere, 'ada')).toMatchObject({ usedBy: [] });
    await expect(bed.store.secrets.remove(elsewhere, 'ada')).rejects.toMatchObject({
      type: 'not_found',
    });
  });

  it.each([
    ['box', 'docker.io'],
    ['lab/box:v1', 'docker.io'],
    ['docker.io/lab/box', 'docker.io'],
    ['index.docker.io/lab/box', 'docker.io'],
    ['localhost/box', 'localhost'],
    ['127.0.0.1:5000/lab/box:v1', '127.0.0.1:5000'],
    [`registry.example/lab/box@sha256:${'a'.repeat(64)}`, 'registry.example'],
  ])('takes %s for an image of %s, as the program does', async (image, host) => {
    expect(registryOf(image)).toBe(host);
    const [row] = await runSql(bed.url, `SELECT image_registry('${image}') AS host`);
    expect(row?.['host']).toBe(host);
  });

  it('names the apps whose image is in a registry', async () => {
    const key = keyOf('registry.example:5000', { kind: 'registry' });
    await set(key);
    const spec = { image: 'registry.example:5000/lab/box:v1', port: 80 };
    await bed.store.apps.register(registration('boxed', { spec }));
    await expect(bed.store.secrets.remove(key, 'ada')).rejects.toThrow(
      'cannot remove the credentials of registry registry.example:5000: app/boxed uses it',
    );
  });

  it('tells which version an instance was started with, until the instance is gone', async () => {
    await set(keyOf('noted'));
    const spec = { command: ['serve'], secrets: { A: 'noted', B: 'of-the-host', C: 'nowhere' } };
    await bed.store.apps.register(registration('noter', { spec }));
    await bed.store.secrets.noteUse('app-noter-1', [
      { name: 'noted', version: 1, source: 'store' },
    ]);
    const before = await bed.store.secrets.ofApp('noter', 'app-noter-1');
    expect(before.every(({ running }) => running === null)).toBe(true);
    const app = await bed.store.apps.beginLife('noter');
    await bed.store.apps.advance(
      'noter',
      { life: app?.mark.life ?? 0, revision: 1 },
      { intent: { instance: 'app-noter-1', generation: 1, host: 'local', wanted: 'present' } },
    );
    await bed.store.secrets.noteUse('app-noter-1', [
      { name: 'noted', version: 1, source: 'store' },
      { name: 'of-the-host', version: null, source: 'file' },
    ]);
    await set(keyOf('noted'), 'newer');
    expect(await bed.store.secrets.ofApp('noter', 'app-noter-1')).toEqual([
      {
        variable: 'A',
        name: 'noted',
        version: 2,
        running: { name: 'noted', version: 1, source: 'store' },
      },
      {
        variable: 'B',
        name: 'of-the-host',
        version: null,
        running: { name: 'of-the-host', version: null, source: 'file' },
      },
      { variable: 'C', name: 'nowhere', version: null, running: null },
    ]);
    await bed.store.instances.settle('app-noter-1');
    const after = await bed.store.secrets.ofApp('noter', 'app-noter-1');
    expect(after.every(({ running }) => running === null)).toBe(true);
  });

  it('gives what other keys have sealed, and seals anew only what did not change', async () => {
    const key = keyOf('resealed', { space: 'ml101' });
    await set(key, 'old');
    const mine = async () =>
      (await bed.store.secrets.sealedOtherwise('k2', 500)).find(({ name }) => name === 'resealed');
    expect(await mine()).toMatchObject({ ...key, version: 1, sealed: { keyId: 'k1' } });
    const anew = { keyId: 'k2', bytes: Buffer.from('new') };
    await set(key, 'meanwhile');
    expect(await bed.store.secrets.reseal(key, 1, anew)).toBe(false);
    expect(await bed.store.secrets.reseal(key, 2, anew)).toBe(true);
    expect(await mine()).toBeUndefined();
    expect((await bed.store.secrets.find(key))?.secret.version).toBe(2);
  });
});
