import { describe, expect, it } from 'vitest';
import { ephemeralTables } from '../../src/store/postgres/backup/ephemeral.ts';
import { beginRestoring } from '../../src/store/postgres/backup/restoring.ts';
import { openSnapshot } from '../../src/store/postgres/backup/snapshot.ts';
import type { Sequence, Table } from '../../src/store/postgres/backup/catalog.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { createLog } from '../../src/log.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { openEmptyDatabase, openFilledDatabase, rowsOf, tablesOf, type Rows } from './content.ts';
import { runSql, withClient } from './sql.ts';

interface Copy {
  takenAt: string;
  migrations: string[];
  tables: { table: Table; pieces: Buffer[] }[];
  sequences: Sequence[];
}

const facts = (takenAt: string) => ({
  ...{ id: 'restore-1', host: 'here', formerHost: 'lab-1', takenAt },
});

async function copyOf(url: string): Promise<Copy> {
  const snapshot = await openSnapshot({ url });
  try {
    const tables = [];
    for (const table of snapshot.tables) {
      const pieces: Buffer[] = [];
      for await (const piece of snapshot.rows(table)) pieces.push(piece);
      tables.push({ table, pieces });
    }
    const { takenAt, migrations } = snapshot;
    return { takenAt, migrations, tables, sequences: await snapshot.sequences() };
  } finally {
    await snapshot.close();
  }
}

async function restoreInto(url: string, copy: Copy): Promise<void> {
  const restoring = await beginRestoring({ url }, copy.migrations);
  try {
    for (const { table, pieces } of copy.tables) await restoring.load(table, streamOf(pieces));
    await restoring.finish(copy.sequences, facts(copy.takenAt));
    await restoring.commit();
  } catch (error) {
    await restoring.abandon();
    throw error;
  }
}

async function* streamOf(pieces: Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

/** A filled database, copied and restored into a new one. */
async function copied(options: Parameters<typeof openFilledDatabase>[0] = {}) {
  const from = await openFilledDatabase(options);
  const copy = await copyOf(from.url);
  const to = await openEmptyDatabase();
  await restoreInto(to.url, copy);
  return { from, to, copy, drop: () => Promise.all([from.drop(), to.drop()]) };
}

/** What a restore changes on purpose, table by table: those columns are not compared. */
const settled: Readonly<Record<string, string[]>> = {
  apps: [
    ...['wanted', 'phase', 'host', 'since', 'actor', 'why', 'detail'],
    ...['sleeps_at', 'restart_at', 'updated_at'],
  ],
  // What ran is over, since its machine is not here any more.
  jobs: ['state', 'cause', 'detail', 'finished_at', 'since', 'updated_at'],
  lives: ['generation'],
  events: ['id', 'tx'],
  // The time that was going on at the backup is counted to its end.
  app_days: ['awake_ms'],
};
const compared = (table: string, rows: Rows): Rows =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).filter(([column]) => !(settled[table] ?? []).includes(column)),
    ),
  );

