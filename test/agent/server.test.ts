import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:http';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgentServer } from '../../src/agent/server.ts';
import { archiveSender } from '../../src/agent/archive-sender.ts';
import { storageState } from '../../src/agent/host-facts.ts';
import { appSpecSchema } from '../../src/model/app-spec.ts';
import type { Containers } from '../../src/runtime/containers.ts';
import { processContainers } from '../../src/runtime/process/index.ts';
import { jobFolders } from '../../src/runtime/job-folders/index.ts';
import type { JobFolders } from '../../src/runtime/job-folders.ts';
import { volumeFolders } from '../../src/runtime/volume-folders/index.ts';
import type { VolumeFolders } from '../../src/runtime/volumes.ts';
import { eventually } from '../beds/eventually.ts';

const token = 'a-token-of-this-test';
const headers = { authorization: `Bearer ${token}` };

describe('the reads an agent serves', () => {
  let folder: string;
  let runtime: Containers;
  let volumes: VolumeFolders;
  let folders: JobFolders;
  let server: Server;
  let base: string;
  let notReady: string | null = null;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'agent-'));
    const log = pino({ level: 'silent' });
    volumes = volumeFolders({ folder: join(folder, 'volumes') });
    folders = jobFolders({ folder: join(folder, 'jobs'), installation: 'test' });
    runtime = processContainers({ installation: 'agent-test', folder, log });
    const spec = appSpecSchema.parse({ command: ['sh', '-c', 'echo one; echo two; sleep 600'] });
    await runtime.ensure({
      name: 'app-talk-1',
      labels: {},
      ...(spec.command ? { command: spec.command } : {}),
      basePath: '',
      environment: () => ({}),
      limits: spec.limits,
      log: spec.log,
    });
    server = createAgentServer({
      runtimes: [runtime],
      volumes,
      jobFolders: folders,
      archives: archiveSender({ most: 2, log }),
      internalToken: token,
      metrics: () => '# nothing\n',
      notReady: () => notReady,
      log,
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await runtime.remove('app-talk-1');
    await rm(folder, { recursive: true, force: true });
  });

  it('are refused without the internal token, health and metrics aside', async () => {
    expect((await fetch(`${base}/instances/app-talk-1/log`)).status).toBe(401);
    const wrong = { authorization: 'Bearer another' };
    expect((await fetch(`${base}/instances/app-talk-1/usage`, { headers: wrong })).status).toBe(
      401,
    );
    expect((await fetch(`${base}/health/live`)).status).toBe(200);
    expect((await fetch(`${base}/metrics`)).status).toBe(200);
  });

  it('give a log from any byte, and say where to go on', async () => {
    const read = (query: string) => fetch(`${base}/instances/app-talk-1/log?${query}`, { headers });
    await eventually(async () => {
      expect(await (await read('fromByte=0')).text()).toBe('one\ntwo\n');
    });
    const rest = await read('fromByte=4');
    expect(await rest.text()).toBe('two\n');
    expect(rest.headers.get('x-next-byte')).toBe('8');
    expect(rest.headers.get('x-complete')).toBe('false');
  });

  it('give usage while it runs, and 404 for what does not', async () => {
    const usage = await fetch(`${base}/instances/app-talk-1/usage`, { headers });
    expect(await usage.json()).toMatchObject({ memoryBytes: expect.any(Number) });
    const absent = await fetch(`${base}/instances/app-absent-1/usage`, { headers });
    expect(absent.status).toBe(404);
  });

  it.each(['app-talk', '..%2f..%2fetc-1', 'app-Talk-1', 'talk-1'])(
    'do not take %j for the name of an instance',
    async (name) => {
      expect((await fetch(`${base}/instances/${name}/log`, { headers })).status).toBe(404);
    },
  );

  const archive = (query = '', name = 'kept') =>
    fetch(`${base}/volumes/${name}/archive${query}`, { headers });
  const makeVolume = (name: string) => volumes.ensure(name, { isNew: true, forContainers: false });

  it('give a volume as tar or tar.gz', async () => {
    await writeFile(join(await makeVolume('kept'), 'note'), 'hello');
    for (const [query, kind, flag] of [
      ['', 'application/x-tar', '-xO'],
      ['?format=tar.gz', 'application/gzip', '-xzO'],
    ] as const) {
      const answer = await archive(query);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, kind]);
      const input = Buffer.from(await answer.arrayBuffer());
      expect(spawnSync('tar', [flag, 'kept/note'], { input }).stdout.toString()).toBe('hello');
    }
    expect((await archive('', 'never-made')).status).toBe(404);
    expect((await archive('', '..%2fapp-talk-1')).status).toBe(404);
    expect((await fetch(`${base}/volumes/kept/archive`)).status).toBe(401);
  });

  describe('of a file that a job left', () => {
    const read = (path: string, more: Record<string, string> = {}, method = 'GET') =>
      fetch(`${base}/jobs/run-1/artifact?${new URLSearchParams({ path })}`, {
        method,
        headers: { ...headers, ...more },
      });
    beforeAll(async () => {
      const { output } = await folders.prepare('run-1', { config: null });
      await writeFile(join(output, 'ten'), '0123456789');
      await writeFile(join(output, 'empty'), '');
    });

    it('give it whole, and its length without it', async () => {
      const whole = await read('ten');
      expect([whole.status, await whole.text()]).toEqual([200, '0123456789']);
      expect(whole.headers.get('content-length')).toBe('10');
      const head = await read('ten', {}, 'HEAD');
      expect([head.status, head.headers.get('content-length')]).toEqual([200, '10']);
      expect(await (await read('empty')).text()).toBe('');
      expect((await read('none')).status).toBe(404);
      expect((await read('')).status).toBe(404);
      expect((await fetch(`${base}/jobs/run-1/artifact?path=ten`)).status).toBe(401);
    });

    it.each([
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-3', '789', 'bytes 7-9/10'],
      ['bytes=8-99', '89', 'bytes 8-9/10'],
      ['bytes=-99', '0123456789', 'bytes 0-9/10'],
    ])('give the range %s', async (range, text, told) => {
      const answer = await read('ten', { range });
      expect([answer.status, await answer.text()]).toEqual([206, text]);
      expect(answer.headers.get('content-range')).toBe(told);
    });

    it.each(['bytes=4-2', 'bytes=a-b', 'bytes=0-1,4-5', 'lines=1-2', 'bytes=-'])(
      'pass over the range %s',
      async (range) => {
        const answer = await read('ten', { range });
        expect([answer.status, await answer.text()]).toEqual([200, '0123456789']);
      },
    );

    it.each(['bytes=10-', 'bytes=99-100', 'bytes=-0'])('refuse the range %s', async (range) => {
      const answer = await read('ten', { range });
      expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    });

    it('say when it is known already, and give no range of another version', async () => {
      const etag = (await read('ten')).headers.get('etag') ?? '';
      expect((await read('ten', { 'if-none-match': `"other", ${etag}` })).status).toBe(304);
      expect((await read('ten', { 'if-none-match': '"other"' })).status).toBe(200);
      const range = 'bytes=0-0';
      expect((await read('ten', { range, 'if-range': etag })).status).toBe(206);
      expect((await read('ten', { range, 'if-range': '"other"' })).status).toBe(200);
    });
  });

  it('end an archive that its reader leaves, and stream so many at once and no more', async () => {
    const path = await makeVolume('endless');
    await writeFile(join(path, 'zeros'), '');
    await truncate(join(path, 'zeros'), 1024 ** 4);
    const leave = new AbortController();
    const readers = await Promise.all(
      [1, 2].map(() => fetch(`${base}/volumes/endless/archive`, { headers, signal: leave.signal })),
    );
    const third = await archive('', 'endless');
    expect(third.status).toBe(503);
    expect(await third.text()).toContain('LABKEEPER_MAX_ARCHIVES');
    leave.abort();
    await Promise.allSettled(readers.map((reader) => reader.arrayBuffer()));
    await eventually(async () => expect((await archive()).status).toBe(200));
    await eventually(async () => {
      const tars = spawnSync('pgrep', ['-f', `directory=${folder}/volumes endless`]);
      expect(tars.stdout.toString()).toBe('');
    });
  });

  it('cut an archive short when it cannot be whole, so that nobody takes it for that', async () => {
    const spoilt = archiveSender({
      most: 1,
      log: pino({ level: 'silent' }),
    });
    const open = async () =>
      (async function* () {
        yield Buffer.alloc(1024);
        throw new Error('a file could not be read');
      })();
    const other = createServer(
      (_, response) => void spoilt.send({ what: 'volume kept', open }, 'tar', response),
    );
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const { port } = other.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    await expect(answer.arrayBuffer()).rejects.toThrow(/terminated|aborted/);
    other.close();
  });

  it('are read-only', async () => {
    const posted = await fetch(`${base}/instances/app-talk-1/log`, { method: 'POST', headers });
    expect(posted.status).toBe(405);
  });

  it('say what is missing while the process is not ready', async () => {
    notReady = 'workers are starting';
    const answer = await fetch(`${base}/health/ready`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('workers are starting');
    notReady = null;
  });
});

describe('the watermarks of a disk', () => {
  it('warn below the first and refuse below the second', () => {
    const marks = { warnBytes: 100, refuseBytes: 10 };
    expect(storageState(100, marks)).toBe('ok');
    expect(storageState(99, marks)).toBe('low');
    expect(storageState(10, marks)).toBe('low');
    expect(storageState(9, marks)).toBe('full');
  });
});
