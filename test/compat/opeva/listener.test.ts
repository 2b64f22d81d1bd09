import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../../beds/require.ts';
import { startOpevaWorld, wayTo, type OpevaWorld } from './bed.ts';

describe('opening the OPEVA listener', () => {
  const api = (environment: Record<string, string>) => {
    const entry = fileURLToPath(new URL('../../../src/api/server.ts', import.meta.url));
    const { PATH = '' } = process.env;
    return spawnSync(process.execPath, ['--import', 'tsx', entry], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { PATH, ...environment },
    });
  };

  it('beyond this machine is refused with a sentence unless the access is spelled out', () => {
    const { status, stdout } = api({ LABKEEPER_LISTEN_OPEVA: '0.0.0.0:8000' });
    expect(status).toBe(1);
    expect(stdout).toContain('cannot open the opeva listener on 0.0.0.0');
    expect(stdout).toContain('LABKEEPER_OPEVA_ACCESS');
  });

  it('with processes that nobody named is refused', () => {
    const { status, stdout } = api({ LABKEEPER_OPEVA_RUNNER: 'process' });
    expect(status).toBe(1);
    expect(stdout).toContain('LABKEEPER_OPEVA_COMMAND_PREFIX');
  });
}, 120_000);

const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
const page = 'https://opeva.example';

describe.runIf(requirePart('temporal') && requirePart('postgres'))(
  'an OPEVA listener with a token and a web page',
  { timeout: 60_000 },
  () => {
    let world: OpevaWorld;
    let folder: string;
    const bearer = { authorization: 'Bearer a-token-of-sixteen-or-more' };
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'labkeeper-opeva-'));
      const tokenFile = join(folder, 'token');
      await writeFile(tokenFile, 'a-token-of-sixteen-or-more\n', { mode: 0o600 });
      world = await startOpevaWorld({
        LABKEEPER_OPEVA_ACCESS: 'token',
        LABKEEPER_OPEVA_TOKEN_FILE: tokenFile,
        LABKEEPER_OPEVA_CORS_ORIGINS: page,
      });
    }, 180_000);
    afterAll(async () => {
      await world?.close();
      await rm(folder, { recursive: true, force: true });
    }, 90_000);

    it('2 asks for the token in everything but health, on both listeners', async () => {
      for (const way of [world.own, world.onConsole]) {
        expect((await way.get('/health')).status).toBe(200);
        const answers = [
          await way.get('/jobs'),
          await way.post('/run-simulation', { config: { act: 'env' } }),
          await way.get('/jobs', { authorization: 'Bearer wrong' }),
        ];
        for (const answer of answers) {
          expect([answer.status, answer.json()]).toEqual([401, { detail: 'Unauthorized' }]);
        }
        expect((await way.get('/jobs', bearer)).status).toBe(200);
      }
    });

    it('2 lets a page of a named origin in, with credentials, and no other', async () => {
      const preflight = await world.own.send('/run-simulation', {
        method: 'OPTIONS',
        headers: {
          origin: page,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-origin')).toBe(page);
      expect(preflight.headers.get('access-control-allow-credentials')).toBe('true');
      const body = { config: { act: 'env' } };
      const launched = await world.own.post('/run-simulation', body, { ...bearer, origin: page });
      expect(launched.status, launched.text).toBe(200);
      expect(launched.headers.get('access-control-allow-origin')).toBe(page);
      const foreign = { ...bearer, origin: 'https://evil.example' };
      expect((await world.own.post('/run-simulation', body, foreign)).status).toBe(403);
      const read = await world.own.get('/jobs', foreign);
      expect(read.headers.get('access-control-allow-origin')).toBeNull();
    });
  },
);

describe.runIf(requirePart('temporal') && requirePart('postgres') && outside !== undefined)(
  'an OPEVA listener for a network',
  { timeout: 60_000 },
  () => {
    let world: OpevaWorld;
    beforeAll(async () => {
      world = await startOpevaWorld(
        { LABKEEPER_OPEVA_ACCESS: '198.51.100.0/24,fd00::/8' },
        undefined,
        '0.0.0.0',
      );
    }, 180_000);
    afterAll(() => world?.close(), 90_000);

    it('2 lets this machine in, and nobody of another network', async () => {
      expect((await world.own.get('/health')).status).toBe(200);
      const other = wayTo(world.own.base.replace('127.0.0.1', outside ?? ''));
      const refused = await other.get('/jobs');
      expect([refused.status, String(refused.json()['detail'])]).toEqual([
        403,
        expect.stringContaining('LABKEEPER_OPEVA_ACCESS'),
      ]);
    });

    it('1 comes back with its process, and its jobs went on meanwhile', async () => {
      const id = await world.own.launch({ config: { act: 'wait' } });
      await world.own.until(id, 'running');
      await world.lab.api.kill9();
      await world.tell(id, 'go');
      await world.lab.api.start();
      expect(await world.own.until(id, 'finished')).toMatchObject({ exit_code: 0 });
    });
  },
);
