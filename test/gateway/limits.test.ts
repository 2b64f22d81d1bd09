import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import {
  body,
  closeBeds,
  openApp,
  openGateway,
  openRawApp,
  openVisitor,
  talk,
  untilStatus,
} from './bed.ts';

afterEach(closeBeds);

async function gateway(options: Parameters<typeof openGateway>[0] = {}) {
  const seen: string[] = [];
  const app = await openApp((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.on('error', () => {});
    request.resume().on('end', () => response.end('ok'));
  });
  const bed = await openGateway(options);
  bed.store.add('plot');
  bed.store.publish('plot', app.port);
  await untilStatus(bed, 'plot', 'ready');
  return { ...bed, seen };
}

const head = 'POST /app/plot/x HTTP/1.1\r\nHost: h\r\n';

describe('requests that two parsers could read differently', () => {
  test.each([
    [
      'Content-Length and Transfer-Encoding',
      `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['two Content-Length', `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`],
    ['a folded header', `${head}A: b\r\n c\r\n\r\n`],
    ['a blank before the colon', `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ['a bare LF', `${head}A: b\nTransfer-Encoding: chunked\r\n\r\n`],
    ['a bad chunk size', `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['a chunk longer than said', `${head}Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n`],
    ['malformed trailers', `${head}Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n`],
    ['no Host', 'GET /app/plot/x HTTP/1.1\r\n\r\n'],
    [
      'a path out of the app',
      'GET /app/plot/../other/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    ],
    [
      'an encoded path out of the app',
      'GET /app/plot/%2e%2e/other/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    ],
    ['a NUL in the path', 'GET /app/plot/\0 HTTP/1.1\r\nHost: h\r\n\r\n'],
  ])('%s: 400, and nothing behind it is read as a request', async (_what, text) => {
    const { port, seen } = await gateway();
    const smuggled = 'GET /app/plot/smuggled HTTP/1.1\r\nHost: h\r\n\r\n';
    const answer = await talk(port, text + smuggled);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(seen.join()).not.toContain('smuggled');
  });

  test('an unknown transfer coding is not implemented', async () => {
    const { port } = await gateway();
    expect(await talk(port, `${head}Transfer-Encoding: gzip, chunked\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 501/,
    );
  });

  test('what is not HTTP at all is refused', async () => {
    const { port } = await gateway();
    expect(await talk(port, '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
  });

  test('pipelined requests are answered in their order', async () => {
    const { port, seen } = await gateway();
    const get = (path: string, rest = '') =>
      `GET /app/plot/${path} HTTP/1.1\r\nHost: h\r\n${rest}\r\n`;
    const text = await talk(
      port,
      `${get('1')}${head}Content-Length: 2\r\n\r\nhi\r\n${get('2')}${get('3', 'Connection: close\r\n')}`,
    );
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(4);
    expect(seen).toEqual(['GET /1', 'POST /x', 'GET /2', 'GET /3']);
  });

  test('paths that are no UTF-8 reach the app byte for byte', async () => {
    const { port, ...bed } = await gateway();
    let line = '';
    const app = await openRawApp((socket) => {
      socket.once('data', (bytes: Buffer) => {
        line = bytes.toString('latin1').split('\r\n', 1)[0] ?? '';
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
    });
    bed.store.publish('plot', app.port, 2);
    const path = '/\xff\xfe%zz%C3%28/%';
    await eventually(async () => {
      await talk(port, `GET /app/plot${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
      expect(line).toBe(`GET ${path} HTTP/1.1`);
    });
  });
});

describe('limits', () => {
  test('headers beyond the limit: 431', async () => {
    const { port } = await gateway({ settings: { LABKEEPER_MAX_HEADER_BYTES: '2000' } });
    const fits = `GET /app/plot/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nA: ${'x'.repeat(1900)}\r\n\r\n`;
    expect(await talk(port, fits)).toMatch(/^HTTP\/1\.1 200/);
    const complete = `GET /app/plot/ HTTP/1.1\r\nHost: h\r\nA: ${'x'.repeat(2000)}\r\n\r\n`;
    expect(await talk(port, complete)).toMatch(/^HTTP\/1\.1 431/);
    const endless = `GET /app/plot/ HTTP/1.1\r\nHost: h\r\nA: ${'x'.repeat(3000)}`;
    expect(await talk(port, endless)).toMatch(/^HTTP\/1\.1 431/);
  });

  test('cookies beyond the limit: 431, and the browser forgets them; not when other things are too long', async () => {
    const { port } = await gateway({ settings: { LABKEEPER_MAX_HEADER_BYTES: '2000' } });
    const ask = (path: string, cookie: string) =>
      talk(port, `GET /app/plot/${path} HTTP/1.1\r\nHost: h\r\nCookie: ${cookie}\r\n\r\n`);
    const full = await ask('', `a=${'x'.repeat(3000)}`);
    expect(full).toMatch(/^HTTP\/1\.1 431/);
    expect(full).toContain('\r\nClear-Site-Data: "cookies"\r\n');
    expect(body(full)).toContain('load the page again');
    const long = await ask('x'.repeat(3000), 'labkeeper_session=mine');
    expect(long).toMatch(/^HTTP\/1\.1 431/);
    expect(long).not.toContain('Clear-Site-Data');
  });

  test('a body said to be beyond the limit: 413 before the app hears of it', async () => {
    const { port, seen } = await gateway({ settings: { LABKEEPER_MAX_BODY_BYTES: '1000' } });
    const text = await talk(port, `${head}Content-Length: 1001\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 413/);
    expect(body(text)).toContain('LABKEEPER_MAX_BODY_BYTES');
    expect(seen).toEqual([]);
    const fits = await talk(
      port,
      `${head}Content-Length: 1000\r\nConnection: close\r\n\r\n${'x'.repeat(1000)}`,
    );
    expect(fits).toMatch(/^HTTP\/1\.1 200/);
  });

  test('a body that grows beyond the limit: 413 while it streams', async () => {
    const { port } = await gateway({ settings: { LABKEEPER_MAX_BODY_BYTES: '1000' } });
    const visitor = await openVisitor(port);
    visitor.send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    for (let count = 0; count < 12; count += 1) visitor.send(`64\r\n${'x'.repeat(100)}\r\n`);
    expect(await visitor.closed).toMatch(/^HTTP\/1\.1 413/);
  });

  test('connections beyond the limit are told so and closed', async () => {
    const { port, worker } = await gateway({ settings: { LABKEEPER_MAX_CONNECTIONS: '3' } });
    await eventually(() =>
      expect(worker.numbers()['labkeeper_gateway_connections']).toBeLessThan(3),
    );
    const already = worker.numbers()['labkeeper_gateway_connections'] ?? 0;
    const visitors = [];
    for (let count = already; count < 3; count += 1) visitors.push(await openVisitor(port));
    const refused = await openVisitor(port);
    expect(await refused.closed).toMatch(/^HTTP\/1\.1 503/);
    for (const visitor of visitors) visitor.socket.destroy();
    await eventually(async () => {
      const text = await talk(
        port,
        'GET /app/plot/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
      );
      expect(text).toMatch(/^HTTP\/1\.1 200/);
    });
  });

  test('a head that trickles is given up', async () => {
    const { port } = await gateway({ pace: { headerTimeoutMs: 200 } });
    const visitor = await openVisitor(port);
    const trickle = setInterval(() => visitor.send('A: b\r\n'), 20);
    visitor.send('GET /app/plot/ HTTP/1.1\r\n');
    expect(await visitor.closed).toMatch(/^HTTP\/1\.1 408/);
    clearInterval(trickle);
  });

  test('a connection that never speaks is closed', async () => {
    const { port } = await gateway({ pace: { headerTimeoutMs: 100 } });
    expect(await (await openVisitor(port)).closed).toBe('');
  });

  test('a connection without another request is closed', async () => {
    const { port } = await gateway({ pace: { idleTimeoutMs: 100 } });
    const visitor = await openVisitor(port);
    visitor.send('GET /app/plot/ HTTP/1.1\r\nHost: h\r\n\r\n');
    expect(await visitor.closed).toMatch(/^HTTP\/1\.1 200/);
  });

  test('a body that stands still is given up', async () => {
    const { port } = await gateway({ pace: { bodyStallMs: 100 } });
    const visitor = await openVisitor(port);
    visitor.send(`${head}Content-Length: 10\r\n\r\nhalf`);
    expect(await visitor.closed).toMatch(/^HTTP\/1\.1 408/);
  });

  test('a visitor that takes nothing of its answer is cut, and the app is told', async () => {
    const bed = await gateway({ pace: { answerStallMs: 100 } });
    let aborted = false;
    const app = await openApp((_request, response) => {
      response.on('close', () => {
        aborted = true;
      });
      const piece = Buffer.alloc(256 * 1024);
      const more = () => {
        while (response.write(piece)) continue;
        response.once('drain', more);
      };
      more();
    });
    bed.store.add('endless');
    bed.store.publish('endless', app.port);
    await untilStatus(bed, 'endless', 'ready');
    const visitor = await openVisitor(bed.port);
    visitor.socket.pause();
    visitor.send('GET /app/endless/ HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually(() => expect(aborted).toBe(true));
  });

  test('a visitor that asks and asks and never reads gets no more than fits', async () => {
    const bed = await gateway();
    let served = 0;
    const app = await openApp((_request, response) => {
      served += 1;
      response.end(Buffer.alloc(48 * 1024));
    });
    bed.store.add('pages');
    bed.store.publish('pages', app.port);
    await untilStatus(bed, 'pages', 'ready');
    const visitor = await openVisitor(bed.port);
    visitor.socket.pause();
    visitor.send('GET /app/pages/ HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(2_000));
    let before = -1;
    await eventually(
      () => {
        const still = served > 0 && served === before;
        before = served;
        expect(still).toBe(true);
      },
      { intervalMs: 300 },
    );
    expect(served).toBeLessThan(1_000);
    visitor.socket.resume();
    await eventually(() => expect(served).toBe(2_000), { deadlineMs: 30_000 });
  });

  test('held requests beyond the limit are refused, and a visitor that leaves frees its place', async () => {
    const bed = await gateway({ settings: { LABKEEPER_MAX_HELD_REQUESTS: '1' } });
    bed.store.add('calm');
    await untilStatus(bed, 'calm', 'asleep');
    const call = 'GET /app/calm/api HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
    const held = await openVisitor(bed.port);
    held.send(call);
    await eventually(() => expect(bed.worker.numbers()['labkeeper_gateway_held_requests']).toBe(1));
    const refused = await talk(bed.port, call);
    expect(refused).toMatch(/^HTTP\/1\.1 503/);
    expect(refused).toMatch(/Retry-After: \d/);
    expect(body(refused)).toContain('LABKEEPER_MAX_HELD_REQUESTS');
    held.socket.destroy();
    await eventually(() => expect(bed.worker.numbers()['labkeeper_gateway_held_requests']).toBe(0));
  });

  test('event streams beyond the limit are refused, and one that ends frees its place', async () => {
    const bed = await gateway({ settings: { LABKEEPER_MAX_EVENT_STREAMS: '1' } });
    const ask = 'GET /app/plot/.labkeeper/events HTTP/1.1\r\nHost: h\r\n\r\n';
    const first = await openVisitor(bed.port);
    first.send(ask);
    await first.until((text) => text.includes('data: '));
    const second = await openVisitor(bed.port);
    second.send(ask);
    await second.until((text) => text.includes('LABKEEPER_MAX_EVENT_STREAMS'));
    first.socket.destroy();
    await once(first.socket, 'close');
    await eventually(() => expect(bed.worker.numbers()['labkeeper_gateway_event_streams']).toBe(0));
    const third = await openVisitor(bed.port);
    third.send(ask);
    await third.until((text) => text.includes('data: '));
  });
});