describe.runIf(requirePart('postgres'))('the rows of a backup', () => {
  it('come back table by table, and what is named as ephemeral is forgotten', async () => {
    const { from, to, drop } = await copied();
    const tables = await tablesOf(from.url);
    expect(await tablesOf(to.url)).toEqual(tables);
    for (const table of tables) {
      const before = await rowsOf(from.url, table);
      const hint = `write rows for ${table} into test/store/content/<its migration>.sql, or name it in ephemeral.ts with the reason`;
      expect(before, hint).not.toEqual([]);
      const after = await rowsOf(to.url, table);
      if (table in ephemeralTables) expect(after, table).toEqual([]);
      else expect(compared(table, after)).toEqual(expect.arrayContaining(compared(table, before)));
    }
    await drop();
  });

  it('stand under the same constraints, indexes and triggers as before', async () => {
    const { from, to, drop } = await copied();
    const rules = (url: string) =>
      runSql(
        url,
        `SELECT conname AS name, pg_get_constraintdef(oid) AS rule FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace
         UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
         UNION ALL SELECT tgname, tgenabled::text || ' ' || pg_get_triggerdef(oid) FROM pg_trigger
         WHERE NOT tgisinternal ORDER BY 1, 2`,
      );
    expect(await rules(to.url)).toEqual(await rules(from.url));
    await drop();
  });

  it('leave out no table that does not exist', async () => {
    const { url, drop } = await openFilledDatabase();
    const tables = await tablesOf(url);
    expect(Object.keys(ephemeralTables).filter((name) => !tables.includes(name))).toEqual([]);
    await drop();
  });

  it('are all there is: nothing that holds rows lies beside the tables of the schema', async () => {
    const { url, drop } = await openFilledDatabase();
    const others = await runSql(
      url,
      `SELECT relkind, relnamespace::regnamespace::text AS schema, relname FROM pg_class
       WHERE relkind IN ('r', 'p', 'm', 'f') AND relpersistence <> 't'
         AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
         AND NOT (relkind = 'r' AND relnamespace = 'public'::regnamespace)
         AND relnamespace::regnamespace::text NOT LIKE 'pg_toast%'
       UNION ALL SELECT 'large object', '', oid::text FROM pg_largeobject_metadata`,
    );
    expect(others).toEqual([]);
    const transactions = await runSql(
      url,
      `SELECT table_name, column_name FROM information_schema.columns
       WHERE table_schema = 'public' AND data_type IN ('xid8', 'xid')`,
    );
    // Such numbers mean nothing on another server: adopt.ts does it for these.
    expect(transactions).toEqual([{ table_name: 'events', column_name: 'tx' }]);
    await drop();
  });

  it('keep the order of events, which is not that of their ids, and go on after them', async () => {
    const { to, drop } = await copied();
    const store = await openPostgresStore({
      ...{ url: to.url, poolSize: 2, applicationName: 'test' },
      log: createLog({ process: 'test', level: 'warn' }),
    });
    await store.events.append('app/plot', { actor: 'ana', what: 'new', why: 'later' });
    const whys = await eventually(async () => {
      const events = await store.events.since({ after: '0', entity: 'app/plot', limit: 99 });
      expect(events.at(-1)?.what).toBe('new');
      return events.map(({ why }) => why);
    });
    expect(whys.slice(0, 3)).toEqual(['first', 'second', 'third']);
    expect(whys.slice(3)).toEqual([expect.stringContaining('restored from the backup'), 'later']);
    const [numbers] = await runSql(to.url, 'SELECT min(id) > 0 AS positive, max(id) FROM events');
    expect(numbers?.['positive']).toBe(true);
    expect(Number(numbers?.['max'])).toBeGreaterThan(9);
    await store.close();
    await drop();
  });

  it('count on where numbers had got, also beyond the rows', async () => {
    const { to, drop } = await copied();
    await runSql(
      to.url,
      `INSERT INTO operations (id, entity, verb, actor, why) VALUES ('op-next', 'app/plot', 'wake', 'a', 'b')`,
    );
    const places = await runSql(to.url, 'SELECT id FROM operations ORDER BY place');
    expect(places.map(({ id }) => id)).toEqual(['op-done', 'op-open', 'op-next']);
    await drop();
  });

  it('let nobody in by what was ended or used after the backup', async () => {
    const { to, drop } = await copied();
    for (const table of ['sessions', 'login_links', 'device_logins']) {
      expect(await rowsOf(to.url, table), table).toEqual([]);
    }
    await drop();
  });

  it('name the host that has the folders of volumes now, and no other for those elsewhere', async () => {
    const from = await openFilledDatabase();
    await runSql(from.url, "UPDATE volumes SET host = 'lab-1' WHERE name = 'notebooks'");
    await runSql(from.url, "UPDATE volumes SET host = 'elsewhere' WHERE name = 'unused'");
    const to = await openEmptyDatabase();
    await restoreInto(to.url, await copyOf(from.url));
    expect(await runSql(to.url, 'SELECT name, host FROM volumes ORDER BY name')).toEqual([
      { name: 'going', host: 'local' },
      { name: 'notebooks', host: 'here' },
      { name: 'unused', host: 'elsewhere' },
    ]);
    await Promise.all([from.drop(), to.drop()]);
  });

  it('count the awake time of what ran until the backup, not until the restore', async () => {
    const from = await openFilledDatabase();
    await runSql(from.url, "UPDATE routes SET ready_at = now() - interval '1 minute'");
    const spent = async (url: string) => {
      const [row] = await runSql(url, 'SELECT sum(awake_ms)::float8 AS ms FROM app_days');
      return Number(row?.['ms']);
    };
    const before = await spent(from.url);
    const copy = await copyOf(from.url);
    const tenSecondsAgo = new Date(Date.parse(copy.takenAt) - 10_000).toISOString();
    const to = await openEmptyDatabase();
    await restoreInto(to.url, { ...copy, takenAt: tenSecondsAgo });
    const counted = (await spent(to.url)) - before;
    expect(counted).toBeGreaterThan(40_000);
    expect(counted).toBeLessThanOrEqual(55_000);
    await Promise.all([from.drop(), to.drop()]);
  });

  it('forget what ran: apps sleep, those that are always on start, removals go on', async () => {
    const { to, drop } = await copied();
    const apps = await runSql(
      to.url,
      'SELECT name, wanted, phase, host, actor FROM apps ORDER BY name',
    );
    const restored = { phase: 'none', host: null, actor: 'labkeeper restore' };
    expect(apps).toEqual([
      { name: 'broken', wanted: 'asleep', phase: 'failed', host: null, actor: 'ana' },
      { name: 'going', wanted: 'gone', phase: 'none', host: null, actor: 'ana' },
      { name: 'kernel', wanted: 'awake', ...restored },
      { name: 'new', wanted: 'asleep', phase: 'none', host: null, actor: 'ana' },
      { name: 'plot', wanted: 'asleep', ...restored },
      { name: 'sleeper', wanted: 'asleep', phase: 'none', host: null, actor: 'idle clock' },
    ]);
    const told = await runSql(
      to.url,
      `SELECT entity, data FROM events WHERE what = 'restored' ORDER BY entity`,
    );
    const ready = (generation: number) => ({ host: 'lab-1', phase: 'ready', generation });
    expect(told).toEqual([
      { entity: 'app/going', data: { host: 'lab-1', phase: 'draining', generation: 1 } },
      { entity: 'app/kernel', data: ready(2) },
      { entity: 'app/plot', data: ready(5) },
      { entity: 'host/here', data: { restore: 'restore-1' } },
    ]);
    await drop();
  });

  it('never name an instance as one of the time after the backup was named', async () => {
    const from = await openFilledDatabase();
    const copy = await copyOf(from.url);
    const to = await openEmptyDatabase();
    const anHourAgo = new Date(Date.parse(copy.takenAt) - 3_600_000).toISOString();
    await restoreInto(to.url, { ...copy, takenAt: anHourAgo });
    const rows = await runSql(to.url, 'SELECT entity, generation FROM lives ORDER BY entity');
    const used = await runSql(from.url, 'SELECT entity, generation FROM lives');
    for (const { entity, generation } of used) {
      const now = rows.find((row) => row['entity'] === entity)?.['generation'];
      expect(Number(now), String(entity)).toBeGreaterThanOrEqual(Number(generation) + 3600);
    }
    const never = rows.find(({ entity }) => entity === 'app/new');
    expect(Number(never?.['generation'])).toBeGreaterThanOrEqual(3600);
    await Promise.all([from.drop(), to.drop()]);
  });

  it('are of one moment, though others write while they are read', async () => {
    const { url, drop } = await openFilledDatabase();
    const before = (await rowsOf(url, 'events')).length;
    const snapshot = await openSnapshot({ url });
    await runSql(url, "UPDATE spaces SET title = 'later'");
    await runSql(
      url,
      "INSERT INTO events (entity, actor, what, why) VALUES ('app/x', 'a', 'b', 'c')",
    );
    const texts: Record<string, string> = {};
    for (const table of snapshot.tables) {
      const pieces: Buffer[] = [];
      for await (const piece of snapshot.rows(table)) pieces.push(piece);
      texts[table.name] = Buffer.concat(pieces).toString();
    }
    expect(texts['spaces']).not.toContain('later');
    expect(snapshot.counts['events']).toBe(before);
    await snapshot.close();
    await drop();
  });

  it('hold up no reader of events while they are read', async () => {
    const { url, drop } = await openFilledDatabase();
    await migrate(url);
    const store = await openPostgresStore({
      ...{ url, poolSize: 2, applicationName: 'test' },
      log: createLog({ process: 'test', level: 'warn' }),
    });
    const snapshot = await openSnapshot({ url });
    const events = snapshot.tables.find(({ name }) => name === 'events');
    if (events === undefined) throw new Error('no events');
    for await (const piece of snapshot.rows(events)) {
      expect(piece.length).toBeGreaterThan(0);
      await store.events.append('app/plot', { actor: 'ana', what: 'meanwhile', why: 'a backup' });
      await eventually(async () => {
        const found = await store.events.since({ after: '0', limit: 99 });
        expect(found.map(({ what }) => what)).toContain('meanwhile');
      });
    }
    await snapshot.close();
    await store.close();
    await drop();
  });

  it('of an earlier version are brought forward', async () => {
    const { to, drop } = await copied({ last: '0001-foundation.sql' });
    const all = await openFilledDatabase();
    expect(await tablesOf(to.url)).toEqual(await tablesOf(all.url));
    expect((await migrate(to.url)).applied).toEqual([]);
    const spaces = await runSql(to.url, 'SELECT name FROM spaces ORDER BY name');
    expect(spaces.map(({ name }) => name)).toEqual(['default', 'leer', 'ml-101']);
    await Promise.all([drop(), all.drop()]);
  });
});

