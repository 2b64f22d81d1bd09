import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { forgetHistory } from '../../src/api/forget-history.ts';
import { apiMetrics } from '../../src/metrics/api-metrics.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import type { Store } from '../../src/store/ports.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, startedApp } from '../store/registration.ts';
import { runSql } from '../store/sql.ts';

const hourMs = 3_600_000;

describe.runIf(requirePart('postgres'))('what is older than it is kept', () => {
  async function bed() {
    const { store, url, close } = await openTestStore();
    const ending = new AbortController();
    const metrics = createMetrics(apiMetrics);
    const begin = (
      changes: {
        batch?: number;
        store?: Pick<Store, 'events' | 'operations' | 'jobs' | 'uploads'>;
      } = {},
    ) =>
      forgetHistory({
        store,
        metrics,
        keepEventsMs: 2 * hourMs,
        keepOperationsMs: hourMs,
        keepJobs: { succeededMs: hourMs, otherMs: hourMs },
        intervalMs: 20,
        batch: 100,
        log: pino({ level: 'silent' }),
        signal: ending.signal,
        ...changes,
      });
    return {
      store,
      begin,
      sql: (text: string) => runSql(url, text),
      forgotten: (kind: string) => metrics.numbers()[`labkeeper_forgotten_total{kind="${kind}"}`],
      async end(...runs: Promise<void>[]) {
        ending.abort();
        await Promise.all(runs);
        await close();
      },
    };
  }

  it('is dropped batch by batch, by several at once, and everything else stays', async () => {
    const { store, sql, begin, forgotten, end } = await bed();
    const { name } = await startedApp(store);
    for (let number = 0; number < 57; number += 1) {
      await store.events.append(`app/${name}`, { actor: 'test', what: `n${number}`, why: 'test' });
    }
    await sql(
      "UPDATE events SET at = now() - interval '3 hours' WHERE what ~ '^n' AND what <> 'n56'",
    );
    const runs = [begin({ batch: 10 }), begin({ batch: 7 })];
    await eventually(async () => {
      const { length } = await store.events.list({ limit: 200 });
      expect(length).toBe(2);
    });
    const left = await store.events.list({ limit: 200 });
    expect(left.map(({ what }) => what)).toEqual(['n56', 'registered']);
    expect(forgotten('events')).toBe(56);
    await end(...runs);
  });

  it('never takes an operation that is not over, however old it is', async () => {
    const { store, sql, begin, forgotten, end } = await bed();
    const { name } = await startedApp(store);
    await command(store, name, 'wake', 'still-open');
    await command(store, name, 'restart', 'over-long-ago');
    await command(store, name, 'restart', 'over-just-now');
    await sql("UPDATE operations SET created_at = now() - interval '400 days'");
    await sql(
      "UPDATE operations SET state = 'succeeded', finished_at = now() - interval '2 hours' WHERE id = 'over-long-ago'",
    );
    await sql(
      "UPDATE operations SET state = 'failed', finished_at = now() WHERE id = 'over-just-now'",
    );
    const run = begin();
    await eventually(async () => expect(await store.operations.find('over-long-ago')).toBeNull());
    expect(await store.operations.find('still-open')).not.toBeNull();
    expect(await store.operations.find('over-just-now')).not.toBeNull();
    expect((await store.operations.unfinished(`app/${name}`)).length).toBe(2);
    expect(forgotten('operations')).toBe(1);
    await end(run);
  });

  it('waits for a database that is away', async () => {
    const { store, begin, forgotten, end } = await bed();
    let away = true;
    const events: Store['events'] = {
      ...store.events,
      forget: async (...given) => {
        if (away) throw new Error('the database does not answer');
        return store.events.forget(...given);
      },
    };
    let looks = 0;
    const operations: Store['operations'] = {
      ...store.operations,
      forget: async (...given) => {
        looks += 1;
        return store.operations.forget(...given);
      },
    };
    await store.events.append('app/gone', { actor: 'test', what: 'old', why: 'test' });
    const run = begin({ store: { ...store, events, operations } });
    // One kind that cannot be dropped keeps nothing else.
    await eventually(() => expect(looks).toBeGreaterThan(1));
    away = false;
    const after = looks;
    await eventually(() => expect(looks).toBeGreaterThan(after + 1));
    expect(forgotten('events')).toBe(0);
    await end(run);
  });
});
