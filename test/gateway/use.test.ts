import { once } from 'node:events';
import type http from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import {
  closeBeds,
  openApp,
  openGateway,
  openVisitor,
  untilStatus,
  type GatewayBed,
} from './bed.ts';

afterEach(closeBeds);

/** An app whose answers end when the test says so. */
async function gateway(spec: Parameters<GatewayBed['store']['add']>[1] = {}) {
  const open: http.ServerResponse[] = [];
  const seen: string[] = [];
  const app = await openApp((request, response) => {
    seen.push(request.url ?? '');
    if (request.url?.startsWith('/slow') === true) {
      response.write('begun');
      open.push(response);
    } else if (request.url === '/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      open.push(response);
    } else request.resume().on('end', () => response.end('ok'));
  });
  const bed = await openGateway();
  bed.store.add('plot', { preset: 'plain', ...spec });
  bed.store.publish('plot', app.port);
  await untilStatus(bed, 'plot', 'ready');
  return { ...bed, app, open, seen, last: () => bed.store.reports.at(-1) };
}

/** A round of the gateway's own clock, so that what would have been reported was. */
async function aWhile(bed: Pick<GatewayBed, 'store'>): Promise<void> {
  const before = bed.store.calls['gatewaySeen'] ?? 0;
  await eventually(() => expect(bed.store.calls['gatewaySeen']).toBeGreaterThan(before + 2));
}

describe('what counts as use', () => {
  test('a request does, with its path as the reason and without its query', async () => {
    const bed = await gateway();
    await (await fetch(bed.url('/app/plot/report?secret=1'))).text();
    await eventually(() => expect(bed.last()).toMatchObject({ app: 'plot', inFlight: 0 }));
    expect(bed.last()?.reason).toBe('GET /app/plot/report');
    expect(bed.last()?.lastUseAgoMs).toBeLessThan(5_000);
  });

  test.each([
    ['a health check', '/app/plot/health', {}],
    ['a path of the app’s own list', '/app/plot/poll/x', {}],
    ['an ignored agent', '/app/plot/', { 'user-agent': 'Curious Watcher 1.0' }],
    ['a request that asks not to', '/app/plot/?no_track_activity=1', {}],
    ['the tab script', '/app/plot/.labkeeper/tab.js', {}],
    ['the state', '/app/plot/.labkeeper/state', {}],
  ])('%s does not', async (_what, path, headers) => {
    const bed = await gateway({ ignoredPaths: ['/poll'], ignoredAgents: ['watcher'] });
    await (await fetch(bed.url(path), { headers })).text();
    await aWhile(bed);
    expect(bed.store.reports).toEqual([]);
  });

  test('what an open notebook reads again and again does not, what it changes does', async () => {
    const bed = await gateway({ preset: 'jupyter' });
    for (const path of ['/api/kernels?1764066000', '/api/sessions', '/api/contents/a.ipynb']) {
      await (await fetch(bed.url(`/app/plot${path}`))).text();
    }
    await aWhile(bed);
    expect(bed.store.reports).toEqual([]);
    await (await fetch(bed.url('/app/plot/api/kernels'), { method: 'POST' })).text();
    await eventually(() => expect(bed.last()?.reason).toBe('POST /app/plot/api/kernels'));
  });

  test('a long download does until it ends', async () => {
    const bed = await gateway();
    const visitor = await openVisitor(bed.port);
    visitor.send('GET /app/plot/slow HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually(() => expect(bed.last()).toMatchObject({ inFlight: 1, lastUseAgoMs: 0 }));
    const reports = bed.store.reports.length;
    await eventually(() => expect(bed.store.reports.length).toBeGreaterThan(reports + 2));
    expect(bed.last()).toMatchObject({ inFlight: 1, lastUseAgoMs: 0 });
    bed.open[0]?.end();
    await eventually(() => expect(bed.last()).toMatchObject({ inFlight: 0 }));
  });

  test('an upload does, by its name', async () => {
    const bed = await gateway();
    await (
      await fetch(bed.url('/app/plot/up'), { method: 'PUT', body: 'x'.repeat(100_000) })
    ).text();
    await eventually(() => expect(bed.last()).toMatchObject({ reason: 'upload', inFlight: 0 }));
  });

  test('an event stream is a connection, but no use for as long as it lasts', async () => {
    const bed = await gateway();
    const visitor = await openVisitor(bed.port);
    visitor.send('GET /app/plot/stream HTTP/1.1\r\nHost: h\r\n\r\n');
    await visitor.until((text) => text.includes('data: 1'));
    await eventually(() => expect(bed.last()).toMatchObject({ inFlight: 0, openSockets: 1 }));
    visitor.socket.destroy();
    await eventually(() => expect(bed.last()).toMatchObject({ inFlight: 0, openSockets: 0 }));
  });

  test('an open tab is a connection and no use; a waiting page is neither', async () => {
    const bed = await gateway();
    const waiting = await openVisitor(bed.port);
    waiting.send('GET /app/plot/.labkeeper/events?view=wait HTTP/1.1\r\nHost: h\r\n\r\n');
    await waiting.until((text) => text.includes('data: '));
    await aWhile(bed);
    expect(bed.store.reports).toEqual([]);
    const tab = await openVisitor(bed.port);
    tab.send('GET /app/plot/.labkeeper/events?view=tab HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually(() => {
      expect(bed.last()).toMatchObject({ openSockets: 1, lastUseAgoMs: null });
    });
    tab.socket.destroy();
    await eventually(() => expect(bed.last()).toMatchObject({ openSockets: 0 }));
  });

  test('use is kept while the database is down and written when it is back', async () => {
    const bed = await gateway();
    bed.store.down = true;
    for (const path of ['/a', '/b']) await (await fetch(bed.url(`/app/plot${path}`))).text();
    const tried = bed.store.calls['report'] ?? 0;
    await eventually(() => expect(bed.store.calls['report']).toBeGreaterThan(tried + 1));
    expect(bed.store.reports).toEqual([]);
    bed.store.down = false;
    await eventually(() => expect(bed.last()).toMatchObject({ reason: 'GET /app/plot/b' }));
    expect(bed.last()?.lastUseAgoMs).toBeGreaterThan(0);
  });
});

