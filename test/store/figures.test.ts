import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { readyChange, registration, startedApp } from './registration.ts';
import { runSql, withClient } from './sql.ts';

describe.runIf(requirePart('postgres'))('what operators watch of the database', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  it('is all zero while there is nothing', async () => {
    await eventually(async () =>
      expect(await bed.store.figures()).toEqual({
        apps: [],
        operations: { unfinished: 0, oldestAgeMs: 0 },
        outbox: { entries: 0, oldestAgeMs: 0 },
        eventsLagMs: 0,
      }),
    );
  });

  it('counts apps by what they do, and says how old the oldest unfinished work is', async () => {
    const { store } = bed;
    await store.apps.register(registration('asleep'));
    const ready = await startedApp(store);
    await store.apps.advance(ready.name, ready.mark(), readyChange(ready.name, 1));
    await runSql(bed.url, "UPDATE operations SET created_at = now() - interval '2 minutes'");
    await runSql(bed.url, "UPDATE outbox SET created_at = now() - interval '1 minute'");
    const { apps, operations, outbox } = await store.figures();
    const count = (phase: string) => apps.find((one) => one.phase === phase)?.count;
    expect([count('none'), count('ready'), count('failed')]).toEqual([1, 1, undefined]);
    expect(operations.unfinished).toBe(2);
    expect(operations.oldestAgeMs).toBeGreaterThanOrEqual(120_000);
    expect(outbox.entries).toBe(2);
    expect(outbox.oldestAgeMs).toBeGreaterThanOrEqual(60_000);
  });

  it('tells how long an open transaction has held back events', async () => {
    await withClient(bed.url, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT pg_current_xact_id()');
      await bed.store.events.append('app/asleep', { actor: 'test', what: 'late', why: 'test' });
      await eventually(async () =>
        expect((await bed.store.figures()).eventsLagMs).toBeGreaterThan(100),
      );
      await client.query('COMMIT');
    });
    await eventually(async () => expect((await bed.store.figures()).eventsLagMs).toBe(0));
  });

  it('counts the connections of the pool', async () => {
    const pings = Array.from({ length: 30 }, () => bed.store.ping());
    await new Promise((resolve) => setImmediate(resolve));
    const { busy, waiting } = bed.store.pool();
    expect(busy).toBeGreaterThan(0);
    expect(busy + waiting).toBeGreaterThan(10);
    await Promise.all(pings);
    expect(bed.store.pool()).toMatchObject({ busy: 0, waiting: 0 });
  });
});