describe.runIf(requirePart('postgres'))('a restore of rows', () => {
  it('refuses a backup of a newer program, and a database of one', async () => {
    const { url, drop } = await openFilledDatabase();
    const to = await openEmptyDatabase();
    const newer = /newer than the program.*9999-future\.sql; update labkeeper/;
    await expect(
      beginRestoring({ url: to.url }, ['0001-foundation.sql', '9999-future.sql']),
    ).rejects.toThrow(newer);
    await runSql(url, "INSERT INTO migrations (name) VALUES ('9999-future.sql')");
    await expect(openSnapshot({ url })).rejects.toThrow(newer);
    await Promise.all([drop(), to.drop()]);
  });

  it('refuses a database that holds something, and one that labkeeper uses', async () => {
    const full = await openFilledDatabase();
    const empty = await openEmptyDatabase();
    const refusal = { name: 'LabError', type: 'conflict' };
    await expect(beginRestoring({ url: full.url }, [])).rejects.toMatchObject({
      ...refusal,
      message: expect.stringContaining('it is not empty'),
    });
    await withClient(empty.url, async (client) => {
      await client.query("SET application_name = 'labkeeper api'");
      await expect(beginRestoring({ url: empty.url }, [])).rejects.toMatchObject({
        ...refusal,
        message: expect.stringContaining('in use by labkeeper api; stop labkeeper first'),
      });
    });
    await Promise.all([full.drop(), empty.drop()]);
  });

  it('leaves the database empty when it is cut off before its commit', async () => {
    const from = await openFilledDatabase();
    const copy = await copyOf(from.url);
    const to = await openEmptyDatabase();
    const restoring = await beginRestoring({ url: to.url }, copy.migrations);
    for (const { table, pieces } of copy.tables) await restoring.load(table, streamOf(pieces));
    await restoring.finish(copy.sequences, facts(copy.takenAt));
    await restoring.abandon();
    await eventually(async () => expect(await tablesOf(to.url)).toEqual([]));
    await restoreInto(to.url, copy);
    await Promise.all([from.drop(), to.drop()]);
  });

  it('refuses rows that do not fit: columns, values, and what refers to nothing', async () => {
    const from = await openFilledDatabase();
    const copy = await copyOf(from.url);
    const to = await openEmptyDatabase();
    const changed = (name: string, change: (one: Copy['tables'][number]) => void): Copy => {
      const tables = copy.tables.map(({ table, pieces }) => {
        const one = { table: { ...table }, pieces: [...pieces] };
        if (table.name === name) change(one);
        return one;
      });
      return { ...copy, tables };
    };
    const columns = changed('spaces', (one) => (one.table.columns = ['name', 'colour']));
    await expect(restoreInto(to.url, columns)).rejects.toThrow(
      /its columns in the backup \(name, colour\)/,
    );
    const values = changed('lives', (one) => (one.pieces = [Buffer.from('app/x\tmany\t1\n')]));
    await expect(restoreInto(to.url, values)).rejects.toThrow(/cannot restore the rows of lives/);
    const nothing = changed('spaces', (one) => (one.pieces = []));
    await expect(restoreInto(to.url, nothing)).rejects.toThrow(
      /refers to something that does not exist/,
    );
    await eventually(async () => expect(await tablesOf(to.url)).toEqual([]));
    await Promise.all([from.drop(), to.drop()]);
  });
});
