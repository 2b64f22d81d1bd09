import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { checkKeyFile } from '../../src/supervisor/doctor/secrets.ts';
import { addKey, makeKeyFile } from '../../src/store/key-file/key-file.ts';
import { keyFileSealer } from '../../src/store/key-file/sealer.ts';
import { makeAuthority } from '../beds/certificates.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';

const root = join(import.meta.dirname, '..', '..');

interface Finding {
  name: string;
  state: string;
  detail: string;
  remedy?: string;
}

const anyPort = Object.fromEntries(
  ['APPS', 'API', 'AGENT', 'GATEWAY_METRICS', 'WORKER_METRICS'].map((name) => [
    `LABKEEPER_${name}_PORT`,
    '0',
  ]),
);

describe('labkeeper doctor', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-doctor-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function doctor(settings: Record<string, string>, ...args: string[]) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', join(root, 'src', 'cli', 'main.ts'), 'doctor', ...args],
      {
        cwd: root,
        encoding: 'utf8',
        env: { ...process.env, LABKEEPER_DATA: join(folder, 'data'), ...settings },
      },
    );
    return { status, stdout, stderr };
  }
  function examine(settings: Record<string, string>) {
    const { status, stdout } = doctor(settings, '--json');
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Finding[] };
    return { status, ok, find: (name: string) => checks.find((one) => one.name === name), checks };
  }

  it('says that nothing runs, and how to start it', () => {
    const { status, ok, find } = examine({});
    expect({ status, ok }).toEqual({ status: 1, ok: false });
    expect(find('labkeeper')).toMatchObject({
      state: 'failed',
      remedy: expect.stringContaining('npm start') as string,
    });
    expect(find('Node')).toMatchObject({ state: 'ok' });
  });

  it('has a remedy for whatever is not well', () => {
    const { checks } = examine({
      LABKEEPER_DOCKER: 'on',
      LABKEEPER_DOCKER_SOCKET: join(folder, 'no.sock'),
      LABKEEPER_DATABASE_URL: 'postgres://labkeeper@127.0.0.1:1/labkeeper',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      LABKEEPER_BIND: '0.0.0.0',
      LABKEEPER_STORAGE_REFUSE_BYTES: String(2 ** 50),
    });
    const failed = checks.filter(({ state }) => state === 'failed');
    expect(failed.map(({ name }) => name).sort()).toEqual(
      ['Docker', 'PostgreSQL', 'Temporal', 'access', 'disk', 'labkeeper'].sort(),
    );
    for (const { name, remedy } of failed) expect(remedy, name).toBeTruthy();
  });

  it.runIf(requirePart('openssl'))(
    'looks at the certificate of the gateway, and says when it ends',
    async () => {
      const authority = await makeAuthority(folder);
      const { certFile, keyFile } = await authority.sign('lab');
      const settings = {
        ...{ LABKEEPER_BIND: '0.0.0.0', LABKEEPER_AUTHENTICATION: 'required' },
        ...{ LABKEEPER_TLS_CERT_FILE: certFile, LABKEEPER_TLS_KEY_FILE: keyFile },
      };
      const { find } = examine(settings);
      expect(find('access')).toMatchObject({ state: 'ok', detail: '0.0.0.0: people log in' });
      expect(find('TLS')).toMatchObject({
        state: 'warning',
        detail: expect.stringMatching(/lab\.crt ends: \d{4}-/) as string,
      });
      const swapped = examine({ ...settings, LABKEEPER_TLS_KEY_FILE: authority.keyFile });
      expect(swapped.find('TLS')).toMatchObject({
        state: 'failed',
        detail: expect.stringContaining('do not belong together') as string,
      });
    },
  );

  it.runIf(requirePart('postgres'))(
    'looks at the key file of secrets: there, closed to others, and the right one',
    async () => {
      const { store, url, close } = await openTestStore();
      const file = join(folder, 'encryption-key');
      const settings = { LABKEEPER_DATABASE_URL: url, LABKEEPER_ENCRYPTION_KEY_FILE: file };
      const found = () => checkKeyFile(loadConfig(settings), store.secrets);
      const said = (words: RegExp) => expect.stringMatching(words) as string;
      const set = async (name: string) => {
        const key = { space: 'default', kind: 'value', name } as const;
        const sealed = await keyFileSealer(file).seal('a secret value', key);
        await store.secrets.set({ ...key, sealed, actor: 'ana', limit: 10 });
      };

      expect(await found()).toMatchObject({ state: 'warning', detail: said(/is not there/) });
      await makeKeyFile(file);
      expect(await found()).toMatchObject({ state: 'ok', detail: said(/no secret is kept yet/) });
      await set('hf-token');
      await addKey(file);
      await set('other');
      expect(await found()).toMatchObject({
        state: 'ok',
        detail: said(/2 keys and opens all 2 secrets/),
      });

      await chmod(file, 0o644);
      expect(await found()).toMatchObject({
        state: 'failed',
        detail: said(/mode is 0644/),
        remedy: said(/chmod 600 .*rotate-key/),
      });
      await rm(file);
      expect(await found()).toMatchObject({
        state: 'failed',
        detail: said(/is not there, and all 2 secrets cannot be opened without it/),
        remedy: said(/backup/),
      });
      await makeKeyFile(file);
      expect(await found()).toMatchObject({
        state: 'failed',
        detail: said(/2 of 2 secrets do not open: hf-token \(space default\), other/),
        remedy: said(/add the missing key/),
      });
      const { checks, find } = examine(settings);
      expect(find('encryption key')).toEqual(await found());
      expect(JSON.stringify(checks)).not.toContain('a secret value');
      await close();
    },
  );

  it('tells of a busy port', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const { port } = busy.address() as { port: number };
    // The others are let off: whatever else runs on this machine may have their defaults.
    const { find } = examine({ ...anyPort, LABKEEPER_CONSOLE_PORT: String(port) });
    expect(find('ports')).toMatchObject({
      state: 'warning',
      detail: `port ${port} for console is busy`,
    });
    busy.close();
  });

  it('names every mistake of the settings', () => {
    const { status, stderr } = doctor({ LABKEEPER_LOG_LEVEL: 'loud', LABKEEPER_DATTA: 'x' });
    expect(status).toBe(1);
    expect(stderr).toContain('LABKEEPER_LOG_LEVEL: ');
    expect(stderr).toContain('LABKEEPER_DATTA: ');
    const told = doctor({ LABKEEPER_LOG_LEVEL: 'loud' }, '--json');
    expect([told.status, told.stdout]).toEqual([1, '']);
    expect(JSON.parse(told.stderr)).toMatchObject({
      type: 'urn:labkeeper:problem:failed',
      detail: expect.stringContaining('LABKEEPER_LOG_LEVEL: ') as string,
    });
  });

  it('says when the data is newer than the program', async () => {
    await writeFile(join(folder, 'VERSION'), '99\n');
    const { find } = examine({ LABKEEPER_DATA: folder });
    expect(find('data folder')).toMatchObject({
      state: 'failed',
      remedy: expect.stringContaining('update') as string,
    });
  });
});
