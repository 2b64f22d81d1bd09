import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../src/supervisor/free-port.ts';
import { startLab, type Lab } from '../../beds/lab.ts';
import { requirePart } from '../../beds/require.ts';
import { newId, wayTo } from './bed.ts';

const whole = { docker_image: 'lab/none:1', port: 8506 };

describe('opening the QuLabs listener beyond this machine', () => {
  const gateway = (environment: Record<string, string>) => {
    const entry = fileURLToPath(new URL('../../../src/gateway/server.ts', import.meta.url));
    const { PATH = '' } = process.env;
    return spawnSync(process.execPath, ['--import', 'tsx', entry], {
      encoding: 'utf8',
      timeout: 30_000,
      env: { PATH, ...environment },
    });
  };

  it('is refused with a sentence unless the access is spelled out', () => {
    const { status, stdout } = gateway({ LABKEEPER_LISTEN_QULABS: '0.0.0.0:8002' });
    expect(status).toBe(1);
    expect(stdout).toContain('cannot open the qulabs listener on 0.0.0.0');
    expect(stdout).toContain('LABKEEPER_QULABS_ACCESS');
  });

  it('is refused by token without a token', () => {
    const { status, stdout } = gateway({
      LABKEEPER_LISTEN_QULABS: '0.0.0.0:8002',
      LABKEEPER_QULABS_ACCESS: 'token',
    });
    expect(status).toBe(1);
    expect(stdout).toContain('LABKEEPER_QULABS_TOKEN_FILE');
  });
});

const present = requirePart('temporal') && requirePart('postgres');
const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

describe.runIf(present)('a QuLabs listener with a token, a public address and a network', () => {
  let lab: Lab;
  let folder: string;
  let port: number;
  const token = 'a-token-of-sixteen-or-more';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-qulabs-'));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
    port = await findFreePort({ wanted: 0, address: '127.0.0.1' });
    lab = await startLab({
      LABKEEPER_LISTEN_QULABS: `0.0.0.0:${port}`,
      LABKEEPER_QULABS_ACCESS: '198.51.100.0/24,fd00::/8',
      LABKEEPER_QULABS_TOKEN_FILE: tokenFile,
      LABKEEPER_QULABS_URL: 'https://labs.example/qulabs/',
      LABKEEPER_QULABS_IMAGE_WAIT_MS: '50',
      LABKEEPER_QULABS_IMAGE_LOOK_MS: '10',
    });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);
  const own = () => wayTo(`http://127.0.0.1:${port}`);
  const bearer = { authorization: `Bearer ${token}` };

  it('C3 asks for the token to register and delete, and for nothing else', async () => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const body = { lab_id: newId(), ...whole };
      for (const answer of [
        await own().post('/register_app', body, headers),
        await own().ask('/labs/x', { method: 'DELETE', headers }),
      ]) {
        expect([answer.status, answer.json()]).toEqual([401, { detail: 'Unauthorized' }]);
      }
    }
    expect((await own().ask('/labs/x', { method: 'DELETE', headers: bearer })).status).toBe(200);
    for (const [path, status] of [
      ['/apps', 200],
      ['/health-check', 200],
      ['/app/x', 404],
      ['/status/x', 404],
      ['/x/', 404],
    ] as const) {
      expect((await own().ask(path)).status, path).toBe(status);
    }
  });

  it('C1 puts the path of the public address in front of every link', async () => {
    const id = newId();
    // There is no Docker here: what is asked about is how it is told.
    const answer = await own().post('/register_app', { lab_id: id, ...whole }, bearer);
    expect([answer.status, answer.json()['detail']]).toEqual([
      500,
      expect.stringContaining(`App ${id} failed to start: no host runs containers`),
    ]);
    expect((await own().ask(`/status/${id}`)).json()['url']).toBe(
      `https://labs.example/qulabs/${id}/`,
    );
    expect((await own().ask(`/${id}`)).headers.location).toBe(`/qulabs/${id}/`);
    expect((await own().ask('/apps/')).headers.location).toBe('/qulabs/apps');
    const page = await own().ask('/apps', { headers: { accept: 'text/html' } });
    expect(page.text).toContain(`href="/qulabs/app/${id}"`);
    const prefetched = { accept: 'text/html', 'sec-purpose': 'prefetch' };
    const waiting = await own().ask(`/${id}/deep`, { headers: prefetched });
    expect(waiting.text).toContain(`data-to="/qulabs/${id}/deep"`);
    await own().ask(`/apps/${id}`, { method: 'DELETE', headers: bearer });
  });

  it('lets no page of another site register or delete', async () => {
    const body = { lab_id: newId(), ...whole };
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: `http://evil.example:${port}`, host: `evil.example:${port}` },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      const answer = await own().post('/register_app', body, { ...bearer, ...headers });
      expect([answer.status, answer.json()], JSON.stringify(headers)).toEqual([
        403,
        { detail: 'Forbidden' },
      ]);
    }
  });

  it.runIf(outside !== undefined)('turns away who comes from another network', async () => {
    const answer = await wayTo(`http://${outside}:${port}`).ask('/apps');
    expect([answer.status, answer.json()['detail']]).toEqual([
      403,
      expect.stringContaining('LABKEEPER_QULABS_ACCESS'),
    ]);
  });
});
