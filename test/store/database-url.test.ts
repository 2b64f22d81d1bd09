import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionOptions } from '../../src/store/postgres/database.ts';
import { parseDatabaseUrl } from '../../src/store/postgres/database-url.ts';
import { stopPostgres } from '../../src/supervisor/postgres.ts';
import { makeAuthority, type Authority, type Certificate } from '../beds/certificates.ts';
import { startEncryptedPostgres } from '../beds/encrypted-postgres.ts';
import { requirePart } from '../beds/require.ts';

describe('the address of the database', () => {
  it('is plain unless its URL asks for more', () => {
    for (const end of ['', '?sslmode=disable', '?sslmode=prefer']) {
      expect(parseDatabaseUrl(`postgres://lab%40er:p%3Aw@db.example/lab${end}`)).toEqual({
        ...{ host: 'db.example', port: 5432, user: 'lab@er', password: 'p:w', database: 'lab' },
        encryption: null,
      });
    }
  });

  it('names authority and client certificate in the words of libpq', () => {
    const url =
      'postgres://lab@[::1]:6432/lab?sslmode=verify-full&sslrootcert=/a.crt&sslcert=/c.crt&sslkey=/c.key';
    expect(parseDatabaseUrl(url)).toMatchObject({
      ...{ host: '::1', port: 6432 },
      encryption: { proof: 'name', caFile: '/a.crt', certFile: '/c.crt', keyFile: '/c.key' },
    });
  });

  it.each([
    ['lab:secret@nowhere', /is no URL of a database: one looks like postgres:/],
    ['postgres://lab:secret@db/lab?sslmode=full', /unknown sslmode full/],
    ['postgres://lab:secret@db/lab?sslmode=require&sslcert=/c.crt', /needs both/],
  ])('is refused by a sentence without its password: %s', (url, sentence) => {
    expect(() => parseDatabaseUrl(url)).toThrow(sentence);
    expect(() => parseDatabaseUrl(url)).not.toThrow(/secret/);
  });

  it('names the file that cannot be read', () => {
    const url = 'postgres://lab@db/lab?sslmode=verify-ca&sslrootcert=/not/there.crt';
    expect(() => connectionOptions({ url, applicationName: 'test' })).toThrow(
      /cannot read the file that sslrootcert in LABKEEPER_DATABASE_URL names \(\/not\/there\.crt\)/,
    );
  });
});

describe.runIf(requirePart('postgres') && requirePart('openssl'))('a database behind TLS', () => {
  let folder: string;
  let authority: Authority;
  let other: Authority;
  let client: Certificate;
  let port: number;
  let passwordFile: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-database-'));
    await chmod(folder, 0o755);
    [authority, other] = [await makeAuthority(folder), await makeAuthority(folder, 'other')];
    client = await authority.sign('labkeeper');
    passwordFile = join(folder, 'password');
    ({ port } = await startEncryptedPostgres(folder, authority, passwordFile));
  }, 120_000);
  afterAll(async () => {
    await stopPostgres(join(folder, 'postgres'));
    await rm(folder, { recursive: true, force: true });
  });

  /** Whether a connection is encrypted, and what the server knows of its client. */
  async function connect(host: string, words: Record<string, string>) {
    const url = new URL(`postgres://labkeeper@${host}:${port}/labkeeper`);
    for (const [word, value] of Object.entries(words)) url.searchParams.set(word, value);
    const options = connectionOptions({ url: url.href, passwordFile, applicationName: 'test' });
    const connection = new pg.Client(options);
    await connection.connect();
    try {
      const { rows } = await connection.query<{ ssl: boolean; client_dn: string | null }>(
        'SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      return rows[0];
    } finally {
      await connection.end();
    }
  }

  it('is reached plainly, encrypted, and with proof of who answers', async () => {
    const sslrootcert = authority.certFile;
    expect(await connect('127.0.0.1', {})).toMatchObject({ ssl: false });
    expect(await connect('127.0.0.1', { sslmode: 'require' })).toMatchObject({ ssl: true });
    for (const sslmode of ['require', 'verify-ca', 'verify-full']) {
      expect(await connect('localhost', { sslmode, sslrootcert })).toMatchObject({ ssl: true });
    }
  });

  it('is refused when another authority vouches for it', async () => {
    for (const sslmode of ['require', 'verify-ca', 'verify-full']) {
      const words = { sslmode, sslrootcert: other.certFile };
      await expect(connect('localhost', words)).rejects.toThrow(/unable to verify|self-signed/);
    }
  });

  it('must have the name of its address only where that is asked for', async () => {
    const sslrootcert = authority.certFile;
    const byNumber = (sslmode: string) => connect('127.0.0.1', { sslmode, sslrootcert });
    expect(await byNumber('verify-ca')).toMatchObject({ ssl: true });
    await expect(byNumber('verify-full')).rejects.toThrow(/does not match certificate/);
  });

  it('is told who we are by our own certificate', async () => {
    const words = { sslmode: 'require', sslcert: client.certFile, sslkey: client.keyFile };
    expect(await connect('localhost', words)).toEqual({ ssl: true, client_dn: '/CN=labkeeper' });
  });

  it('gets a changed password with the next connection, without a restart', async () => {
    const url = `postgres://labkeeper@localhost:${port}/labkeeper`;
    const options = connectionOptions({ url, passwordFile, applicationName: 'test' });
    const ask = async (sql: string) => {
      const connection = new pg.Client(options);
      await connection.connect();
      try {
        await connection.query(sql);
      } finally {
        await connection.end();
      }
    };
    await ask("ALTER ROLE labkeeper PASSWORD 'another-one'");
    await expect(ask('SELECT 1')).rejects.toThrow(/password authentication failed/);
    await writeFile(passwordFile, 'another-one\n');
    await expect(ask('SELECT 1')).resolves.toBeUndefined();
  });
});
