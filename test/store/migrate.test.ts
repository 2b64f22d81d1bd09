import { describe, expect, it } from 'vitest';
import { migrate } from '../../src/store/postgres/migrate.ts';
import { openTestDatabase } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from './sql.ts';

describe.runIf(requirePart('postgres'))('migrations', () => {
  const emptied = async () => {
    const database = await openTestDatabase();
    await runSql(database.url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    return database;
  };

  it('applies each file once, however many processes start at once', async () => {
    const { url, drop } = await emptied();
    const runs = await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
    const applied = runs.flatMap((run) => run.applied);
    expect(applied[0]).toBe('0001-foundation.sql');
    expect(new Set(applied).size).toBe(applied.length);
    expect(await runSql(url, 'SELECT name FROM migrations ORDER BY name')).toEqual(
      applied.map((name) => ({ name })),
    );
    await drop();
  });

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
    const { url, drop } = await emptied();
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
