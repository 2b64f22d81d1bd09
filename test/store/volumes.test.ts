import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { volumeEntity } from '../../src/model/names.ts';
import type { Store } from '../../src/store/ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, registration } from './registration.ts';
import { runSql } from './sql.ts';

describe.runIf(requirePart('postgres'))('volumes', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  let store: Store;
  beforeAll(async () => {
    bed = await openTestStore({ maxVolumes: 500, volumeMaxBytes: 1000 });
    ({ store } = bed);
    await runSql(bed.url, "INSERT INTO spaces (name, title) VALUES ('physics', 'Physics')");
  });
  afterAll(() => bed.close());

  const mounts = (...names: string[]) => ({
    spec: { command: ['true'], volumes: names.map((volume) => ({ volume })) },
  });
  const register = (app: string, ...names: string[]) =>
    store.apps.register(registration(app, mounts(...names)));
  const remove = (name: string, operationId: string = randomUUID()) =>
    store.volumes.remove({ name, actor: 'ben', why: 'no longer needed', operationId });
  const put = (name: string, maxBytes: number | null = null) =>
    store.volumes.put({ name, title: null, maxBytes, actor: 'ben' });
  const timeline = async (name: string) =>
    (await store.events.list({ entity: volumeEntity(name), limit: 50 }))
      .map(({ what }) => what)
      .reverse();
  const hold = (name: string, sizeBytes: number, hindrance: string | null = null) =>
    store.volumes.measured(name, 'lab-1', {
      measure: { sizeBytes, fileCount: 2, whole: true },
      hindrance,
      nextInMs: 60_000,
    });

  /** A volume that lives on lab-1. */
  const settled = async (name: string, maxBytes: number | null = null) => {
    await put(name, maxBytes);
    expect(await store.volumes.settle([name], 'lab-1', 'plot')).toBe(true);
  };

  describe('that a registration names', () => {
    it('are made with the app, in its space, with the limit of new ones and an event', async () => {
      await register('notes', 'notes-data', 'notes-cache');
      expect(await store.volumes.find('notes-data')).toMatchObject({
        space: 'default',
        owner: 'ana',
        host: null,
        maxBytes: 1000,
        measured: null,
        deletedAt: null,
        apps: ['notes'],
      });
      const [event] = await store.events.list({ entity: 'volume/notes-cache', limit: 5 });
      expect(event).toMatchObject({ what: 'created', actor: 'ana', why: 'app/notes names it' });
    });

    it('stay as they are when another app names them, and when the app goes', async () => {
      await put('shared', 5000);
      await register('reads', 'shared');
      await register('writes', 'shared');
      expect(await store.volumes.find('shared')).toMatchObject({
        owner: 'ben',
        maxBytes: 5000,
        apps: ['reads', 'writes'],
      });
      await command(store, 'reads', 'remove');
      const app = await store.apps.beginLife('reads');
      await store.apps.remove('reads', { life: app?.mark.life ?? 0, revision: 1 }, {});
      expect((await store.volumes.find('shared'))?.apps).toEqual(['writes']);
    });

    it('are made once when many apps begin to use them at once', async () => {
      const names = Array.from({ length: 12 }, (_, at) => `crowd-${at}`);
      await Promise.all(
        names.map((name, at) =>
          at % 2 === 0 ? register(name, 'busy-a', 'busy-b') : register(name, 'busy-b', 'busy-a'),
        ),
      );
      expect((await store.volumes.find('busy-a'))?.apps).toHaveLength(12);
      expect(await timeline('busy-b')).toEqual(['created']);
    });

    it('leave nothing behind when the registration is refused', async () => {
      await put('foreign');
      await runSql(bed.url, "UPDATE volumes SET space = 'physics' WHERE name = 'foreign'");
      await expect(register('thief', 'left-behind', 'foreign')).rejects.toMatchObject({
        type: 'conflict',
        message: expect.stringContaining('volume/foreign belongs to another space'),
      });
      expect(await store.apps.find('thief')).toBeNull();
      expect(await store.volumes.find('left-behind')).toBeNull();
    });

    it('are refused while they are being removed', async () => {
      await settled('going');
      await remove('going');
      await expect(register('late', 'going')).rejects.toMatchObject({
        type: 'conflict',
        message: expect.stringContaining('volume/going is being removed'),
      });
    });

    it('are bounded in number', async () => {
      const small = await openTestStore({ maxVolumes: 2 });
      try {
        const input = registration('greedy', mounts('one', 'two', 'three'));
        await expect(small.store.apps.register(input)).rejects.toMatchObject({
          type: 'quota_exceeded',
          message: expect.stringContaining('LABKEEPER_MAX_VOLUMES'),
        });
        await small.store.apps.register(registration('modest', mounts('one', 'two')));
        const more = Array.from({ length: 4 }, (_, at) =>
          small.store.volumes.put({ name: `more-${at}`, title: null, maxBytes: null, actor: 'x' }),
        );
        const outcomes = await Promise.allSettled(more);
        expect(outcomes.map(({ status }) => status)).toEqual(Array(4).fill('rejected'));
      } finally {
        await small.close();
      }
    });
  });

  describe('that are put', () => {
    it('are created once, then changed, and an equal wish changes nothing', async () => {
      const many = await Promise.all(Array.from({ length: 6 }, () => put('wished', 4096)));
      expect(many.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
      expect(many.filter(({ outcome }) => outcome === 'unchanged')).toHaveLength(5);
      expect(await put('wished', 8192)).toMatchObject({
        outcome: 'changed',
        volume: { maxBytes: 8192 },
      });
      expect(await put('wished')).toMatchObject({ outcome: 'changed', volume: { maxBytes: 1000 } });
      const events = await store.events.list({ entity: 'volume/wished', limit: 5 });
      expect(events[0]).toMatchObject({ what: 'changed', why: 'limit 8.0 KiB → 1000 B' });
    });

    it('move to another space only when no app of the old one uses them', async () => {
      await register('uses', 'used-here');
      const move = (name: string, space: string) =>
        store.volumes.put({ name, space, title: null, maxBytes: null, actor: 'ben' });
      await expect(move('used-here', 'physics')).rejects.toMatchObject({
        type: 'conflict',
        message: expect.stringContaining('app/uses'),
      });
      await expect(move('used-here', 'nowhere')).rejects.toMatchObject({ type: 'invalid' });
      await put('free');
      expect((await move('free', 'physics')).volume.space).toBe('physics');
    });

    it('are listed by name, page by page, and by space', async () => {
      await put('zz-1');
      await put('zz-2');
      await store.volumes.put({
        ...{ name: 'zz-3', space: 'physics', title: 'Third', maxBytes: null, actor: 'ben' },
      });
      const list = async (page: Parameters<typeof store.volumes.list>[0]) =>
        (await store.volumes.list(page)).map(({ name }) => name);
      expect(await list({ after: 'zz', limit: 2 })).toEqual(['zz-1', 'zz-2']);
      expect(await list({ after: 'zz-2', limit: 2 })).toEqual(['zz-3']);
      expect(await list({ after: 'zz', spaces: ['physics'], limit: 5 })).toEqual(['zz-3']);
      expect(await list({ after: 'zz', spaces: [], limit: 5 })).toEqual([]);
    });
  });

  describe('are settled on a host', () => {
    it('by one of two first users, all of them or none', async () => {
      for (let round = 0; round < 10; round += 1) {
        const names = [`first-${round}`, `second-${round}`];
        for (const name of names) await put(name);
        const [one, two] = await Promise.all([
          store.volumes.settle(names, 'lab-1', 'plot'),
          store.volumes.settle(names.toReversed(), 'lab-2', 'notes'),
        ]);
        expect([one, two].filter(Boolean)).toHaveLength(1);
        const hosts = (await store.volumes.findAll(names)).map(({ host }) => host);
        expect(hosts).toEqual(Array(2).fill(one ? 'lab-1' : 'lab-2'));
      }
    });

    it('once: the same again is fine, another host is not, nor one that is not there', async () => {
      await settled('at-home');
      expect(await store.volumes.settle(['at-home'], 'lab-1', 'plot')).toBe(true);
      expect(await store.volumes.settle(['at-home'], 'lab-2', 'plot')).toBe(false);
      await put('homeless');
      expect(await store.volumes.settle(['homeless', 'nowhere'], 'lab-1', 'plot')).toBe(false);
      expect((await store.volumes.find('homeless'))?.host).toBeNull();
      expect(await timeline('at-home')).toEqual(['created', 'placed']);
    });
  });

  describe('are measured', () => {
    it('with a word when nearly full, when full, and when there is room again', async () => {
      await settled('grows', 10_000);
      for (const bytes of [100, 8999, 9000, 9500, 10_000, 12_000, 50]) await hold('grows', bytes);
      expect(await timeline('grows')).toEqual([
        ...['created', 'placed', 'nearly full', 'full', 'has room again'],
      ]);
      const events = await store.events.list({ entity: 'volume/grows', limit: 2 });
      expect(events[1]).toMatchObject({
        actor: 'agent of lab-1',
        data: { sizeBytes: 10_000, maxBytes: 10_000 },
      });
    });

    it('against the limit of now: raising it gives room', async () => {
      await settled('raised', 10_000);
      await hold('raised', 10_000);
      await put('raised', 100_000);
      expect(await timeline('raised')).toEqual([
        ...['created', 'placed', 'full', 'changed', 'has room again'],
      ]);
    });

    it('when they are due, or when somebody asks, on their own host', async () => {
      await settled('asked-for');
      const due = async (host = 'lab-1') =>
        (await store.volumes.due(host, 500)).find(({ name }) => name === 'asked-for');
      expect(await due()).toEqual({ name: 'asked-for', removes: false, known: false });
      expect(await due('lab-2')).toBeUndefined();
      await hold('asked-for', 10);
      expect(await due()).toBeUndefined();
      await store.volumes.askMeasure(['asked-for']);
      expect(await due()).toMatchObject({ known: true });
    });

    it('and keep what was known when a walk is hindered, saying so once', async () => {
      await settled('hindered');
      await hold('hindered', 77);
      for (let tries = 0; tries < 2; tries += 1) {
        await store.volumes.measured('hindered', 'lab-1', {
          ...{ measure: null, hindrance: 'its folder is not there', nextInMs: 1000 },
        });
      }
      expect(await store.volumes.find('hindered')).toMatchObject({
        measured: { sizeBytes: 77 },
        hindrance: 'its folder is not there',
      });
      expect(await timeline('hindered')).toEqual(['created', 'placed', 'not measured in full']);
      await hold('hindered', 78);
      expect((await store.volumes.find('hindered'))?.hindrance).toBeNull();
    });

    it('by nobody but the agent of their host', async () => {
      await settled('mine');
      await store.volumes.measured('mine', 'lab-2', {
        measure: { sizeBytes: 1, fileCount: 1, whole: true },
        ...{ hindrance: null, nextInMs: 1000 },
      });
      expect((await store.volumes.find('mine'))?.measured).toBeNull();
    });
  });

  describe('are removed', () => {
    it('never while an app names them, and the refusal says which', async () => {
      await register('keeps', 'kept');
      await register('keeps-too', 'kept');
      await expect(remove('kept')).rejects.toMatchObject({
        type: 'conflict',
        message: expect.stringMatching(/app\/keeps, app\/keeps-too name it/),
      });
      await store.apps.register(registration('keeps', mounts()));
      await store.apps.register(registration('keeps-too', mounts('other')));
      expect(await remove('kept')).toMatchObject({ state: 'succeeded' });
    });

    it('at once when they were never used', async () => {
      await put('never-used');
      expect(await remove('never-used')).toMatchObject({
        entity: 'volume/never-used',
        state: 'succeeded',
      });
      expect(await store.volumes.find('never-used')).toBeNull();
      expect(await timeline('never-used')).toEqual(['created', 'remove asked for', 'removed']);
    });

    it('when their host has removed the folder, and the name is free then', async () => {
      await settled('used-once');
      const operation = await remove('used-once');
      expect(operation.state).toBe('accepted');
      expect(await remove('used-once')).toEqual(operation);
      expect(await remove('used-once', operation.id)).toEqual(operation);
      await expect(put('used-once')).rejects.toMatchObject({ type: 'conflict' });
      expect(await store.volumes.settle(['used-once'], 'lab-1', 'plot')).toBe(false);
      await hold('used-once', 5000);
      const due = await store.volumes.due('lab-1', 500);
      expect(due.find(({ name }) => name === 'used-once')?.removes).toBe(true);

      await store.volumes.removed('used-once', 'lab-2');
      expect(await store.volumes.find('used-once')).not.toBeNull();
      await store.volumes.removed('used-once', 'lab-1');
      await store.volumes.removed('used-once', 'lab-1');
      expect(await store.operations.find(operation.id)).toMatchObject({ state: 'succeeded' });
      expect(await remove('used-once', operation.id)).toMatchObject({ state: 'succeeded' });
      expect(await put('used-once')).toMatchObject({ outcome: 'created', volume: { host: null } });
    });

    it('with a word why not, once, when the folder does not go', async () => {
      await settled('stuck');
      await remove('stuck');
      await store.volumes.removalHindered('stuck', 'lab-1', 'permission denied', 60_000);
      await store.volumes.removalHindered('stuck', 'lab-1', 'permission denied', 60_000);
      expect(await timeline('stuck')).toEqual([
        ...['created', 'placed', 'remove asked for', 'not removed'],
      ]);
      expect((await store.volumes.find('stuck'))?.hindrance).toBe('permission denied');
    });

    it('against a registration at the same moment: one of them is refused, and nothing hangs', async () => {
      for (let round = 0; round < 15; round += 1) {
        const name = `contested-${round}`;
        await settled(name);
        const [removal, app] = await Promise.allSettled([
          remove(name),
          register(`contender-${round}`, name),
        ]);
        expect([removal.status, app.status].filter((one) => one === 'fulfilled')).toHaveLength(1);
        const volume = await store.volumes.find(name);
        expect(volume?.deletedAt === null).toBe(app.status === 'fulfilled');
      }
    });

    it('under an id of their own, and only when they are there', async () => {
      await expect(remove('no-such')).rejects.toMatchObject({ type: 'not_found' });
      await put('one-id');
      await put('other-id');
      const { id } = await remove('one-id');
      await expect(remove('other-id', id)).rejects.toMatchObject({ type: 'conflict' });
    });
  });
});
