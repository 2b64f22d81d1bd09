import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { fakeRoutes } from '../fakes/routes.ts';
import { browse, closeBeds, openApp, openGateway, talk, untilStatus } from './bed.ts';

afterEach(closeBeds);

describe('routes', () => {
  test('an app registered a moment ago is found without notice', async () => {
    const bed = await openGateway();
    bed.store.mute = true;
    bed.store.add('fresh');
    expect((await fetch(bed.url('/app/fresh/.labkeeper/state'))).status).toBe(200);
  });

  test('an unknown app: 404 as a page, as text, as a problem', async () => {
    const bed = await openGateway();
    const get = (accept: string) => fetch(bed.url('/app/nothere/'), { headers: { accept } });
    const page = await get('text/html');
    expect([page.status, page.headers.get('content-type')]).toEqual([
      404,
      'text/html; charset=utf-8',
    ]);
    expect(await page.text()).toContain('There is no app named nothere');
    expect((await get('text/plain')).headers.get('content-type')).toContain('text/plain');
    expect(await (await get('application/json')).json()).toMatchObject({ status: 404 });
  });

  test('unknown names do not reach the database again and again', async () => {
    const bed = await openGateway();
    const before = bed.store.calls['find'] ?? 0;
    for (let count = 0; count < 30; count += 1) await fetch(bed.url('/app/nothere/'));
    expect((bed.store.calls['find'] ?? 0) - before).toBeLessThan(5);
  });

  test('a removed app is gone', async () => {
    const bed = await openGateway();
    bed.store.add('plot');
    await untilStatus(bed, 'plot', 'asleep');
    bed.store.remove('plot');
    await eventually(async () => expect((await fetch(bed.url('/app/plot/'))).status).toBe(404));
  });

  test('what no notification told is found by the slow net', async () => {
    const bed = await openGateway({ pace: { readEveryMs: 30 } });
    bed.store.add('plot');
    await untilStatus(bed, 'plot', 'asleep');
    bed.store.mute = true;
    bed.store.change('plot', { wanted: 'awake', phase: 'starting' });
    await untilStatus(bed, 'plot', 'starting');
    bed.store.remove('plot');
    await eventually(async () => expect((await fetch(bed.url('/app/plot/'))).status).toBe(404));
  });

  test('apps are served while the database is down', async () => {
    const app = await openApp((_request, response) => response.end('ok'));
    const bed = await openGateway({ pace: { readEveryMs: 30 } });
    bed.store.add('plot');
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    bed.store.down = true;
    await eventually(() => {
      expect(bed.worker.numbers()['labkeeper_gateway_store_reachable']).toBe(0);
    });
    expect(await (await fetch(bed.url('/app/plot/'))).text()).toBe('ok');
    expect(bed.worker.unreadyBecause()).toBeNull();
  });
});

describe('the snapshot of routes', () => {
  test('lets a gateway serve that starts while the database is down', async () => {
    const app = await openApp((_request, response) => response.end('ok'));
    const data = await mkdtemp(join(tmpdir(), 'labkeeper-snapshot-'));
    const first = await openGateway({ data });
    first.store.add('plot', { environment: { PASSPHRASE: 'not for the disk' } });
    first.store.publish('plot', app.port);
    await untilStatus(first, 'plot', 'ready');
    await first.close();
    const file = join(data, 'run', 'gateway-routes.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).not.toContain('not for the disk');
    const store = fakeRoutes();
    store.down = true;
    const second = await openGateway({ data, store });
    expect(await (await fetch(second.url('/app/plot/'))).text()).toBe('ok');
    expect(second.worker.unreadyBecause()).toBeNull();
    await second.close();
    await rm(data, { recursive: true, force: true });
  });

  test('that is damaged is left aside', async () => {
    const data = await mkdtemp(join(tmpdir(), 'labkeeper-snapshot-'));
    const first = await openGateway({ data });
    first.store.add('plot');
    await untilStatus(first, 'plot', 'asleep');
    await first.close();
    await writeFile(join(data, 'run', 'gateway-routes.json'), '[{"app":"x"');
    const store = fakeRoutes();
    store.down = true;
    const second = await openGateway({ data, store });
    expect((await fetch(second.url('/app/plot/'))).status).toBe(404);
    expect(second.worker.unreadyBecause()).toContain('database');
    await second.close();
    await rm(data, { recursive: true, force: true });
  });
});

describe('the console', () => {
  test('passes everything to the API, but nothing to its internal side', async () => {
    const bed = await openGateway();
    const console = `http://127.0.0.1:${bed.consolePort}`;
    const answer = await fetch(`${console}/api/v1/apps?x=1`, { method: 'POST', body: 'x' });
    expect(await answer.text()).toBe('api POST /api/v1/apps?x=1');
    expect(answer.headers.get('x-seen-host')).toBe(`127.0.0.1:${bed.consolePort}`);
    for (const path of ['/internal/apps/plot/wake', '/%69nternal/apps/plot/wake', '//internal/x']) {
      expect((await fetch(console + path, { method: 'POST', body: '{}' })).status).toBe(404);
    }
    expect(bed.api.wakes).toEqual([]);
  });

  test('says in plain words that the API is down', async () => {
    const bed = await openGateway();
    await bed.api.close();
    const console = `http://127.0.0.1:${bed.consolePort}/`;
    const page = await fetch(console, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('retry-after')]).toEqual([503, '2']);
    expect(await page.text()).toContain('control plane is not running');
    const problem = await fetch(console, { method: 'POST', body: 'x' });
    expect(problem.headers.get('content-type')).toBe('application/problem+json');
  });

  test('bodies beyond the API’s limit are refused here', async () => {
    const bed = await openGateway({ settings: { LABKEEPER_MAX_API_BODY_BYTES: '10' } });
    const answer = await fetch(`http://127.0.0.1:${bed.consolePort}/x`, {
      method: 'POST',
      body: 'x'.repeat(11),
    });
    expect(answer.status).toBe(413);
  });
});

