import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { startPostgres, stopPostgres } from '../../src/supervisor/postgres.ts';
import { identify } from '../../src/supervisor/process-identity.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';

describe.runIf(requirePart('postgres'))('starting PostgreSQL', () => {
  const log = createLog({ process: 'test', level: 'silent' });
  let data: string;
  let folder: string;
  let passwordFile: string;
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'labkeeper-data-'));
    await chmod(data, 0o755);
    folder = join(data, 'postgres');
    passwordFile = join(data, 'secrets', 'postgres-password');
  });
  afterEach(async () => {
    await stopPostgres(folder);
    await rm(data, { recursive: true, force: true });
  });

  const start = (port = 0) => startPostgres({ folder, port, passwordFile, log });
  const withPassword = async (url: string) => {
    const full = new URL(url);
    full.password = (await readFile(passwordFile, 'utf8')).trim();
    return full.href;
  };
  const isAlive = (pid: number) => identify(pid) !== null;

  it('makes a database that only the password opens', async () => {
    const { url, pid, adopted } = await start();
    expect(adopted).toBe(false);
    expect(isAlive(pid)).toBe(true);
    expect((await stat(passwordFile)).mode & 0o777).toBe(0o600);
    expect(url).not.toContain((await readFile(passwordFile, 'utf8')).trim());
    const [row] = await runSql(
      await withPassword(url),
      `SELECT current_setting('server_version_num')::integer AS version,
         current_setting('listen_addresses') AS addresses,
         current_setting('synchronous_commit') AS commit`,
    );
    expect(row).toMatchObject({ addresses: '127.0.0.1', commit: 'on' });
    expect(row?.['version']).toBeGreaterThanOrEqual(180_000);
    const guess = new URL(url);
    guess.password = 'guess';
    const stranger = new pg.Client({ connectionString: guess.href });
    await expect(stranger.connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('adopts the server that runs, whatever port it has', async () => {
    const first = await start();
    const second = await start(first.port === 5432 ? 5433 : 5432);
    expect(second).toEqual({ ...first, adopted: true });
  });

  it('outlives the process that started it', async () => {
    const script = `
      import { createLog } from './src/log.ts';
      import { startPostgres } from './src/supervisor/postgres.ts';
      const log = createLog({ process: 'test', level: 'silent' });
      const options = JSON.parse(process.argv[1]);
      const { pid } = await startPostgres({ ...options, port: 0, log });
      process.stdout.write(String(pid));
      process.kill(process.pid, 'SIGKILL');
    `;
    const options = JSON.stringify({ folder, passwordFile });
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, options];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk) => (said += String(chunk)));
    await once(child, 'close');
    const adopted = await start();
    expect(adopted).toMatchObject({ adopted: true, pid: Number(said) });
  });

  it('keeps what was committed through a kill of the server', async () => {
    const first = await start();
    await runSql(await withPassword(first.url), 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill(first.pid, 'SIGKILL');
    const second = await start(first.port);
    expect(second.adopted).toBe(false);
    expect(second.pid).not.toBe(first.pid);
    expect(await runSql(await withPassword(second.url), 'TABLE kept')).toEqual([{ answer: 42 }]);
  });

  it.runIf(process.platform === 'linux')(
    'is not misled by a pid that went to another program',
    async () => {
      const first = await start();
      const pidFile = join(folder, 'postmaster.pid');
      const text = await readFile(pidFile, 'utf8');
      await stopPostgres(folder);
      await stopPostgres(folder);
      expect(isAlive(first.pid)).toBe(false);
      const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      await once(stranger, 'spawn');
      await writeFile(pidFile, text.replace(/^\d+/, String(stranger.pid)));
      const second = await start();
      expect(second.adopted).toBe(false);
      const gone = once(stranger, 'exit');
      stranger.kill('SIGKILL');
      await gone;
    },
  );

  it('starts over after its first start was interrupted', async () => {
    await mkdir(join(`${folder}.new`, 'base'), { recursive: true });
    await writeFile(join(`${folder}.new`, 'PG_VERSION'), '18\n');
    expect((await start()).adopted).toBe(false);
  });

  it('never makes a database over something else', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'thesis.txt'), 'three years of work');
    await expect(start()).rejects.toThrow(/the folder holds something else; move that away/);
    expect(await readFile(join(folder, 'thesis.txt'), 'utf8')).toBe('three years of work');
  });

  it('names the port that another program uses', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(start(port)).rejects.toMatchObject({
      ...{ name: 'LabError', type: 'conflict', details: { port } },
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    other.close();
  });

  it.each([
    { written: '19', remedy: /newer than the program: update labkeeper/ },
    { written: '17', remedy: /dump it with PostgreSQL 17/ },
  ])('refuses data of PostgreSQL $written', async ({ written, remedy }) => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'PG_VERSION'), `${written}\n`);
    await expect(start()).rejects.toMatchObject({
      ...{ name: 'LabError', type: 'invalid', message: expect.stringMatching(remedy) },
    });
  });

  it('says that the password file is missing or wrong', async () => {
    await start();
    const password = await readFile(passwordFile);
    await rm(passwordFile);
    await expect(start()).rejects.toThrow(/its password file .* is missing; put it back/);
    await writeFile(passwordFile, 'guess\n');
    await expect(start()).rejects.toThrow(/refuses the password in its password file/);
    await writeFile(passwordFile, password);
    expect((await start()).adopted).toBe(true);
  });

  it('says what PostgreSQL says when it cannot start', async () => {
    await start();
    await stopPostgres(folder);
    await writeFile(join(folder, 'postgresql.auto.conf'), "shared_buffers = 'plenty'\n");
    await expect(start()).rejects.toThrow(/cannot start PostgreSQL.*shared_buffers.*plenty/s);
  });

  it.runIf(process.getuid?.() === 0)(
    'puts the database of root elsewhere when its folder is below a closed one',
    async () => {
      await chmod(data, 0o700);
      const first = await start();
      const elsewhere = await readlink(folder);
      try {
        expect(elsewhere).toMatch(/^\/var\/lib\/labkeeper\/database-/);
        await stopPostgres(folder);
        const second = await start(first.port);
        expect(second.adopted).toBe(false);
        expect(await start()).toEqual({ ...second, adopted: true });
      } finally {
        await stopPostgres(folder);
        await rm(dirname(elsewhere), { recursive: true, force: true });
      }
    },
  );

  it.runIf(process.getuid?.() === 0)(
    'says the remedy when a database that exists cannot be reached',
    async () => {
      await start();
      await stopPostgres(folder);
      await chmod(data, 0o700);
      await expect(start()).rejects.toThrow(/cannot reach that folder; set LABKEEPER_DATA/);
    },
  );
});
