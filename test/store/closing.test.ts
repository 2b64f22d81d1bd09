import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { readyChange, startedApp } from './registration.ts';

describe.runIf(requirePart('postgres'))('closing a route', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  const quiet = { inFlight: 0, openSockets: 0, lastUseAgoMs: null };
  const readyApp = async () => {
    const app = await startedApp(bed.store);
    await bed.store.apps.advance(app.name, app.mark(), readyChange(app.name, 1));
    return app;
  };
  const gateway = async (id: string) => {
    await bed.store.routes.gatewaySeen({ id, listener: 'apps', host: 'local' });
    return id;
  };

  it('closes the generation it was asked to, under the newest id', async () => {
    const { routes } = bed.store;
    const { name } = await readyApp();
    expect(await routes.beginClosing(name, 2, 'c1')).toBe(false);
    expect(await routes.beginClosing(name, 1, 'c1')).toBe(true);
    expect(await routes.beginClosing(name, 1, 'c1')).toBe(true);
    expect(await routes.beginClosing(name, 1, 'c2')).toBe(true);
    expect(await routes.find(name)).toMatchObject({ target: { state: 'closing' }, closeId: 'c2' });
    expect((await routes.closingProgress(name, 'c1')).state).toBe('open');
    expect((await routes.closingProgress(name, 'c2')).state).toBe('closing');
    expect(await routes.finishClosing(name, 'c1')).toBe(false);
    expect(await routes.finishClosing(name, 'c2')).toBe(true);
    expect(await routes.finishClosing(name, 'c2')).toBe(true);
    expect((await routes.closingProgress(name, 'c2')).state).toBe('gone');
    expect(await routes.reopen(name, 'c2')).toBe(false);
    expect((await routes.find(name))?.target).toBeNull();
  });

  it('tells what each gateway said and who is silent', async () => {
    const { routes } = bed.store;
    const { name } = await readyApp();
    const [first, second] = [await gateway('talks'), await gateway('silent')];
    await routes.beginClosing(name, 1, 'c');
    await routes.acknowledge(name, 'c', { gateway: first, ...quiet });
    // It never saw the app: that is no use, least of all use at this moment.
    expect((await routes.closingProgress(name, 'c')).words).toEqual([{ gateway: first, ...quiet }]);
    const word = { gateway: first, inFlight: 2, openSockets: 1, lastUseAgoMs: 5000 };
    await routes.acknowledge(name, 'c', word);
    const progress = await routes.closingProgress(name, 'c');
    expect(progress.state).toBe('closing');
    expect(progress.words).toMatchObject([{ gateway: first, inFlight: 2, openSockets: 1 }]);
    expect(progress.words[0]?.lastUseAgoMs).toBeGreaterThanOrEqual(5000);
    const quietOnes = progress.silent.filter((each) => each.gateway === second);
    expect(quietOnes[0]?.seenAgoMs).toBeGreaterThanOrEqual(0);
    await routes.gatewayGone(second);
    await routes.gatewayGone(first);
    expect(await routes.closingProgress(name, 'c')).toMatchObject({ words: [], silent: [] });
  });

  it('forgets the words said before a reopening, and takes none after it', async () => {
    const { routes } = bed.store;
    const { name } = await readyApp();
    const id = await gateway('late');
    await routes.beginClosing(name, 1, 'c');
    await routes.acknowledge(name, 'c', { gateway: id, ...quiet });
    expect(await routes.reopen(name, 'c')).toBe(true);
    expect(await routes.reopen(name, 'c')).toBe(true);
    await routes.acknowledge(name, 'c', { gateway: id, ...quiet });
    expect(await routes.finishClosing(name, 'c')).toBe(false);
    await routes.beginClosing(name, 1, 'c');
    const { words } = await routes.closingProgress(name, 'c');
    expect(words).toEqual([]);
    await routes.gatewayGone(id);
  });

  it('counts a reopening as use', async () => {
    const { store } = bed;
    const { name } = await readyApp();
    await store.routes.beginClosing(name, 1, 'c');
    await store.routes.reopen(name, 'c');
    expect((await store.use.read(name))?.reason).toBe('used while it was about to sleep');
  });

  it('lets exactly one of a reopening and a finishing win, 500 times', async () => {
    const { store } = bed;
    const { name, mark } = await readyApp();
    const wins = { reopened: 0, finished: 0 };
    for (let round = 0; round < 500; round += 1) {
      const id = `race-${round}`;
      expect(await store.routes.beginClosing(name, 1, id)).toBe(true);
      const both = [
        () => store.routes.reopen(name, id),
        () => store.routes.finishClosing(name, id),
      ];
      if (round % 2 === 1) both.reverse();
      const answers = await Promise.all(both.map((act) => act()));
      const [reopened, finished] = round % 2 === 1 ? answers.toReversed() : answers;
      expect([reopened, finished].filter((won) => won === true)).toHaveLength(1);
      const target = (await store.routes.find(name))?.target;
      expect(target === null).toBe(finished);
      wins[reopened === true ? 'reopened' : 'finished'] += 1;
      if (finished === true) await store.apps.advance(name, mark(), readyChange(name, 1));
    }
    expect(wins.reopened).toBeGreaterThan(0);
    expect(wins.finished).toBeGreaterThan(0);
  });

  it('drops the gateways that a new process replaced on its listener', async () => {
    const { routes } = bed.store;
    const { name } = await readyApp();
    await gateway('old-1');
    await gateway('new-1');
    await routes.gatewaySeen({ id: 'elsewhere', listener: 'other', host: 'local' });
    await routes.dropGateways('apps', ['new-1']);
    await routes.beginClosing(name, 1, 'c');
    const { silent } = await routes.closingProgress(name, 'c');
    expect(silent.map((each) => each.gateway)).toEqual(['elsewhere', 'new-1']);
    await Promise.all([routes.gatewayGone('new-1'), routes.gatewayGone('elsewhere')]);
  });

  it('opens a closing route when a new instance is published', async () => {
    const { store } = bed;
    const { name, mark } = await readyApp();
    await store.routes.beginClosing(name, 1, 'c');
    await store.apps.advance(name, mark(), readyChange(name, 2));
    expect(await store.routes.find(name)).toMatchObject({
      target: { generation: 2, state: 'open' },
      closeId: null,
    });
    expect(await store.routes.finishClosing(name, 'c')).toBe(false);
  });

  it('shows every registered app as a route, ready or not', async () => {
    const own = await openTestStore();
    try {
      const first = await startedApp(own.store);
      const second = await startedApp(own.store);
      await own.store.apps.advance(first.name, first.mark(), readyChange(first.name, 1));
      const all = await own.store.routes.all();
      expect(all.map(({ app }) => app).sort()).toEqual([first.name, second.name].sort());
      const shown = new Map(all.map((route) => [route.app, route]));
      expect(shown.get(first.name)?.target?.port).toBe(9001);
      expect(shown.get(second.name)).toMatchObject({ target: null, title: null });
      expect(await own.store.routes.find('nobody')).toBeNull();
    } finally {
      await own.close();
    }
  });
});