describe('an app that is about to sleep', () => {
  test('is acknowledged at once, with what is open and the last use', async () => {
    const bed = await gateway();
    await (await fetch(bed.url('/app/plot/'))).text();
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.words).toHaveLength(1));
    expect(bed.store.words[0]).toMatchObject({ closeId: 'c1', inFlight: 0, openSockets: 0 });
    expect(bed.store.words[0]?.lastUseAgoMs).toBeGreaterThanOrEqual(0);
    expect(bed.store.row('plot').target?.state).toBe('closing');
  });

  test('stays awake for a request, which is served', async () => {
    const bed = await gateway();
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.words).toHaveLength(1));
    expect(await (await fetch(bed.url('/app/plot/x'))).text()).toBe('ok');
    expect(bed.store.row('plot').target?.state).toBe('open');
    expect(bed.store.calls['reopen']).toBe(1);
  });

  test('is reopened once for a hundred visitors', async () => {
    const bed = await gateway();
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.words).toHaveLength(1));
    const visits = Array.from({ length: 100 }, async () =>
      (await fetch(bed.url('/app/plot/x'))).text(),
    );
    expect(new Set(await Promise.all(visits))).toEqual(new Set(['ok']));
    expect(bed.store.calls['reopen']).toBe(1);
  });

  test('stays awake while something is in flight', async () => {
    const bed = await gateway();
    const visitor = await openVisitor(bed.port);
    visitor.send('GET /app/plot/slow HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually(() => expect(bed.open).toHaveLength(1));
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.row('plot').target?.state).toBe('open'));
  });

  test('does not stay awake for noise, which is still served', async () => {
    const bed = await gateway();
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.words).toHaveLength(1));
    expect((await fetch(bed.url('/app/plot/health'))).status).toBe(200);
    expect(bed.store.row('plot').target?.state).toBe('closing');
  });

  test('that slept a moment before is woken by the visit: no error', async () => {
    const bed = await gateway();
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.words).toHaveLength(1));
    bed.store.mute = true;
    await bed.store.routes.finishClosing('plot', 'c1');
    bed.store.unpublish('plot');
    bed.store.mute = false;
    const call = fetch(bed.url('/app/plot/api'));
    await eventually(() => expect(bed.api.wakes).toHaveLength(1));
    bed.store.publish('plot', bed.app.port, 2);
    expect(await (await call).text()).toBe('ok');
  });

  test('is forwarded to while the database does not answer', async () => {
    const bed = await gateway();
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.words).toHaveLength(1));
    bed.store.down = true;
    expect(await (await fetch(bed.url('/app/plot/x'))).text()).toBe('ok');
  });

  test('is acknowledged as soon as the database answers again', async () => {
    const bed = await gateway();
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    bed.store.down = true;
    await eventually(() => expect(bed.store.calls['acknowledge']).toBeGreaterThan(0));
    bed.store.down = false;
    await eventually(() => expect(bed.store.words).toHaveLength(1));
  });
});

