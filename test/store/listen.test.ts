import { getEventListeners } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { createLog } from '../../src/log.ts';
import { openDatabase } from '../../src/store/postgres/database.ts';
import { listen } from '../../src/store/postgres/listen.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, readyChange, registration, startedApp } from './registration.ts';
import { runSql } from './sql.ts';

describe.runIf(requirePart('postgres'))('listening', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  let heard: (string | null)[];
  let stop: AbortController;
  let listening: Promise<void>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());
  beforeEach(async () => {
    heard = [];
    stop = new AbortController();
    listening = bed.store.routes.listen((app) => heard.push(app), stop.signal);
    await eventually(() => {
      if (heard.length === 0) throw new Error('it does not listen yet');
    });
    heard.length = 0;
  });
  afterEach(async () => {
    stop.abort();
    await listening;
  });

  const hears = async (name: string) => {
    await eventually(() => expect(heard).toContain(name));
    heard.length = 0;
  };

  it('hears of every change of an app and its route', async () => {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    await hears(name);
    await store.apps.advance(name, mark(), { condition: { phase: 'starting', generation: 1 } });
    await hears(name);
    await store.apps.setDetail(name, 1, 'waiting for health');
    await hears(name);
    await store.apps.advance(name, mark(), readyChange(name, 1));
    await hears(name);
    await store.routes.beginClosing(name, 1, 'c');
    await hears(name);
    await store.routes.reopen(name, 'c');
    await hears(name);
    await store.routes.beginClosing(name, 1, 'd');
    await hears(name);
    await store.routes.finishClosing(name, 'd');
    await hears(name);
    await command(store, name, 'remove');
    expect(await store.apps.remove(name, mark(), {})).toBe(true);
    await hears(name);
  });

  it('tells to read all again after the connection was lost', async () => {
    await runSql(
      bed.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
    );
    await eventually(() => expect(heard).toContain(null));
    heard.length = 0;
    await bed.store.apps.register(registration('after-loss'));
    await hears('after-loss');
  });

  it('keeps nothing of the connections that it lost', async () => {
    const log = createLog({ process: 'test', level: 'error' });
    const database = openDatabase({
      ...{ url: bed.url, poolSize: 1, applicationName: 'loses', log },
    });
    let connected = 0;
    const hears = { onConnected: () => (connected += 1), onMessage: () => undefined };
    const ending = new AbortController();
    const hearing = listen(database, 'labkeeper_apps', hears, ending.signal);
    for (let times = 1; times <= 4; times += 1) {
      await eventually(() => expect(connected).toBe(times));
      expect(getEventListeners(ending.signal, 'abort')).toHaveLength(1);
      await runSql(
        bed.url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'loses%'`,
      );
    }
    ending.abort();
    await hearing;
    await database.close();
  });

  it('hears of events', async () => {
    let news = 0;
    const hearing = bed.store.events.listen(() => (news += 1), stop.signal);
    await eventually(() => expect(news).toBe(1));
    await bed.store.events.append('app/x', { actor: 'ana', what: 'said', why: 'a test' });
    await eventually(() => expect(news).toBe(2));
    stop.abort();
    await hearing;
  });

  it('ends with the store, and at once when told before', async () => {
    const own = await openTestStore();
    let connected = 0;
    const ending = own.store.routes.listen(() => (connected += 1), new AbortController().signal);
    await eventually(() => expect(connected).toBe(1));
    await own.close();
    await ending;
    await bed.store.routes.listen(() => undefined, AbortSignal.abort());
  });
});