describe('the tab script', () => {
  const tag = '<script src="/app/plot/.labkeeper/tab.js" async></script>';

  async function pages(headers: Record<string, string> = {}, spec = {}) {
    const asked: unknown[] = [];
    const app = await openApp((request, response) => {
      asked.push(request.headers['accept-encoding']);
      if (request.url !== '/stream') {
        const length: Record<string, string> = request.url === '/' ? { 'content-length': '7' } : {};
        const type = { 'content-type': 'text/html; charset=utf-8' };
        response.writeHead(200, { ...type, ...length, ...headers });
      }
      if (request.url === '/chunked') {
        response.write('<p>one');
        response.end('<p>two');
      } else if (request.url === '/stream') {
        response.socket?.end('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>open');
      } else response.end('<p>page');
    });
    const bed = await openGateway();
    bed.store.add('plot', spec);
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    return { ...bed, asked };
  }

  test('is added to a person’s pages, with the right length, uncompressed', async () => {
    const bed = await pages();
    const answer = await browse(bed.url('/app/plot/'));
    expect(await answer.text()).toBe(`<p>page${tag}`);
    expect(answer.headers.get('content-length')).toBe(String(7 + tag.length));
    expect(bed.asked).toEqual(['identity']);
    const chunked = await browse(bed.url('/app/plot/chunked'));
    expect(await chunked.text()).toBe(`<p>one<p>two${tag}`);
    const open = await browse(bed.url('/app/plot/stream'));
    expect(await open.text()).toBe(`<p>open${tag}`);
  });

  test('is not added to what a script fetches, nor when the app opts out', async () => {
    const bed = await pages();
    expect(await (await fetch(bed.url('/app/plot/'))).text()).toBe('<p>page');
    const opted = await pages({}, { tabScript: false });
    expect(await (await browse(opted.url('/app/plot/'))).text()).toBe('<p>page');
  });

  test.each([
    ['a policy without our origin', { 'content-security-policy': "script-src 'nonce-x'" }, false],
    ['a policy of none', { 'content-security-policy': "default-src 'none'" }, false],
    ['a sandbox', { 'content-security-policy': 'sandbox allow-scripts' }, false],
    [
      'a policy that allows no connection',
      { 'content-security-policy': "connect-src 'none'" },
      false,
    ],
    ['a policy with our origin', { 'content-security-policy': "default-src 'self'" }, true],
    ['a compressed page', { 'content-encoding': 'br' }, false],
    ['something that is no page', { 'content-type': 'text/plain' }, false],
  ])('with %s it is added: %s', async (_what, headers, added) => {
    const bed = await pages(headers);
    const { port } = bed;
    const text = await talk(
      port,
      'GET /app/plot/ HTTP/1.1\r\nHost: h\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n',
    );
    expect(text.includes(tag)).toBe(added);
  });

  test('is served below the app, and is a script', async () => {
    const bed = await pages();
    const answer = await fetch(bed.url('/app/plot/.labkeeper/tab.js'));
    expect(answer.headers.get('content-type')).toContain('text/javascript');
    expect(await answer.text()).toContain('keep-awake');
    expect((await fetch(bed.url('/app/plot/.labkeeper/other'))).status).toBe(404);
    expect((await fetch(bed.url('/app/plot/.labkeeper/keep-awake'))).status).toBe(405);
  });
});
