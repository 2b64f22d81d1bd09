import { describe, expect, it } from 'vitest';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { knownMigrations } from '../../src/store/postgres/migrations.ts';
import { openTestDatabase } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { openEmptyDatabase, openFilledDatabase, rowsOf, tablesOf, type Rows } from './content.ts';
import { runSql } from './sql.ts';

/** Columns whose values a migration changes on purpose. */
const rewritten: Readonly<Record<string, string[]>> = { events: ['id', 'tx'] };
const isRewritten = (table: string, column: string) => rewritten[table]?.includes(column) === true;

describe.runIf(requirePart('postgres'))('migrations', () => {
  it('applies each file once, however many processes start at once', async () => {
    const { url, drop } = await openEmptyDatabase();
    const runs = await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
    const applied = runs.flatMap((run) => run.applied);
    expect(applied[0]).toBe('0001-foundation.sql');
    expect(new Set(applied).size).toBe(applied.length);
    expect(await runSql(url, 'SELECT name FROM migrations ORDER BY name')).toEqual(
      applied.map((name) => ({ name })),
    );
    await drop();
  });

  it('loses nothing of a database that any earlier version made and a lab filled', async () => {
    const known = await knownMigrations();
    for (const last of known) {
      const { url, drop } = await openFilledDatabase({ last });
      const before = new Map<string, Rows>();
      for (const table of await tablesOf(url)) before.set(table, await rowsOf(url, table));
      expect((await migrate(url)).applied).toEqual(known.filter((name) => name > last));
      for (const [table, rows] of before) {
        const after = await rowsOf(url, table);
        for (const row of rows) {
          const kept = Object.entries(row).filter(([column]) => !isRewritten(table, column));
          const asBefore = expect.objectContaining(Object.fromEntries(kept));
          expect(after, `${table} from ${last}`).toContainEqual(asBefore);
        }
      }
      await drop();
    }
  }, 120_000);

  it('refuses a database that a newer program has migrated', async () => {
    const { url, drop } = await openTestDatabase();
    await runSql(url, "INSERT INTO migrations (name) VALUES ('9999-future.sql')");
    await expect(migrate(url)).rejects.toMatchObject({
      ...{ name: 'LabError', type: 'invalid' },
      message: expect.stringMatching(/newer than the program.*9999-future\.sql; update labkeeper/),
    });
    await drop();
  });

  it('leaves nothing behind of a migration that fails, and says which', async () => {
    const { url, drop } = await openEmptyDatabase();
    await runSql(url, 'CREATE TABLE outbox (x integer)');
    await expect(migrate(url)).rejects.toThrow(/cannot apply migration 0001-foundation\.sql/);
    const tables = await runSql(
      url,
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    );
    expect(tables.map((row) => row['table_name'])).toEqual(['migrations', 'outbox']);
    await drop();
  });

  it('says that the database does not answer', async () => {
    await expect(migrate('postgres://nobody@127.0.0.1:1/none')).rejects.toThrow(
      /cannot migrate the database: the database does not answer/,
    );
  });
});
