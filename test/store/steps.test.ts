import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '../../src/model/names.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, existing, readyChange, registration, startedApp } from './registration.ts';

describe.runIf(requirePart('postgres'))('steps of an app', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  it('counts lives from 1, and knows nothing of an app that is not there', async () => {
    const { store } = bed;
    await store.apps.register(registration('lives'));
    expect((await store.apps.beginLife('lives'))?.mark).toEqual({ life: 1, revision: 0 });
    expect((await store.apps.beginLife('lives'))?.mark).toEqual({ life: 2, revision: 0 });
    expect(await store.apps.beginLife('nobody')).toBeNull();
  });

  it('tells a new life, in order, the commands that no life has ended', async () => {
    const { store } = bed;
    await store.apps.register(registration('reborn', { operationId: 'reborn-registered' }));
    await command(store, 'reborn', 'wake', 'reborn-wake');
    await store.apps.beginLife('reborn');
    expect(await store.operations.unfinished('app/reborn')).toMatchObject([
      { operationId: 'reborn-registered', command: 'replace' },
      {
        operationId: 'reborn-wake',
        command: 'wake',
        cause: { actor: 'ben', why: 'a test asked' },
        needsNewInstance: false,
      },
    ]);
    const ended = { id: 'reborn-wake', state: 'succeeded', detail: 'ready' } as const;
    await store.apps.advance('reborn', { life: 1, revision: 1 }, { finish: [ended] });
    expect(await store.operations.unfinished('app/reborn')).toHaveLength(1);
  });

  it('keeps what a start found out until a definition makes it void', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const learned = { imageDigest: 'sha256:1', port: 8501, prefixMode: 'strip' } as const;
    await store.apps.advance(name, mark(), { ...readyChange(name, 1), learned });
    expect(await store.routes.find(name)).toMatchObject({ learned });
    const titled = { title: 'Titled' };
    await store.apps.register(registration(name, { spec: titled }));
    expect(await existing(store, name)).toMatchObject({ learned });
    await store.apps.register(registration(name, { spec: { ...titled, basePath: '/other' } }));
    expect(await existing(store, name)).toMatchObject({ learned: null });
  });

  it('lets a phase begin anew when the same trouble came once more', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const failed = { condition: { phase: 'failed', detail: 'no room' } } as const;
    await store.apps.advance(name, mark(), failed);
    const { since } = (await existing(store, name)).condition;
    await store.apps.advance(name, mark(), failed);
    expect((await existing(store, name)).condition.since).toBe(since);
    await store.apps.advance(name, mark(), { ...failed, beginsAnew: true });
    expect(Date.parse((await existing(store, name)).condition.since)).toBeGreaterThan(
      Date.parse(since),
    );
  });

  it('writes everything of a step at once', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const wake = await command(store, name, 'wake');
    const written = await store.apps.advance(name, mark(), {
      ...readyChange(name, 1),
      condition: {
        ...readyChange(name, 1).condition,
        ...{ actor: 'ben', why: 'visit', sleepsInMs: 60_000, restartInMs: null },
        exit: { exitCode: 1, signal: null, outOfMemory: false },
        lastLogLines: ['one', 'two'],
      },
      event: { actor: 'ben', what: 'ready', why: 'visit', data: { generation: 1 } },
      finish: [{ id: wake.id, state: 'succeeded', detail: 'ready as generation 1' }],
    });
    expect(written).toBe(true);
    const { condition } = await existing(store, name);
    expect(condition).toMatchObject({
      ...{ wanted: 'awake', phase: 'ready', generation: 1, host: 'local', restartAt: null },
      exit: { exitCode: 1, signal: null, outOfMemory: false },
      lastLogLines: ['one', 'two'],
    });
    const sleepsInMs = Date.parse(condition.sleepsAt ?? '') - Date.parse(condition.since);
    expect(sleepsInMs).toBe(60_000);
    expect(await store.routes.find(name)).toMatchObject({
      target: { generation: 1, address: '127.0.0.1', port: 9001, state: 'open' },
      closeId: null,
    });
    expect(await store.instances.find(instanceName(name, 1))).toMatchObject({ wanted: 'present' });
    expect(await store.operations.find(wake.id)).toMatchObject({
      state: 'succeeded',
      detail: 'ready as generation 1',
    });
    const [event] = await store.events.list({ entity: `app/${name}`, limit: 1 });
    expect(event).toMatchObject({ what: 'ready', data: { generation: 1 } });
  });

  it('writes nothing for an older mark and nothing twice for the same', async () => {
    const { store } = bed;
    const { name } = await startedApp(store);
    const event = { actor: 'ben', what: 'told', why: 'once' };
    const life = (await existing(store, name)).mark.life;
    const at = (revision: number, ofLife = life) => ({ life: ofLife, revision });
    const step = (why: string) => ({ condition: { why }, event, route: null });
    expect(await store.apps.advance(name, at(5), step('five'))).toBe(true);
    expect(await store.apps.advance(name, at(5), step('five again'))).toBe(true);
    expect(await store.apps.advance(name, at(4), step('four'))).toBe(false);
    expect(await store.apps.advance(name, at(9, life - 1), step('past life'))).toBe(false);
    expect((await existing(store, name)).condition.why).toBe('five');
    const told = await store.events.list({ entity: `app/${name}`, limit: 10 });
    expect(told.filter(({ what }) => what === 'told')).toHaveLength(1);
    await store.apps.beginLife(name);
    expect(await store.apps.advance(name, at(6), step('six'))).toBe(false);
    expect(await store.apps.advance(name, at(1, life + 1), step('next life'))).toBe(true);
    expect(await store.apps.advance('nobody', at(1), step('nothing'))).toBe(false);
  });

  it('lets the newest of many steps at once stand', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const marks = Array.from({ length: 30 }, mark);
    const shuffled = marks.toSorted((left, right) => (left.revision % 7) - (right.revision % 7));
    await Promise.all(
      shuffled.map((each) =>
        store.apps.advance(name, each, { condition: { why: `step ${each.revision}` } }),
      ),
    );
    const { condition, mark: stored } = await existing(store, name);
    expect(condition.why).toBe('step 30');
    expect(stored.revision).toBe(30);
  });

  it('moves `since` only when phase or wish change', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    await store.apps.advance(name, mark(), { condition: { phase: 'starting', wanted: 'awake' } });
    const { since } = (await existing(store, name)).condition;
    await store.apps.advance(name, mark(), { condition: { phase: 'starting', why: 'other' } });
    expect((await existing(store, name)).condition.since).toBe(since);
    await store.apps.advance(name, mark(), { condition: { wanted: 'asleep' } });
    expect((await existing(store, name)).condition.since > since).toBe(true);
  });

  it('wants every other instance absent once one is wanted present', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    await store.apps.advance(name, mark(), readyChange(name, 1));
    await store.apps.advance(name, mark(), readyChange(name, 2));
    expect(await store.instances.find(instanceName(name, 1))).toMatchObject({ wanted: 'absent' });
    expect(await store.instances.find(instanceName(name, 2))).toMatchObject({ wanted: 'present' });
    await store.instances.settle(instanceName(name, 1));
    await store.instances.settle(instanceName(name, 1));
    const left = await store.instances.listByHost('local');
    expect(left.filter(({ entity }) => entity === `app/${name}`)).toHaveLength(1);
  });

  it('leaves operations alone that are over already', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const wake = await command(store, name, 'wake');
    const finish = (state: 'succeeded' | 'failed') => [{ id: wake.id, state, detail: state }];
    await store.apps.advance(name, mark(), { finish: finish('succeeded') });
    await store.apps.advance(name, mark(), { finish: finish('failed') });
    expect(await store.operations.find(wake.id)).toMatchObject({ state: 'succeeded' });
  });

  it('never uses a generation again, also under a name that was removed', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    await store.apps.advance(name, mark(), readyChange(name, 7));
    await store.apps.advance(name, mark(), { condition: { phase: 'none' }, route: null });
    await command(store, name, 'remove');
    expect(await store.apps.remove(name, mark(), {})).toBe(true);
    await store.apps.register(registration(name));
    const reborn = await store.apps.beginLife(name);
    expect(reborn?.condition.generation).toBe(7);
    expect(reborn?.mark.life).toBe(2);
    expect(await store.instances.find(instanceName(name, 7))).toMatchObject({ wanted: 'absent' });
  });

  it('tells the finer word of a start only while that start goes on', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const detail = async () => (await existing(store, name)).condition.detail;
    await store.apps.advance(name, mark(), { condition: { phase: 'starting', generation: 3 } });
    await store.apps.setDetail(name, 3, 'waiting for health');
    expect(await detail()).toBe('waiting for health');
    await store.apps.setDetail(name, 2, 'late');
    expect(await detail()).toBe('waiting for health');
    await store.apps.advance(name, mark(), { condition: { phase: 'ready', detail: null } });
    await store.apps.setDetail(name, 3, 'late');
    expect(await detail()).toBeNull();
  });

  it('lists what needs a workflow', async () => {
    const own = await openTestStore();
    try {
      const { store } = own;
      const names = async () => (await store.apps.listLive({ limit: 50 })).map(({ name }) => name);
      const asleep = await startedApp(store);
      expect(await names()).toEqual([asleep.name]);
      const [registered] = await store.outbox.claimDue(10, 1000);
      const id = registered?.payload.operationId ?? '';
      await store.apps.advance(asleep.name, asleep.mark(), {
        finish: [{ id, state: 'succeeded', detail: 'asleep' }],
      });
      expect(await names()).toEqual([]);
      await store.apps.advance(asleep.name, asleep.mark(), { condition: { phase: 'draining' } });
      expect(await names()).toEqual([asleep.name]);
      expect(await store.apps.listLive({ after: asleep.name, limit: 50 })).toEqual([]);
    } finally {
      await own.close();
    }
  });
});
