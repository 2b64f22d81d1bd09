import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionOptions } from '../../src/store/postgres/database.ts';
import { identify } from '../../src/supervisor/process-identity.ts';
import { stopPostgres } from '../../src/supervisor/postgres.ts';
import {
  startTemporalServer,
  stopTemporalServer,
  type TemporalServerOptions,
} from '../../src/supervisor/temporal-production.ts';
import { findTemporalServer } from '../../src/supervisor/temporal-server-programs.mjs';
import { makeAuthority, type Authority } from '../beds/certificates.ts';
import { startEncryptedPostgres } from '../beds/encrypted-postgres.ts';
import { requirePart } from '../beds/require.ts';

const run = promisify(execFile);
const parts = requirePart('temporal-server') && requirePart('postgres') && requirePart('openssl');

describe.runIf(parts)('the Temporal server on a database behind TLS', () => {
  let folder: string;
  let authority: Authority;
  let passwordFile: string;
  let port: number;
  let options: TemporalServerOptions;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-temporal-'));
    await chmod(folder, 0o755);
    authority = await makeAuthority(folder);
    passwordFile = join(folder, 'password');
    ({ port } = await startEncryptedPostgres(folder, authority, passwordFile));
    const { programs } = findTemporalServer(process.env);
    if (programs === null) throw new Error('guarded');
    const { server, sqlTool, uiServer } = programs;
    options = {
      folder: join(folder, 'temporal'),
      programs: { server: server.path, sqlTool: sqlTool.path, uiServer: uiServer.path },
      database: { url: urlOf('labkeeper'), passwordFile, name: 'temporal' },
      ...{ namespace: 'lab', retentionDays: 2, log: pino({ level: 'silent' }) },
    };
  }, 120_000);
  afterAll(async () => {
    await stopTemporalServer(options.folder);
    await stopPostgres(join(folder, 'postgres'));
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  function urlOf(role: string, password = ''): string {
    const url = new URL(`postgres://${role}@localhost:${port}/labkeeper`);
    url.password = password;
    url.searchParams.set('sslmode', 'verify-full');
    url.searchParams.set('sslrootcert', authority.certFile);
    return url.href;
  }

  async function ask<Row extends pg.QueryResultRow>(sql: string, database = 'labkeeper') {
    const own = connectionOptions({ ...options.database, passwordFile, applicationName: 'test' });
    const client = new pg.Client({ ...own, database });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  const start = (changes: Partial<TemporalServerOptions> = {}) =>
    startTemporalServer({ ...options, ...changes, port: 0 });

  async function retentionOf(address: string): Promise<number> {
    const connection = await Connection.connect({ address });
    try {
      const { config } = await connection.workflowService.describeNamespace({ namespace: 'lab' });
      return Number(config?.workflowExecutionRetentionTtl?.seconds);
    } finally {
      await connection.close();
    }
  }

  it('needs a role that may make its databases, or databases that are there', async () => {
    await ask("CREATE ROLE limited LOGIN PASSWORD 'only-for-this-test'");
    const database = { url: urlOf('limited', 'only-for-this-test'), passwordFile: undefined };
    const limited = () => start({ database: { ...database, name: 'theirs' } });
    await expect(limited()).rejects.toThrow(
      /make theirs and theirs_visibility with that role as their owner, or let it: ALTER ROLE/,
    );
    await ask('CREATE DATABASE theirs OWNER limited');
    await ask('CREATE DATABASE theirs_visibility OWNER limited');
    expect(await limited()).toMatchObject({ adopted: false });
    await stopTemporalServer(options.folder);
  }, 60_000);

  it('makes its databases, and speaks to them encrypted only', async () => {
    const { address } = await start();
    expect(await retentionOf(address)).toBe(2 * 86_400);
    const uses = await ask<{ ssl: boolean; datname: string }>(
      `SELECT DISTINCT ssl, datname FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
       WHERE datname LIKE 'temporal%' ORDER BY datname`,
    );
    expect(uses).toEqual([
      { ssl: true, datname: 'temporal' },
      { ssl: true, datname: 'temporal_visibility' },
    ]);
  }, 60_000);

  it('is adopted by a second call, which may change how long it keeps what is over', async () => {
    const first = await start();
    const second = await start({ retentionDays: 5 });
    expect(second).toEqual({ ...first, adopted: true });
    expect(await retentionOf(second.address)).toBe(5 * 86_400);
  });

  it('is replaced when it was started with other settings', async () => {
    const first = await start();
    const second = await start({ dynamicConfig: { 'frontend.rps': 1000 } });
    expect(second).toMatchObject({ adopted: false });
    expect(second.pid).not.toBe(first.pid);
    expect(identify(first.pid)).toBeNull();
  }, 60_000);

  it('keeps its ports after a kill and after a stop, all of them where its databases can hold them', async () => {
    const first = await start();
    const ports = await portsOfServer();
    expect(ports).toHaveLength(8);
    for (const one of ports) expect(one).toBeLessThan(32_768);
    process.kill(first.pid, 'SIGKILL');
    expect(await start()).toMatchObject({ address: first.address, adopted: false });
    expect(await portsOfServer()).toEqual(ports);
    await stopTemporalServer(options.folder);
    expect(await start()).toMatchObject({ address: first.address, adopted: false });
    expect(await portsOfServer()).toEqual(ports);
  }, 60_000);

  async function portsOfServer(): Promise<number[]> {
    const text = await readFile(join(options.folder, 'server.json'), 'utf8');
    return Object.entries(JSON.parse(text) as Record<string, unknown>)
      .filter(([name]) => name.toLowerCase().endsWith('port'))
      .map(([, value]) => Number(value));
  }

  it('goes on from a schema that was left half made', async () => {
    const name = 'half';
    await ask(`CREATE DATABASE ${name}`);
    const password = await readFile(passwordFile, 'utf8');
    const tool = (...args: string[]) =>
      run(options.programs.sqlTool, args, {
        env: {
          ...{ SQL_PLUGIN: 'postgres12', SQL_HOST: 'localhost', SQL_PORT: String(port) },
          ...{ SQL_USER: 'labkeeper', SQL_DATABASE: name, SQL_TLS: 'true' },
          SQL_TLS_CA_FILE: authority.certFile,
          SQL_PASSWORD: password.trim(),
        },
      });

    await tool('setup-schema', '--version', '0.0');
    await tool('update-schema', '--schema-name', 'postgresql/v12/temporal', '--version', '1.3');
    await stopTemporalServer(options.folder);
    await start({ database: { ...options.database, name } });
    const [row] = await ask<{ newest: string }>(
      'SELECT max(string_to_array(curr_version, $$.$$)::int[])::text AS newest FROM schema_version',
      name,
    );
    expect(row?.newest).not.toBe('{1,3}');
  }, 60_000);

  it('writes the password of its database nowhere', async () => {
    const password = (await readFile(passwordFile, 'utf8')).trim();
    const names = await readdir(options.folder, { recursive: true, withFileTypes: true });
    const files = names.filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['server.yaml', 'dynamic.yaml', 'server.log', 'server.json']),
    );
    for (const { parentPath, name } of files) {
      expect(await readFile(join(parentPath, name), 'utf8'), name).not.toContain(password);
    }
    const { pid } = await start();
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(password);
  }, 60_000);

  it('says what the server said when it cannot run', async () => {
    await stopTemporalServer(options.folder);
    const broken = { ...options.programs, server: '/bin/false' };
    await expect(start({ programs: broken })).rejects.toThrow(
      /Temporal was started with \/bin\/false and ended:\n$/,
    );
    const absent = { ...options.programs, server: '/nowhere' };
    await expect(start({ programs: absent })).rejects.toThrow(
      /Temporal was started with \/nowhere and did not start \(spawn \/nowhere ENOENT\)/,
    );
    const gone = { ...options.programs, sqlTool: '/bin/false' };
    await expect(start({ programs: gone })).rejects.toThrow(
      /cannot bring the database temporal to the version/,
    );
  }, 60_000);
});
