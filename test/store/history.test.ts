import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryRing } from '../../src/model/memory-ring.ts';
import type { AppHistory } from '../../src/store/ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, readyChange, startedApp } from './registration.ts';
import { runSql } from './sql.ts';

const ring = memoryRing(60_000, 1_440);
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe.runIf(requirePart('postgres'))('the history of an app', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  const read = (app: string, wanted: Partial<Parameters<typeof bed.store.history.read>[1]> = {}) =>
    bed.store.history.read(app, { days: 30, wakes: 20, step: 'fine', ring, ...wanted });
  const sql = (text: string, values: unknown[] = []) => runSql(bed.url, text, values);
  const rowsOf = async (table: string, app: string) =>
    Number((await sql(`SELECT count(*) FROM ${table} WHERE app = $1`, [app]))[0]?.['count']);
  const total = ({ days }: AppHistory) => days.reduce((sum, { awakeMs }) => sum + awakeMs, 0);

  async function awakeApp() {
    const app = await startedApp(bed.store);
    const publish = (generation: number) =>
      bed.store.apps.advance(app.name, app.mark(), readyChange(app.name, generation));
    await publish(1);
    return {
      name: app.name,
      publish,
      sleep: () =>
        bed.store.apps.advance(app.name, app.mark(), {
          condition: { wanted: 'asleep', phase: 'none' },
          route: null,
        }),
      /** As if it had become ready earlier. */
      backdate: (hours: number) =>
        sql(
          `ALTER TABLE routes DISABLE TRIGGER routes_move;
           UPDATE routes SET ready_at = now() - interval '${hours} hours' WHERE app = '${app.name}';
           ALTER TABLE routes ENABLE TRIGGER routes_move`,
        ),
    };
  }

  describe('its awake time', () => {
    it('has every day, today the last, also for an app that never ran', async () => {
      const { name } = await startedApp(bed.store);
      const { days, memory, wakes } = await read(name, { days: 7 });
      expect(days).toHaveLength(7);
      expect(days.at(-1)?.day).toBe(new Date().toISOString().slice(0, 10));
      expect(days.every(({ awakeMs, wakes }) => awakeMs === 0 && wakes === 0)).toBe(true);
      expect({ memory, wakes }).toEqual({ memory: [], wakes: [] });
    });

    it('goes on while it is awake, and stands still when it sleeps', async () => {
      const app = await awakeApp();
      await app.backdate(50);
      const awake = await read(app.name);
      expect(total(awake)).toBeGreaterThanOrEqual(50 * hourMs);
      expect(awake.days.filter(({ awakeMs }) => awakeMs > 0).length).toBeGreaterThanOrEqual(3);
      expect(Math.max(...awake.days.map(({ awakeMs }) => awakeMs))).toBeLessThanOrEqual(dayMs);
      await app.sleep();
      const asleep = await read(app.name);
      expect(total(asleep) - total(awake)).toBeLessThan(hourMs / 60);
      expect(await read(app.name)).toEqual(asleep);
    });

    it('is the sum of its stretches, a new instance included', async () => {
      const app = await awakeApp();
      await app.backdate(2);
      await app.publish(2);
      await app.backdate(3);
      await app.sleep();
      await app.publish(3);
      const { days } = await read(app.name);
      const sum = days.reduce((ms, { awakeMs }) => ms + awakeMs, 0);
      expect(Math.round(sum / hourMs)).toBe(5);
      expect(days.reduce((count, { wakes }) => count + wakes, 0)).toBe(3);
    });

    it('counts an instance that is published again as no wake', async () => {
      const app = await awakeApp();
      await app.publish(1);
      expect((await read(app.name)).days.at(-1)?.wakes).toBe(1);
    });

    it('counts however a route ends: also by the judge of an idle stop', async () => {
      const app = await awakeApp();
      await app.backdate(4);
      await bed.store.routes.beginClosing(app.name, 1, 'close-1');
      expect(await bed.store.routes.finishClosing(app.name, 'close-1')).toBe(true);
      expect(Math.round(total(await read(app.name)) / hourMs)).toBe(4);
    });

    it('keeps at most 400 days, however long it was awake', async () => {
      const app = await awakeApp();
      await sql("INSERT INTO app_days VALUES ($1, '2001-01-01', 1, 1)", [app.name]);
      await app.backdate(24 * 500);
      await app.sleep();
      expect(await rowsOf('app_days', app.name)).toBe(401);
      expect(total(await read(app.name, { days: 366 }))).toBeGreaterThan(365 * dayMs);
    });

    it('goes with the app', async () => {
      const app = await awakeApp();
      await bed.store.history.reportMemory([{ app: app.name, memoryBytes: 1 }], ring);
      await sql('DELETE FROM apps WHERE name = $1', [app.name]);
      for (const table of ['app_days', 'app_memory', 'app_wakes']) {
        expect([table, await rowsOf(table, app.name)]).toEqual([table, 0]);
      }
    });
  });

  describe('its wakes', () => {
    const durations = { pullMs: 100, startMs: 20, probeMs: 300, publishMs: 5 };

    it('begin with the command that is carried out, and what no phase explains is waiting', async () => {
      const { name } = await startedApp(bed.store);
      await command(bed.store, name, 'wake', `wake-${name}`);
      await sql("UPDATE operations SET created_at = now() - interval '2 s' WHERE entity = $1", [
        `app/${name}`,
      ]);
      await bed.store.history.wakePlaced({ app: name, generation: 1, host: 'local', placeMs: 4 });
      expect((await read(name)).wakes).toEqual([]);
      await bed.store.history.wakeReady({ app: name, generation: 1, ...durations });
      const [wake] = (await read(name)).wakes;
      expect(wake).toMatchObject({ generation: 1, host: 'local', placeMs: 4, ...durations });
      expect(wake?.totalMs).toBeGreaterThanOrEqual(2_000);
      const explained = 4 + 100 + 20 + 300 + 5;
      expect(wake?.waitMs).toBeCloseTo((wake?.totalMs ?? 0) - explained, 3);
      expect(Date.parse(wake?.readyAt ?? '') - Date.parse(wake?.askedAt ?? '')).toBeGreaterThan(
        1_900,
      );
    });

    it('that nobody asked for begin when they are placed', async () => {
      const { name } = await startedApp(bed.store);
      await sql(
        "UPDATE operations SET state = 'succeeded', finished_at = now(), created_at = now() - interval '1 day' WHERE entity = $1",
        [`app/${name}`],
      );
      await bed.store.history.wakePlaced({ app: name, generation: 2, host: 'local', placeMs: 4 });
      await bed.store.history.wakeReady({ app: name, generation: 2, ...durations });
      const [wake] = (await read(name)).wakes;
      expect(wake?.totalMs).toBeLessThan(60_000);
      expect(wake?.waitMs).toBeGreaterThanOrEqual(0);
    });

    it('are noted once, also when their steps are repeated', async () => {
      const { name } = await startedApp(bed.store);
      const placed = { app: name, generation: 1, host: 'local', placeMs: 1 };
      for (const _ of [1, 2]) await bed.store.history.wakePlaced(placed);
      for (const _ of [1, 2]) {
        await bed.store.history.wakeReady({ app: name, generation: 1, ...durations });
      }
      // Adopted by a later wake: no start, so nothing to time.
      await bed.store.history.wakeReady({ app: name, generation: 1, ...durations, probeMs: 9 });
      expect((await read(name)).wakes.map(({ probeMs }) => probeMs)).toEqual([300]);
    });

    it('of an instance that is frozen and resumed are told apart', async () => {
      const { name } = await startedApp(bed.store);
      for (const probeMs of [300, 7]) {
        await bed.store.history.wakePlaced({ app: name, generation: 1, host: 'local', placeMs: 1 });
        await bed.store.history.wakeReady({ app: name, generation: 1, ...durations, probeMs });
      }
      expect((await read(name)).wakes.map(({ probeMs }) => probeMs)).toEqual([300, 7]);
    });

    it('are the last 50, and those that failed are not shown', async () => {
      const { name } = await startedApp(bed.store);
      for (let generation = 1; generation <= 60; generation += 1) {
        await bed.store.history.wakePlaced({ app: name, generation, host: 'local', placeMs: 1 });
        if (generation % 10 === 0) continue;
        await bed.store.history.wakeReady({ app: name, generation, ...durations });
      }
      expect(await rowsOf('app_wakes', name)).toBe(50);
      const { wakes } = await read(name, { wakes: 5 });
      expect(wakes.map(({ generation }) => generation)).toEqual([55, 56, 57, 58, 59]);
    });
  });

  describe('its memory', () => {
    const report = (app: string, memoryBytes: number, ringOf = ring) =>
      bed.store.history.reportMemory([{ app, memoryBytes }], ringOf);

    it('gathers mean and peak of a step, in both series', async () => {
      const { name } = await startedApp(bed.store);
      const long = memoryRing(365 * dayMs, 2);
      for (const bytes of [100, 300, 200]) await report(name, bytes, long);
      for (const step of ['fine', 'coarse'] as const) {
        const { memory } = await read(name, { step, ring: long });
        expect(memory).toMatchObject([{ meanBytes: 200, peakBytes: 300 }]);
      }
    });

    it('adds up instances of one app, and passes over apps that are gone', async () => {
      const { name } = await startedApp(bed.store);
      await bed.store.history.reportMemory(
        [
          { app: name, memoryBytes: 100 },
          { app: 'never-registered', memoryBytes: 5 },
          { app: name, memoryBytes: 50 },
        ],
        ring,
      );
      const { memory } = await read(name);
      expect(memory).toMatchObject([{ meanBytes: 150, peakBytes: 150 }]);
      expect(await rowsOf('app_memory', 'never-registered')).toBe(0);
    });

    it('never has more rows than its slots, and shows no slot that is too old', async () => {
      const { name } = await startedApp(bed.store);
      const quick = memoryRing(1, 8);
      for (let bytes = 0; bytes < 200; bytes += 1) await report(name, bytes, quick);
      expect(await rowsOf('app_memory', name)).toBeLessThanOrEqual(12);
      const fresh = await read(name, { ring: memoryRing(60_000, 8) });
      expect(fresh.memory.length).toBeGreaterThan(0);
      const times = fresh.memory.map(({ at }) => at);
      expect(times).toEqual(times.toSorted());
      await sql("UPDATE app_memory SET at = at - interval '1 day' WHERE app = $1", [name]);
      expect((await read(name, { ring: memoryRing(60_000, 8) })).memory).toEqual([]);
    });

    it('writes nothing for an empty batch', async () => {
      const before = await sql('SELECT count(*) FROM app_memory');
      await bed.store.history.reportMemory([], ring);
      expect(await sql('SELECT count(*) FROM app_memory')).toEqual(before);
    });
  });
});
