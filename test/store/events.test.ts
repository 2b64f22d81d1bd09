import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntityName } from '../../src/model/names.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import type { TimelineEvent } from '../../src/store/ports.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { runSql, withClient } from './sql.ts';

describe.runIf(requirePart('postgres'))('events', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  const fresh = (): EntityName => `app/e${randomBytes(6).toString('hex')}`;
  const append = (entity: EntityName, what: string) =>
    bed.store.events.append(entity, { actor: 'ana', what, why: 'a test' });
  const whats = (events: TimelineEvent[]) => events.map(({ what }) => what);
  const insert = `INSERT INTO events (entity, actor, what, why) VALUES ($1, 'ana', $2, 'a test')`;
  /** All of an entity's events from the beginning, once there are `count`. */
  const read = (entity: EntityName, count: number) =>
    eventually(async () => {
      const events = await bed.store.events.since({ entity, after: '0', limit: 100 });
      expect(events).toHaveLength(count);
      return events;
    });

  it('lists newest first in pages', async () => {
    const entity = fresh();
    for (const what of ['one', 'two', 'three']) await append(entity, what);
    const first = await bed.store.events.list({ entity, limit: 2 });
    expect(whats(first)).toEqual(['three', 'two']);
    expect(first[0]).toMatchObject({ entity, actor: 'ana', why: 'a test', data: {} });
    const before = first.at(-1)?.id ?? '';
    expect(whats(await bed.store.events.list({ entity, before, limit: 2 }))).toEqual(['one']);
  });

  it('reads on from the last id seen', async () => {
    const entity = fresh();
    for (const what of ['one', 'two', 'three']) await append(entity, what);
    const all = await read(entity, 3);
    expect(whats(all)).toEqual(['one', 'two', 'three']);
    const after = all[0]?.id ?? '';
    const rest = await bed.store.events.since({ entity, after, limit: 1 });
    expect(whats(rest)).toEqual(['two']);
  });

  it('does not show what committed after a transaction that is still open', async () => {
    const entity = fresh();
    await withClient(bed.url, async (slow) => {
      await slow.query('BEGIN');
      await slow.query(insert, [entity, 'first begun']);
      await append(entity, 'first committed');
      expect(whats(await bed.store.events.list({ entity, limit: 9 }))).toEqual(['first committed']);
      expect(await bed.store.events.since({ entity, after: '0', limit: 9 })).toEqual([]);
      await slow.query('COMMIT');
    });
    expect(whats(await read(entity, 2))).toEqual(['first begun', 'first committed']);
  });

  it('skips nothing when a later transaction has the smaller number', async () => {
    const entity = fresh();
    await withClient(bed.url, (early) =>
      withClient(bed.url, async (late) => {
        await early.query('BEGIN');
        await early.query('SELECT pg_current_xact_id()');
        await late.query('BEGIN');
        await late.query(insert, [entity, 'small number, late transaction']);
        await early.query(insert, [entity, 'great number, early transaction']);
        await early.query('COMMIT');
        const [seen] = await read(entity, 1);
        expect(seen?.what).toBe('great number, early transaction');
        await late.query('COMMIT');
        const rest = await eventually(async () => {
          const events = await bed.store.events.since({ entity, after: seen?.id ?? '', limit: 9 });
          expect(events).not.toEqual([]);
          return events;
        });
        expect(whats(rest)).toEqual(['small number, late transaction']);
      }),
    );
  });

  it('misses nothing while many write at once', async () => {
    const entity = fresh();
    const writers = 6;
    const each = 40;
    const seen: string[] = [];
    let after = '0';
    let isWriting = true;
    const readNews = async () => {
      const events = await bed.store.events.since({ entity, after, limit: 7 });
      seen.push(...whats(events));
      after = events.at(-1)?.id ?? after;
      return events.length;
    };
    const reader = async () => {
      while (isWriting) await readNews();
    };
    const writer = (index: number) =>
      withClient(bed.url, async (client) => {
        for (let count = 0; count < each; count += 1) {
          await client.query('BEGIN');
          await client.query('SELECT pg_current_xact_id()');
          await client.query('SELECT pg_sleep(random() * 0.003)');
          await client.query(insert, [entity, `${index}-${count}`]);
          await client.query('COMMIT');
        }
      });
    const reading = reader();
    await Promise.all(Array.from({ length: writers }, (_, index) => writer(index)));
    isWriting = false;
    await reading;
    await eventually(async () => {
      await readNews();
      expect(seen).toHaveLength(writers * each);
    });
    expect(new Set(seen).size).toBe(writers * each);
  });

  it('starts a reader of news behind everything that is visible', async () => {
    const entity = fresh();
    await append(entity, 'old');
    const [old] = await read(entity, 1);
    const latest = await bed.store.events.latestId();
    expect(await bed.store.events.since({ entity, after: latest, limit: 9 })).toEqual([]);
    await append(entity, 'new');
    await read(entity, 2);
    const news = await bed.store.events.since({ entity, after: latest, limit: 9 });
    expect(whats(news)).toEqual(['new']);
    expect(old?.id).toMatch(/^\d+-\d+$/);
  });

  it('orders transactions by number, not by text', async () => {
    const own = await openTestStore();
    const { events } = own.store;
    try {
      for (const [what, tx] of [
        ['second', '10'],
        ['first', '9'],
      ]) {
        await runSql(
          own.url,
          `INSERT INTO events (tx, entity, actor, what, why)
           VALUES ($1::text::xid8, 'app/x', 'ana', $2, 'a test')`,
          [tx, what],
        );
      }
      const page = { after: '0', limit: 9 };
      const all = await eventually(async () => {
        const found = await events.since(page);
        expect(found).toHaveLength(2);
        return found;
      });
      expect(whats(all)).toEqual(['first', 'second']);
      expect(whats(await events.list({ limit: 9 }))).toEqual(['second', 'first']);
      expect(await events.latestId()).toBe(all[1]?.id);
    } finally {
      await own.close();
    }
  });

  it('has no latest event in a new database', async () => {
    const own = await openTestStore();
    expect(await own.store.events.latestId()).toBe('0');
    await own.close();
  });

  it('refuses what is no event id', async () => {
    const wrong = bed.store.events.since({ after: "1'; DROP TABLE events", limit: 1 });
    await expect(wrong).rejects.toMatchObject({ name: 'LabError', type: 'invalid' });
    const tooLong = bed.store.events.list({ before: '9'.repeat(40), limit: 1 });
    await expect(tooLong).rejects.toMatchObject({ name: 'LabError', type: 'invalid' });
  });

  it('keeps data and refuses characters that cannot be stored', async () => {
    const entity = fresh();
    const data = { deep: { list: [1, 'zwei', null] } };
    await bed.store.events.append(entity, { actor: 'ana', what: 'full', why: '𝛑', data });
    expect((await bed.store.events.list({ entity, limit: 1 }))[0]).toMatchObject({
      why: '𝛑',
      data,
    });
    await expect(append(entity, 'a\0b')).rejects.toMatchObject({ type: 'invalid' });
  });

  it('serves positions from before a restore into another server', async () => {
    const own = await openTestStore();
    const { events } = own.store;
    try {
      await events.append('app/old', { actor: 'ana', what: 'old', why: 'before' });
      // As a dump brings it: numbers of transactions that this server is far from.
      await runSql(own.url, "UPDATE events SET tx = '900000000000'");
      expect(await events.since({ after: '0', limit: 9 })).toEqual([]);
      await migrate(own.url);
      const [old] = await eventually(async () => {
        const found = await events.since({ after: '0', limit: 9 });
        expect(found).toHaveLength(1);
        return found;
      });
      await events.append('app/old', { actor: 'ana', what: 'new', why: 'after' });
      await eventually(async () => {
        const id = old?.id.split('-')[1];
        const news = await events.since({ after: `900000000000-${id}`, limit: 9 });
        expect(whats(news)).toEqual(['new']);
      });
    } finally {
      await own.close();
    }
  });
});
