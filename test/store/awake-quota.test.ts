import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppChange, Store } from '../../src/store/ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, readyChange, registration } from './registration.ts';

const by = { actor: 'root' };
const asleep: AppChange = { condition: { wanted: 'asleep', phase: 'none' }, route: null };

describe.runIf(requirePart('postgres'))('the quota of apps awake at once', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  let store: Store;
  beforeAll(async () => {
    bed = await openTestStore();
    ({ store } = bed);
  });
  afterAll(() => bed.close());

  let spaces = 0;
  /** A space of its own with that quota, and apps `NAME-1` to `NAME-count` asleep in it. */
  async function space(maxAwakeApps: number, count: number) {
    spaces += 1;
    const name = `quota-${spaces}`;
    await store.spaces.put(name, { maxAwakeApps }, by);
    const apps: string[] = [];
    for (let index = 1; index <= count; index += 1) {
      apps.push(`${name}-${index}`);
      await store.apps.register(registration(`${name}-${index}`, { space: name }));
      await store.apps.beginLife(`${name}-${index}`);
    }
    const revisions = new Map<string, number>();
    return {
      name,
      apps,
      /** What the app's workflow writes; an operation of it may be over with that. */
      async write(app: string, change: AppChange) {
        const revision = (revisions.get(app) ?? 0) + 1;
        revisions.set(app, revision);
        expect(await store.apps.advance(app, { life: 1, revision }, change)).toBe(true);
      },
      /** Woken and ready, as by its workflow. */
      async awake(app: string, sleepsInMs: number | null = null) {
        const { id } = await command(store, app, 'wake');
        const finish = [{ id, state: 'succeeded' as const, detail: 'ready' }];
        const ready = readyChange(app, 1);
        await this.write(app, { ...ready, finish });
        await store.apps.setSleepsIn(app, 1, sleepsInMs);
      },
    };
  }
  const full = expect.objectContaining({ name: 'LabError', type: 'quota_exceeded' }) as Error;
  const count = async (name: string) => (await store.spaces.find(name))?.awakeApps;

  it('lets exactly as many of many wakes at once through as there are places', async () => {
    for (const places of [1, 2]) {
      const { name, apps } = await space(places, 8);
      const wakes = await Promise.allSettled(apps.map((app) => command(store, app, 'wake')));
      expect(wakes.filter(({ status }) => status === 'fulfilled')).toHaveLength(places);
      for (const wake of wakes) if (wake.status === 'rejected') expect(wake.reason).toEqual(full);
      expect(await count(name)).toBe(places);
    }
  });

  it('says whose quota is full, what sleeps next, and what to do', async () => {
    const quota = await space(2, 3);
    const [late = '', soon = '', third = ''] = quota.apps;
    await quota.awake(late, 7_200_000);
    await quota.awake(soon, 3_600_000);
    const next = (await store.apps.find(soon))?.condition.sleepsAt ?? '';
    await expect(command(store, third, 'wake')).rejects.toMatchObject({
      message: `cannot wake app/${third}: the space ${quota.name} has 2 apps awake, all it may have; ${soon} falls asleep at ${next.slice(11, 16)} UTC if nobody uses it. Wait, stop one of its apps, or ask an operator to raise its quota (maxAwakeApps)`,
      details: { fullSpace: { maxAwakeApps: 2, next: { app: soon, sleepsAt: next } } },
    });
  });

  it('never refuses what has a place already: a second wake, a restart, a crash, a new life', async () => {
    const quota = await space(1, 2);
    const [app = '', other = ''] = quota.apps;
    const wake = await command(store, app, 'wake');
    expect((await command(store, app, 'wake')).id).toBe(wake.id);
    const ready = readyChange(app, 1);
    const finish = [{ id: wake.id, state: 'succeeded' as const, detail: 'ready' }];
    await quota.write(app, { ...ready, finish });
    await command(store, app, 'restart');
    await quota.write(app, { condition: { phase: 'restarting' }, route: null });
    await command(store, app, 'wake');
    await expect(command(store, other, 'wake')).rejects.toEqual(full);
    const { condition } = (await store.apps.beginLife(app)) ?? {};
    expect(condition?.wanted).toBe('awake');
  });

  it('refuses a restart of what sleeps, since that wakes it', async () => {
    const quota = await space(1, 2);
    const [app = '', other = ''] = quota.apps;
    await quota.awake(app);
    await expect(command(store, other, 'restart')).rejects.toEqual(full);
  });

  it('answers a repeated wake with its operation, whatever became of the quota', async () => {
    const quota = await space(1, 2);
    const [app = '', other = ''] = quota.apps;
    const { id } = await command(store, app, 'wake', 'op-repeated');
    await quota.write(app, { ...asleep, finish: [{ id, state: 'failed', detail: 'stopped' }] });
    await quota.awake(other);
    expect(await command(store, app, 'wake', 'op-repeated')).toMatchObject({ state: 'failed' });
    await expect(command(store, app, 'wake')).rejects.toEqual(full);
  });

  it.each<[string, AppChange]>([
    ['sleeps', asleep],
    ['fails', { condition: { wanted: 'awake', phase: 'failed' }, route: null }],
  ])('frees the place of an app that %s', async (_how, end) => {
    const quota = await space(1, 2);
    const [app = '', other = ''] = quota.apps;
    await quota.awake(app);
    await quota.write(app, { condition: { wanted: 'asleep', phase: 'draining' }, route: null });
    await expect(command(store, other, 'wake')).rejects.toEqual(full);
    await quota.write(app, end);
    expect(await count(quota.name)).toBe(0);
    await command(store, other, 'wake');
    await expect(command(store, app, 'wake')).rejects.toEqual(full);
  });

  it('frees the place of an app that is removed', async () => {
    const quota = await space(1, 2);
    const [app = '', other = ''] = quota.apps;
    await quota.awake(app);
    await command(store, app, 'remove');
    await quota.write(app, { condition: { wanted: 'gone', phase: 'draining' }, route: null });
    expect(await count(quota.name)).toBe(1);
    expect(await store.apps.remove(app, { life: 1, revision: 3 }, {})).toBe(true);
    await command(store, other, 'wake');
  });

  it('stops nothing when it is lowered, and wakes nothing more', async () => {
    const quota = await space(2, 3);
    const [app = '', other = '', third = ''] = quota.apps;
    await quota.awake(app);
    await quota.awake(other);
    await store.spaces.put(quota.name, { maxAwakeApps: 1 }, by);
    expect(await count(quota.name)).toBe(2);
    await quota.write(app, asleep);
    await expect(command(store, third, 'wake')).rejects.toEqual(full);
    await store.spaces.put(quota.name, { maxAwakeApps: null }, by);
    await command(store, third, 'wake');
  });

  it('holds for what wakes with its registration, and for what moves in awake', async () => {
    const quota = await space(1, 1);
    const [app = ''] = quota.apps;
    await quota.awake(app);
    const always = { command: ['serve'], alwaysOn: true };
    const late = registration(`${app}-late`, { space: quota.name, spec: always });
    await expect(store.apps.register(late)).rejects.toEqual(full);
    expect(await store.apps.find(late.name)).toBeNull();
    const from = await space(1, 2);
    const [mover = '', sleeper = ''] = from.apps;
    await from.awake(mover);
    const moved = (name: string) => store.apps.register(registration(name, { space: quota.name }));
    await expect(moved(mover)).rejects.toEqual(full);
    expect((await moved(sleeper)).outcome).toBe('replaced');
    await quota.write(app, asleep);
    expect((await moved(mover)).outcome).toBe('replaced');
    await command(store, sleeper, 'sleep');
    await expect(command(store, sleeper, 'wake')).rejects.toEqual(full);
  });

  it('lets a space without a quota wake what it likes', async () => {
    await store.spaces.put('boundless', {}, by);
    for (const name of ['boundless-1', 'boundless-2']) {
      await store.apps.register(registration(name, { space: 'boundless' }));
      await command(store, name, 'wake');
    }
    expect(await count('boundless')).toBe(2);
  });
});
