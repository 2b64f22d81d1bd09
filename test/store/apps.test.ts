import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appSpecSchema } from '../../src/model/app-spec.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, existing, readyChange, registration, startedApp } from './registration.ts';

describe.runIf(requirePart('postgres'))('registered apps and commands', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  it('registers an app with operation, outbox entry and event', async () => {
    const { store } = bed;
    const { outcome, app, operation } = await store.apps.register(
      registration('plot', { operationId: 'op-plot' }),
    );
    expect(outcome).toBe('created');
    expect(app).toMatchObject({ name: 'plot', space: 'default', owner: 'ana', specRevision: 1 });
    expect(app.condition).toMatchObject({ wanted: 'asleep', phase: 'none', generation: 0 });
    expect(operation).toMatchObject({ id: 'op-plot', entity: 'app/plot', state: 'accepted' });
    const entry = await store.outbox.claim('op-plot');
    expect(entry?.payload).toEqual({
      operationId: 'op-plot',
      command: 'replace',
      cause: { actor: 'ana', why: 'definition 1' },
      needsNewInstance: false,
    });
    const [event] = await store.events.list({ entity: 'app/plot', limit: 10 });
    expect(event).toMatchObject({ what: 'registered', actor: 'ana' });
    expect(await store.apps.find('plot')).toEqual(app);
  });

  it('answers unchanged to the same definition, whatever the order of its fields', async () => {
    const { store } = bed;
    const first = { environment: { A: '1', B: '2' }, title: 'Same' };
    await store.apps.register(registration('same', { spec: { command: ['x'], ...first } }));
    const again = await store.apps.register(
      registration('same', {
        spec: { title: 'Same', environment: { B: '2', A: '1' }, command: ['x'] },
      }),
    );
    expect(again).toMatchObject({ outcome: 'unchanged', operation: null });
    expect(again.app.specRevision).toBe(1);
    expect(await store.events.list({ entity: 'app/same', limit: 10 })).toHaveLength(1);
  });

  it.each([
    { field: 'title', spec: { title: 'New title' }, needsNewInstance: false },
    { field: 'command', spec: { command: ['other'] }, needsNewInstance: true },
  ])(
    'says whether a new $field needs a new instance',
    async ({ field, spec, needsNewInstance }) => {
      const { store } = bed;
      const name = `swap-${field}`;
      await store.apps.register(registration(name, { operationId: `first-${field}` }));
      const first = await store.outbox.claim(`first-${field}`);
      await store.outbox.delivered(first?.id ?? '0');
      const replaced = await store.apps.register(
        registration(name, { operationId: `second-${field}`, spec }),
      );
      expect(replaced).toMatchObject({ outcome: 'replaced', app: { specRevision: 2 } });
      const second = await store.outbox.claim(`second-${field}`);
      expect(second?.payload).toMatchObject({ command: 'replace', needsNewInstance });
    },
  );

  it('refuses an unknown space and a used operation id', async () => {
    const { store } = bed;
    const lost = store.apps.register(registration('lost', { space: 'nowhere' }));
    await expect(lost).rejects.toMatchObject({ name: 'LabError', type: 'invalid' });
    await store.apps.register(registration('one', { operationId: 'op-once' }));
    const twice = store.apps.register(registration('two', { operationId: 'op-once' }));
    await expect(twice).rejects.toMatchObject({ name: 'LabError', type: 'conflict' });
    expect(await store.apps.find('two')).toBeNull();
  });

  it('makes one app of many registrations at once', async () => {
    const { store } = bed;
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => store.apps.register(registration('crowd'))),
    );
    const created = outcomes.filter(({ outcome }) => outcome === 'created');
    expect(created).toHaveLength(1);
    expect(outcomes.filter(({ outcome }) => outcome === 'unchanged')).toHaveLength(19);
  });

  it('keeps the limit on apps among registrations at once', async () => {
    const small = await openTestStore({ maxApps: 3 });
    try {
      const results = await Promise.allSettled(
        Array.from({ length: 12 }, (_, index) =>
          small.store.apps.register(registration(`many-${index}`)),
        ),
      );
      const refused = results.filter((result) => result.status === 'rejected');
      expect(refused).toHaveLength(9);
      expect(refused[0]?.reason).toMatchObject({ name: 'LabError', type: 'quota_exceeded' });
      expect(await small.store.apps.list({ limit: 10 })).toHaveLength(3);
      const [kept] = await small.store.apps.list({ limit: 1 });
      const again = registration(kept?.name ?? '', { spec: { title: 'At the limit' } });
      expect((await small.store.apps.register(again)).outcome).toBe('replaced');
    } finally {
      await small.close();
    }
  });

  it('lists by name in pages and by space', async () => {
    const own = await openTestStore();
    try {
      for (const name of ['b', 'a', 'c', 'a-b']) await own.store.apps.register(registration(name));
      const first = await own.store.apps.list({ limit: 2 });
      expect(first.map(({ name }) => name)).toEqual(['a', 'a-b']);
      const second = await own.store.apps.list({ after: 'a-b', limit: 2, space: 'default' });
      expect(second.map(({ name }) => name)).toEqual(['b', 'c']);
      expect(await own.store.apps.list({ limit: 5, space: 'other' })).toEqual([]);
    } finally {
      await own.close();
    }
  });

  it('gives the defaults of newer fields to a definition written without them', async () => {
    const { store } = bed;
    const { app } = await store.apps.register(registration('sparse'));
    expect(app.spec).toEqual(appSpecSchema.parse({ command: ['serve', '{port}'] }));
  });

  it('accepts a command with its outbox entry and event', async () => {
    const { store } = bed;
    const { name } = await startedApp(store);
    const operation = await command(store, name, 'wake', `wake-${name}`);
    expect(operation).toMatchObject({
      ...{ id: `wake-${name}`, entity: `app/${name}`, verb: 'wake', state: 'accepted' },
      ...{ actor: 'ben', why: 'a test asked', detail: null, finishedAt: null },
    });
    expect(await store.operations.find(`wake-${name}`)).toEqual(operation);
    const [event] = await store.events.list({ entity: `app/${name}`, limit: 1 });
    expect(event).toMatchObject({ actor: 'ben', data: { operation: `wake-${name}` } });
  });

  it('answers the first operation to a repeated command', async () => {
    const { store } = bed;
    const { name } = await startedApp(store);
    const id = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => command(store, name, 'restart', id)),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect((await store.outbox.backlog()).entries).toBeGreaterThan(0);
  });

  it('refuses an operation id that meant another verb or another app', async () => {
    const { store } = bed;
    const { name } = await startedApp(store);
    const other = await startedApp(store);
    const id = randomUUID();
    await command(store, name, 'restart', id);
    const conflict = { name: 'LabError', type: 'conflict' };
    await expect(command(store, name, 'sleep', id)).rejects.toMatchObject(conflict);
    await expect(command(store, other.name, 'restart', id)).rejects.toMatchObject(conflict);
  });

  it('refuses a command for an app that is not registered', async () => {
    const lost = command(bed.store, 'nobody', 'wake');
    await expect(lost).rejects.toMatchObject({ name: 'LabError', type: 'not_found' });
    const removed = command(bed.store, 'nobody', 'remove');
    await expect(removed).rejects.toMatchObject({ name: 'LabError', type: 'not_found' });
  });

  it('makes one wake of 200 visits at once', async () => {
    const { store } = bed;
    const { name } = await startedApp(store);
    const wakes = await Promise.all(
      Array.from({ length: 200 }, () => command(store, name, 'wake')),
    );
    expect(new Set(wakes.map(({ id }) => id)).size).toBe(1);
  });

  it('wakes anew once the earlier wake is over', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const first = await command(store, name, 'wake');
    await store.apps.advance(name, mark(), {
      ...readyChange(name, 1),
      finish: [{ id: first.id, state: 'succeeded', detail: 'ready' }],
    });
    const second = await command(store, name, 'wake');
    expect(second.id).not.toBe(first.id);
  });

  it('does not let a wake join one that a later sleep may defeat', async () => {
    const { store } = bed;
    const { name } = await startedApp(store);
    const first = await command(store, name, 'wake');
    await command(store, name, 'sleep');
    const third = await command(store, name, 'wake');
    expect(third.id).not.toBe(first.id);
    expect((await command(store, name, 'wake')).id).toBe(third.id);
  });

  it('never joins a wake to one accepted before a sleep, in any interleaving', async () => {
    const { store } = bed;
    const { name } = await startedApp(store);
    for (let round = 0; round < 30; round += 1) {
      await Promise.all([
        command(store, name, 'wake'),
        command(store, name, 'wake'),
        command(store, name, 'sleep', `sleep-${name}-${round}`),
      ]);
      const own = `after-${name}-${round}`;
      const sleepAgain = await command(store, name, 'sleep');
      const later = await command(store, name, 'wake', own);
      expect(later.id).toBe(own);
      expect(later.createdAt >= sleepAgain.createdAt).toBe(true);
    }
  });

  it('lets an app live on that is registered while it is being removed', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const removal = await command(store, name, 'remove');
    await store.apps.advance(name, mark(), { condition: { wanted: 'gone', phase: 'none' } });
    const again = await store.apps.register(registration(name));
    expect(again.outcome).toBe('replaced');
    expect(again.operation?.verb).toBe('replace');
    expect(again.app.condition.wanted).toBe('asleep');
    // The workflow has not heard of it yet and goes on with the removal.
    await store.apps.advance(name, mark(), { condition: { wanted: 'gone' } });
    const finish = [{ id: removal.id, state: 'succeeded' as const, detail: 'removed' }];
    expect(await store.apps.remove(name, mark(), { finish })).toBe(false);
    expect((await existing(store, name)).name).toBe(name);
    expect((await store.operations.find(removal.id))?.state).toBe('accepted');
  });

  it('removes an app whose registration is older than the removal', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    const wake = await command(store, name, 'wake');
    const removal = await command(store, name, 'remove');
    const finish = [{ id: removal.id, state: 'succeeded' as const, detail: 'removed' }];
    const event = { actor: 'ben', what: 'removed', why: 'a test asked' };
    const last = mark();
    expect(await store.apps.remove(name, last, { finish, event })).toBe(true);
    expect(await store.apps.remove(name, last, { finish, event })).toBe(true);
    expect(await store.apps.find(name)).toBeNull();
    expect((await store.operations.find(removal.id))?.detail).toBe('removed');
    expect(await store.operations.find(wake.id)).toMatchObject({
      state: 'failed',
      detail: 'the app was removed',
    });
    const events = await store.events.list({ entity: `app/${name}`, limit: 10 });
    expect(events[0]?.what).toBe('removed');
    expect(events.filter(({ what }) => what === 'removed')).toHaveLength(1);
  });
});