describe('keep awake', () => {
  const ask = (bed: GatewayBed, headers: Record<string, string>) =>
    fetch(bed.url('/app/plot/.labkeeper/keep-awake'), { method: 'POST', headers });

  test('from the app’s own page is use', async () => {
    const bed = await gateway();
    expect((await ask(bed, { 'sec-fetch-site': 'same-origin' })).status).toBe(204);
    await eventually(() =>
      expect(bed.last()).toMatchObject({ reason: 'kept awake by an open tab' }),
    );
    expect((await ask(bed, { origin: bed.url('') })).status).toBe(204);
  });

  test('from elsewhere is refused and is no use', async () => {
    const bed = await gateway();
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'http://evil.example' },
      {},
    ]) {
      expect((await ask(bed, headers as Record<string, string>)).status).toBe(403);
    }
    await aWhile(bed);
    expect(bed.store.reports).toEqual([]);
  });

  test('takes a closing route back', async () => {
    const bed = await gateway();
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.words).toHaveLength(1));
    expect((await ask(bed, { 'sec-fetch-site': 'same-origin' })).status).toBe(204);
    expect(bed.store.row('plot').target?.state).toBe('open');
  });

  test('of a sleeping app says that it sleeps', async () => {
    const bed = await gateway();
    bed.store.unpublish('plot');
    await untilStatus(bed, 'plot', 'asleep');
    expect((await ask(bed, { 'sec-fetch-site': 'same-origin' })).status).toBe(409);
  });
});

describe('a gateway among others', () => {
  test('says that it lives, and good-bye', async () => {
    const bed = await gateway();
    const before = bed.store.calls['gatewaySeen'] ?? 0;
    await eventually(() => expect(bed.store.calls['gatewaySeen']).toBeGreaterThan(before));
    expect(bed.store.gateways.size).toBe(1);
    await bed.close();
    expect(bed.store.gateways.size).toBe(0);
  });

  test('drops dead ones of its own listener only', async () => {
    const bed = await gateway();
    await bed.store.routes.gatewaySeen({ id: 'dead', listener: 'test', host: 'local' });
    await bed.store.routes.gatewaySeen({ id: 'other', listener: 'elsewhere', host: 'local' });
    const own = [...bed.store.gateways.keys()].filter((id) => id.startsWith('gateway-'));
    await bed.worker.dropOthers(own);
    expect([...bed.store.gateways.keys()].sort()).toEqual([...own, 'other'].sort());
  });

  test('lets visitors finish when it ends, and takes no new ones', async () => {
    const bed = await openGateway({ settings: { LABKEEPER_DRAIN_MS: '20000' } });
    const open: http.ServerResponse[] = [];
    const app = await openApp((_request, response) => {
      response.write('begun');
      open.push(response);
    });
    bed.store.add('plot');
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    const visitor = await openVisitor(bed.port);
    visitor.send('GET /app/plot/ HTTP/1.1\r\nHost: h\r\n\r\n');
    await visitor.until((text) => text.includes('begun'));
    const ended = bed.close();
    await eventually(async () => {
      const late = await openVisitor(bed.port).catch((error: Error) => error);
      expect(late).toBeInstanceOf(Error);
    });
    const closed = once(visitor.socket, 'close');
    open[0]?.end('finished');
    await visitor.until((text) => text.includes('finished'));
    await closed;
    await ended;
  });
});
