import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgentServer } from '../../src/agent/server.ts';
import { archiveSender } from '../../src/agent/archive-sender.ts';
import { agentVolumeReader } from '../../src/api/volume-reader.ts';
import { jobFolders } from '../../src/runtime/job-folders/index.ts';
import { volumeFolders } from '../../src/runtime/volume-folders/index.ts';
import type { VolumeFolders } from '../../src/runtime/volumes.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { internalToken, openApi, problemOf, spec, type ApiBed } from './bed.ts';
import { openPeople } from './people-bed.ts';

const MiB = 1024 * 1024;

describe.runIf(requirePart('postgres'))('volumes over the API', () => {
  let api: ApiBed;
  let folder: string;
  let folders: VolumeFolders;
  let agent: Server;
  let server: Server;
  let url: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'labkeeper-api-volumes-'));
    folders = volumeFolders({ folder });
    const log = pino({ level: 'silent' });
    agent = createAgentServer({
      runtimes: [],
      volumes: folders,
      jobFolders: jobFolders({ folder: join(folder, 'jobs'), installation: 'test' }),
      archives: archiveSender({ most: 2, log }),
      internalToken,
      metrics: () => '',
      notReady: () => null,
      log,
    });
    const agentUrl = await listen(agent);
    const volumeReader = agentVolumeReader({ token: internalToken, timeoutMs: 5_000 });
    api = await openApi({ volumeReader });
    await joinHost('lab-1', agentUrl);
    await joinHost('lab-away', 'http://127.0.0.1:1');
    server = createAdaptorServer({ fetch: api.app.fetch }) as Server;
    url = await listen(server);
  });
  afterAll(async () => {
    for (const one of [agent, server]) {
      one.closeAllConnections();
      one.close();
    }
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const joinHost = (name: string, agentUrl: string) =>
    api.store.hosts.heartbeat({
      ...{ name, agentUrl, runtimes: [], cpus: 1, memoryBytes: 1 },
      storage: { state: 'ok', freeBytes: 1, totalBytes: 1 },
    });
  const put = (name: string, body: unknown = {}) =>
    api.send('PUT', `/api/v1/volumes/${name}`, { body });
  const show = async (name: string) =>
    (await (await api.send('GET', `/api/v1/volumes/${name}`)).json()) as Record<string, unknown>;
  const archive = (name: string, query = '') =>
    api.send('GET', `/api/v1/volumes/${name}/archive${query}`);

  /** A volume that lives on the host of the agent, with its folder. */
  async function used(name: string, host = 'lab-1'): Promise<string> {
    await put(name);
    expect(await api.store.volumes.settle([name], host, 'plot')).toBe(true);
    return folders.ensure(name, { isNew: true, forContainers: false });
  }

  it('are made by an app that names them, and say who names them', async () => {
    await api.register('plot', { volumes: [{ volume: 'plot-data', path: '/data' }] });
    expect(await show('plot-data')).toMatchObject({
      name: 'plot-data',
      title: 'plot-data',
      owner: 'local user',
      status: 'unused',
      explanation: expect.stringContaining('has not been used yet'),
      limitMeaning: expect.stringContaining('nothing stops from growing'),
      apps: ['plot'],
      host: null,
      measured: null,
      links: { archive: '/api/v1/volumes/plot-data/archive' },
    });
    const list = await (await api.send('GET', '/api/v1/volumes?limit=1')).json();
    expect(list).toMatchObject({ items: [{ name: 'plot-data' }], next: null });
  });

  it('tell how full they are, and what follows of it', async () => {
    await used('fills');
    await put('fills', { maxBytes: 10 * MiB, title: 'Fills up' });
    const hold = (sizeBytes: number, whole = true) =>
      api.store.volumes.measured('fills', 'lab-1', {
        ...{ measure: { sizeBytes, fileCount: 3, whole }, hindrance: null, nextInMs: 60_000 },
      });
    await hold(MiB);
    expect(await show('fills')).toMatchObject({
      title: 'Fills up',
      status: 'ok',
      explanation: 'fills lives on lab-1 and holds 1.0 MiB of 10 MiB in 3 files.',
    });
    await hold(9 * MiB, false);
    expect(await show('fills')).toMatchObject({
      status: 'nearly full',
      explanation: expect.stringContaining('at least 9.0 MiB of 10 MiB'),
    });
    await hold(10 * MiB);
    expect(await show('fills')).toMatchObject({ status: 'full' });
    const events = await (await api.send('GET', '/api/v1/volumes/fills/events?limit=2')).json();
    expect(events).toMatchObject({ items: [{ what: 'full' }, { what: 'nearly full' }] });
  });

  it('refuse what is no volume, field by field', async () => {
    const wrong = await problemOf(await put('fine', { maxBytes: 1, colour: 'red', title: '' }));
    expect(wrong.status).toBe(400);
    expect(wrong.errors?.map(({ path }) => path).sort()).toEqual(['colour', 'maxBytes', 'title']);
    for (const name of ['..', '%2e%2e%2fetc', 'UPPER', 'a_b', 'x'.repeat(64)]) {
      const answer = await api.send('GET', `/api/v1/volumes/${name}/archive`);
      expect([name, [400, 404].includes(answer.status)]).toEqual([name, true]);
    }
    expect((await api.send('GET', '/api/v1/volumes/nowhere')).status).toBe(404);
    expect((await api.send('GET', '/api/v1/volumes/nowhere/events')).status).toBe(404);
    expect((await api.send('DELETE', '/api/v1/volumes/nowhere')).status).toBe(404);
  });

  it.each([
    [{ volume: '../etc' }, 'volumes.0.volume'],
    [{ volume: 'data', path: '/data/../etc' }, 'volumes.0.path'],
    [{ volume: 'data', path: 'data' }, 'volumes.0.path'],
    [{ volume: 'data', path: '/data/' }, 'volumes.0.path'],
    [{ volume: 'data', path: '/' }, 'volumes.0.path'],
    [{ volume: 'data', path: '/proc/1' }, 'volumes.0.path'],
    [{ volume: 'data', host: 'lab-1' }, 'volumes.0.host'],
  ])('are not mounted as %j', async (mount, path) => {
    const answer = await api.send('PUT', '/api/v1/apps/wrong', {
      body: { ...spec, volumes: [mount] },
    });
    expect((await problemOf(answer)).errors).toEqual([
      { path, message: expect.any(String) as string },
    ]);
  });

  it('are mounted once, at paths of their own, and asked for by name only when they are there', async () => {
    const register = async (body: object) =>
      (await problemOf(await api.send('PUT', '/api/v1/apps/wrong', { body }))).errors;
    expect(
      await register({
        command: ['serve', '{volume:other}'],
        volumes: [{ volume: 'a', path: '/data' }, { volume: 'b', path: '/data' }, { volume: 'a' }],
      }),
    ).toEqual([
      {
        path: 'volumes',
        message:
          'the volume a is there more than once; two volumes have the path /data; the command names {volume:other}, which is not among the volumes',
      },
    ]);
    const many = Array.from({ length: 17 }, (_, at) => ({ volume: `v${at}` }));
    expect(await register({ ...spec, volumes: many })).toMatchObject([{ path: 'volumes' }]);
    expect(await api.store.volumes.find('v0')).toBeNull();
  });

  it('are removed on purpose only, and their name is free when the host is done', async () => {
    await api.register('holds', { volumes: [{ volume: 'held' }] });
    const refused = await problemOf(await api.send('DELETE', '/api/v1/volumes/held'));
    expect(refused).toMatchObject({
      status: 409,
      detail: expect.stringContaining('app/holds names it'),
    });
    await used('goes');
    const headers = { 'idempotency-key': 'one-removal' };
    const remove = () => api.send('DELETE', '/api/v1/volumes/goes?why=old', { headers });
    const accepted = await remove();
    expect([accepted.status, accepted.headers.get('location')]).toEqual([
      202,
      '/api/v1/operations/one-removal',
    ]);
    expect(await accepted.json()).toMatchObject({
      entity: 'volume/goes',
      state: 'accepted',
      links: { entity: '/api/v1/volumes/goes' },
    });
    expect((await remove()).status).toBe(202);
    expect(await show('goes')).toMatchObject({ status: 'removing' });
    const late = await api.send('PUT', '/api/v1/apps/late', {
      body: { ...spec, volumes: [{ volume: 'goes' }] },
    });
    expect((await problemOf(late)).status).toBe(409);
    await api.store.volumes.removed('goes', 'lab-1');
    expect(await (await remove()).json()).toMatchObject({ state: 'succeeded' });
    const timeline = await api.send('GET', '/api/v1/volumes/goes/events?limit=1');
    expect(await timeline.json()).toMatchObject({ items: [{ what: 'removed', why: 'old' }] });
  });

  it('are downloaded as tar and as tar.gz, byte for byte', async () => {
    const path = await used('loads');
    const bytes = Buffer.from(Array.from({ length: 3 * MiB }, (_, at) => (at * 7919) % 251));
    writeFileSync(join(path, 'data.bin'), bytes);
    const digest = createHash('sha256').update(bytes).digest('hex');
    for (const [query, kind, flag, file] of [
      ['', 'application/x-tar', '-xO', 'loads.tar'],
      ['?format=tar.gz', 'application/gzip', '-xzO', 'loads.tar.gz'],
    ] as const) {
      const answer = await fetch(`${url}/api/v1/volumes/loads/archive${query}`);
      expect(answer.headers.get('content-type')).toBe(kind);
      expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${file}"`);
      const input = Buffer.from(await answer.arrayBuffer());
      const { stdout } = spawnSync('tar', [flag, 'loads/data.bin'], {
        ...{ input, maxBuffer: 64 * MiB },
      });
      expect(createHash('sha256').update(stdout).digest('hex')).toBe(digest);
    }
  });

  it('stop being read when whoever downloads leaves', async () => {
    const path = await used('endless');
    writeFileSync(join(path, 'zeros'), '');
    truncateSync(join(path, 'zeros'), 1024 ** 4);
    const before = process.memoryUsage().rss;
    await new Promise<void>((resolve, reject) => {
      let taken = 0;
      const asked = request(`${url}/api/v1/volumes/endless/archive`, (answer) => {
        answer.on('error', () => resolve());
        answer.on('data', (chunk: Buffer) => {
          taken += chunk.length;
          if (taken > 32 * MiB) asked.destroy();
        });
      });
      asked.on('error', reject).on('close', resolve).end();
    });
    await eventually(async () => {
      const tars = spawnSync('pgrep', ['-f', `directory=${folder} endless`]);
      expect(tars.stdout.toString()).toBe('');
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * MiB);
  });

  it('are not downloaded beyond what a host streams at once', async () => {
    const path = await used('popular');
    writeFileSync(join(path, 'zeros'), '');
    truncateSync(join(path, 'zeros'), 1024 ** 4);
    const leave = new AbortController();
    const download = () => fetch(`${url}/api/v1/volumes/popular/archive`, { signal: leave.signal });
    const readers = await Promise.all([download(), download()]);
    expect(readers.map(({ status }) => status)).toEqual([200, 200]);
    const third = await download();
    expect(third.status).toBe(503);
    expect(third.headers.get('retry-after')).not.toBeNull();
    expect((await problemOf(third)).detail).toContain('LABKEEPER_MAX_ARCHIVES');
    leave.abort();
    await eventually(async () => {
      const again = await archive('loads');
      await again.body?.cancel();
      expect(again.status).toBe(200);
    });
  });

  it('say why there is nothing to download', async () => {
    await put('unused');
    expect(await problemOf(await archive('unused'))).toMatchObject({
      status: 409,
      detail: expect.stringContaining('nothing has used it yet'),
    });
    await used('faraway', 'lab-away');
    expect(await problemOf(await archive('faraway'))).toMatchObject({
      status: 503,
      detail: expect.stringContaining('lab-away'),
    });
    const path = await used('lost');
    await api.store.volumes.measured('lost', 'lab-1', {
      measure: { sizeBytes: 5, fileCount: 1, whole: true },
      ...{ hindrance: null, nextInMs: 60_000 },
    });
    rmSync(path, { recursive: true });
    expect(await problemOf(await archive('lost'))).toMatchObject({
      status: 409,
      detail: expect.stringContaining('not there any more on lab-1'),
    });
  });
});

describe.runIf(requirePart('postgres'))('volumes of a space', () => {
  it('are made and moved only by who may, and used by apps of their space only', async () => {
    const bed = await openPeople();
    const admin = await bed.person('ada', { ml101: 'admin', bio: 'user' });
    const both = await bed.person('bob', { ml101: 'admin', bio: 'instructor' });
    const other = await bed.person('eve', { bio: 'admin' });
    const put = (headers: Record<string, string>, name: string, body: object) =>
      bed.send('PUT', `/api/v1/volumes/${name}`, { headers, body });
    expect((await put(admin, 'mine', { space: 'bio' })).status).toBe(403);
    expect(await bed.store.volumes.find('mine')).toBeNull();
    expect((await put(admin, 'mine', { space: 'ml101' })).status).toBe(201);
    const taken = await problemOf(await put(other, 'mine', { space: 'bio' }));
    expect(taken).toMatchObject({ status: 409, detail: expect.stringContaining('name is taken') });
    const stolen = await bed.send('PUT', '/api/v1/apps/thief', {
      headers: other,
      body: { ...spec, space: 'bio', volumes: [{ volume: 'mine' }] },
    });
    expect(await problemOf(stolen)).toMatchObject({
      status: 409,
      detail: expect.stringContaining('belongs to another space'),
    });
    expect((await put(admin, 'mine', { space: 'bio' })).status).toBe(403);
    expect((await put(both, 'mine', { space: 'bio' })).status).toBe(200);
    const seen = await bed.send('GET', '/api/v1/volumes?space=ml101', { headers: other });
    expect(await seen.json()).toMatchObject({ items: [] });
    const operator = await bed.person('root', {}, { operator: true });
    const removal = await bed.send('DELETE', '/api/v1/spaces/bio', { headers: operator });
    expect(await problemOf(removal)).toMatchObject({
      status: 409,
      detail: expect.stringContaining('1 volumes are in it'),
    });
    await bed.close();
  });
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
