import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { identify } from '../../src/supervisor/process-identity.ts';
import { eventually } from '../beds/eventually.ts';
import { openSocket } from '../beds/socket.ts';
import { fakeRoutes } from '../fakes/routes.ts';
import { closeBeds, openApp, openVisitor } from './bed.ts';

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await closeBeds();
});

interface Line {
  msg: string;
  pid: number;
  [field: string]: unknown;
}

/** The gateway's own entry as a process. Its database is down: it serves from a snapshot. */
async function startServer(settings: Record<string, string> = {}) {
  const app = await openApp((request, response) => {
    if (request.url === '/slow') response.write('begun');
    else response.end('ok');
    if (request.url === '/slow') slow.push(response);
  });
  const slow: http.ServerResponse[] = [];
  const server = new WebSocketServer({ server: app.server });
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
  const data = await mkdtemp(join(tmpdir(), 'labkeeper-gateway-server-'));
  const store = fakeRoutes();
  store.add('plot');
  store.publish('plot', app.port);
  await mkdir(join(data, 'run'));
  const snapshot = join(data, 'run', 'gateway-routes.json');
  await writeFile(snapshot, JSON.stringify([store.row('plot')]));
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/gateway/server.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      LABKEEPER_DATA: data,
      LABKEEPER_CONSOLE_PORT: '0',
      LABKEEPER_APPS_PORT: '0',
      LABKEEPER_GATEWAY_METRICS_PORT: '0',
      LABKEEPER_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
      LABKEEPER_DRAIN_MS: '10000',
      ...settings,
    },
  });
  children.push(child);
  const lines: Line[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as Line);
  });
  const said = (msg: string, count = 1) =>
    eventually(
      () => {
        const found = lines.filter((line) => line.msg === msg);
        expect(found.length).toBeGreaterThanOrEqual(count);
        return found;
      },
      { deadlineMs: 40_000 },
    );
  const [ready] = await said('ready');
  // Each process writes when it comes to it: the primary may be heard before its workers.
  await said('worker listens', Number(settings['LABKEEPER_GATEWAY_WORKERS'] ?? 1));
  return {
    child,
    slow,
    said,
    appsPort: Number(ready?.['appsPort']),
    metricsPort: Number(ready?.['metricsPort']),
    url: (path: string) => `http://127.0.0.1:${Number(ready?.['appsPort'])}/app/plot${path}`,
    workers: () =>
      new Set(lines.filter(({ msg }) => msg === 'worker listens').map(({ pid }) => pid)),
    forget: () => rm(data, { recursive: true, force: true }),
  };
}

/** One that has ended holds no port, also while nobody has collected it. */
const alive = (pid: number) => identify(pid) !== null;

describe('the gateway as a process', () => {
  test('serves from its snapshot with several workers, and tells health and metrics', async () => {
    const server = await startServer({ LABKEEPER_GATEWAY_WORKERS: '2' });
    expect(server.workers().size).toBe(2);
    for (let count = 0; count < 20; count += 1) {
      expect(
        await (await fetch(server.url('/'), { headers: { connection: 'close' } })).text(),
      ).toBe('ok');
    }
    const metrics = `http://127.0.0.1:${server.metricsPort}`;
    expect((await fetch(`${metrics}/health/live`)).status).toBe(200);
    expect((await fetch(`${metrics}/health/ready`)).status).toBe(200);
    await eventually(async () => {
      const text = await (await fetch(`${metrics}/metrics`)).text();
      expect(text).toContain('labkeeper_gateway_requests_total{outcome="forwarded"} 20');
      expect(text).toContain('labkeeper_gateway_workers 2');
      expect(text).toContain('labkeeper_gateway_store_reachable 0');
    });
    const exited = once(server.child, 'exit');
    server.child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
    await server.forget();
  });

  test('a worker that is killed is replaced', async () => {
    const server = await startServer();
    const [first = 0] = server.workers();
    process.kill(first, 'SIGKILL');
    await server.said('worker listens', 2);
    expect(await (await fetch(server.url('/'))).text()).toBe('ok');
    await server.forget();
  });

  test('SIGHUP hands over to new workers: no request fails, WebSockets live on', async () => {
    const server = await startServer();
    const [old = 0] = server.workers();
    const { socket, received, closed } = await openSocket(server.url('/ws'));
    const download = await openVisitor(server.appsPort);
    download.send('GET /app/plot/slow HTTP/1.1\r\nHost: h\r\n\r\n');
    await download.until((text) => text.includes('begun'));
    let going = true;
    let answers = 0;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    const visitor = async () => {
      while (going) {
        answers += 1;
        const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
          http.get(server.url('/'), { agent }, resolve).on('error', reject);
        });
        expect(response.statusCode).toBe(200);
        for await (const _ of response) continue;
      }
    };
    const visitors = Promise.all([visitor(), visitor(), visitor(), visitor()]);
    await eventually(() => expect(answers).toBeGreaterThan(100));
    server.child.kill('SIGHUP');
    await server.said('handed over');
    const sofar = answers;
    await eventually(() => expect(answers).toBeGreaterThan(sofar + 200));
    going = false;
    await visitors;
    agent.destroy();
    expect(server.workers().size).toBe(2);
    socket.send('still there');
    await eventually(() => expect(received).toEqual(['still there']));
    server.slow[0]?.end('finished');
    await download.until((text) => text.includes('finished'));
    expect(alive(old)).toBe(true);
    socket.close();
    await closed;
    await eventually(() => expect(alive(old)).toBe(false));
    expect(await (await fetch(server.url('/'))).text()).toBe('ok');
    await server.forget();
  });

  test('at the deadline of a hand-over WebSockets are told 1001', async () => {
    const server = await startServer({ LABKEEPER_DRAIN_MS: '1500' });
    const { closed } = await openSocket(server.url('/ws'));
    server.child.kill('SIGHUP');
    expect(await closed).toBe(1001);
    await server.forget();
  });

  test('workers of a primary that was killed end, so that a new one finds the port free', async () => {
    const server = await startServer({ LABKEEPER_DRAIN_MS: '500' });
    const [worker = 0] = server.workers();
    server.child.kill('SIGKILL');
    await eventually(() => expect(alive(worker)).toBe(false));
    await server.forget();
  });

  test('a certificate that cannot be used is told once, and nothing is served', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/gateway/server.ts'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        LABKEEPER_TLS_CERT_FILE: '/nowhere/lab.crt',
        LABKEEPER_TLS_KEY_FILE: '/nowhere/lab.key',
      },
    });
    children.push(child);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(1);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines).toEqual([
      expect.objectContaining({
        msg: expect.stringContaining(
          'cannot read the file that LABKEEPER_TLS_CERT_FILE names (/nowhere/lab.crt)',
        ) as string,
      }),
    ]);
  });

  test('a configuration with mistakes is refused with all of them', async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/gateway/server.ts'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        LABKEEPER_APPS_PORT: 'x',
        LABKEEPER_MAX_BODY_BYTES: '0',
        LABKEEPER_TYPO: '1',
      },
    });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const [code] = await once(child, 'close');
    expect(code).not.toBe(0);
    expect(text).toContain('3 mistakes');
  });
});
