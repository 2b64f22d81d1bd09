import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
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

async function gatewayTo(
  handle: (request: http.IncomingMessage, response: http.ServerResponse) => void,
  spec: Parameters<Awaited<ReturnType<typeof openGateway>>['store']['add']>[1] = {},
  settings: Record<string, string> = {},
) {
  const app = await openApp(handle);
  const bed = await openGateway({ settings });
  bed.store.add('plot', spec);
  bed.store.publish('plot', app.port);
  await untilStatus(bed, 'plot', 'ready');
  return { ...bed, app };
}

async function gatewayToRaw(handle: Parameters<typeof openRawApp>[0]) {
  const app = await openRawApp(handle);
  const bed = await openGateway();
  bed.store.add('plot');
  bed.store.publish('plot', app.port);
  await untilStatus(bed, 'plot', 'ready');
  return { ...bed, app };
}

const echo = (request: http.IncomingMessage, response: http.ServerResponse) => {
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({ method: request.method, url: request.url, raw: request.rawHeaders }),
  );
};

async function headersSeen(port: number, head: string): Promise<Record<string, string>> {
  const text = await talk(port, head);
  const { raw } = JSON.parse(body(text)) as { raw: string[] };
  const seen: Record<string, string> = {};
  for (let index = 0; index < raw.length; index += 2) {
    seen[(raw[index] ?? '').toLowerCase()] = raw[index + 1] ?? '';
  }
  return seen;
}

describe('prefix modes', () => {
  test('strip: the app sees the path below its base, and is told the base', async () => {
    const { url } = await gatewayTo(echo, { preset: 'plain' });
    const seen = (await (await fetch(url('/app/plot/a/b?c=%20d'))).json()) as {
      url: string;
      raw: string[];
    };
    expect(seen.url).toBe('/a/b?c=%20d');
    expect(seen.raw.join('|')).toContain('X-Forwarded-Prefix|/app/plot');
  });

  test('keep: the app sees the whole path and no prefix header', async () => {
    const { url } = await gatewayTo(echo, { preset: 'streamlit' });
    const seen = (await (await fetch(url('/app/plot/a'))).json()) as { url: string; raw: string[] };
    expect(seen.url).toBe('/app/plot/a');
    expect(seen.raw.join('|')).not.toContain('X-Forwarded-Prefix');
  });

  test('an app built for a base of its own sees that one, and its redirects are mended', async () => {
    const { url } = await gatewayTo(
      (request, response) => {
        if (request.url !== '/lab1/old') echo(request, response);
        else response.writeHead(302, { location: '/lab1/new?x=1' }).end();
      },
      { preset: 'streamlit', basePath: '/lab1' },
    );
    const seen = (await (await fetch(url('/app/plot/a?c=1'))).json()) as { url: string };
    expect(seen.url).toBe('/lab1/a?c=1');
    const moved = await fetch(url('/app/plot/old'), { redirect: 'manual' });
    expect(moved.headers.get('location')).toBe('/app/plot/new?x=1');
  });

  test('detect keeps the prefix until a start found out that it must be stripped', async () => {
    const bed = await gatewayTo(echo, { prefixMode: 'detect', basePath: '/lab1' });
    const seen = async () =>
      ((await (await fetch(bed.url('/app/plot/a'))).json()) as { url: string }).url;
    expect(await seen()).toBe('/lab1/a');
    bed.store.learn('plot', { imageDigest: null, port: 1, prefixMode: 'strip' });
    await eventually(async () => expect(await seen()).toBe('/a'));
  });

  test('the base without its slash is redirected, query kept', async () => {
    const { url } = await gatewayTo(echo);
    const answer = await fetch(url('/app/plot?x=1'), { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([301, '/app/plot/?x=1']);
    const post = await fetch(url('/app/plot'), { redirect: 'manual', method: 'POST' });
    expect(post.status).toBe(308);
  });

  test('on its own host an app is at the root', async () => {
    const { port } = await gatewayTo(echo);
    const text = await talk(
      port,
      'GET /a HTTP/1.1\r\nHost: plot.localhost:81\r\nConnection: close\r\n\r\n',
    );
    expect(JSON.parse(body(text))).toMatchObject({ url: '/a' });
    expect(text).not.toContain('X-Forwarded-Prefix');
  });

  test('on its own host an app that keeps its prefix is found below it', async () => {
    const { port } = await gatewayTo(echo, { preset: 'streamlit' });
    const head = 'Host: plot.localhost:81\r\nConnection: close\r\n\r\n';
    const moved = await talk(port, `GET /a?b HTTP/1.1\r\n${head}`);
    expect(moved).toContain('307');
    expect(moved).toContain('Location: /app/plot/a?b');
    const kept = await talk(port, `GET /app/plot/a HTTP/1.1\r\n${head}`);
    expect(JSON.parse(body(kept))).toMatchObject({ url: '/app/plot/a' });
  });

  test('a redirect of the app to its own root gets the base put in front', async () => {
    const { url, port } = await gatewayTo((request, response) => {
      const to = new URL(request.url ?? '', 'http://x').searchParams.get('to') ?? '';
      response.writeHead(302, { location: to }).end();
    });
    const go = async (to: string) =>
      (
        await fetch(url(`/app/plot/?to=${encodeURIComponent(to)}`), { redirect: 'manual' })
      ).headers.get('location');
    expect(await go('/login')).toBe('/app/plot/login');
    expect(await go('/app/plot/x')).toBe('/app/plot/x');
    expect(await go('next')).toBe('next');
    expect(await go('//elsewhere.example/x')).toBe('//elsewhere.example/x');
    expect(await go('https://elsewhere.example/x')).toBe('https://elsewhere.example/x');
    expect(await go(`http://127.0.0.1:${port}/x`)).toBe(`http://127.0.0.1:${port}/app/plot/x`);
  });
});

describe('headers', () => {
  test('the host is kept with its port, and forwarded headers tell the visitor', async () => {
    const { port } = await gatewayTo(echo);
    const seen = await headersSeen(
      port,
      'GET /app/plot/ HTTP/1.1\r\nHost: lab.example:8081\r\nX-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 7.7.7.7\r\nForwarded: for=8.8.8.8\r\nX-Real-IP: 9.9.9.9\r\nConnection: close\r\n\r\n',
    );
    expect(seen).toMatchObject({
      host: 'lab.example:8081',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'lab.example:8081',
      'x-forwarded-prefix': '/app/plot',
    });
    expect(Object.values(seen).join(' ')).not.toMatch(
      /6\.6\.6\.6|7\.7\.7\.7|8\.8\.8\.8|9\.9\.9\.9/,
    );
  });

  test('hop-by-hop headers end here, those the visitor names too', async () => {
    const { port } = await gatewayTo(echo);
    const seen = await headersSeen(
      port,
      'GET /app/plot/ HTTP/1.1\r\nHost: h\r\nKeep-Alive: timeout=3\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\nX-Private: 1\r\nX-Kept: 2\r\nConnection: close, X-Private, Upgrade\r\n\r\n',
    );
    expect(Object.keys(seen)).not.toEqual(
      expect.arrayContaining(['keep-alive', 'proxy-authorization', 'upgrade', 'x-private']),
    );
    for (const gone of ['keep-alive', 'proxy-authorization', 'upgrade', 'x-private']) {
      expect(seen[gone]).toBeUndefined();
    }
    expect(seen['x-kept']).toBe('2');
  });

  test('hop-by-hop headers of the app end here, those it names too', async () => {
    const { port } = await gatewayToRaw((socket) => {
      socket.once('data', () => {
        socket.write(
          'HTTP/1.1 200 Fine\r\nConnection: keep-alive, X-Inner\r\nX-Inner: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\nX-Outer: 2\r\nContent-Length: 2\r\n\r\nok',
        );
      });
    });
    const text = await talk(
      port,
      'GET /app/plot/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 Fine\r\n/);
    expect(text).toContain('X-Outer: 2');
    expect(text).not.toMatch(/X-Inner|Keep-Alive|Proxy-Authenticate/i);
  });

  test('cookies of the console never reach an app, nor can an app set them', async () => {
    const { port } = await gatewayTo((request, response) => {
      response.setHeader('set-cookie', [
        'a=1; Path=/',
        'labkeeper_session=stolen; Path=/',
        '__Host-labkeeper_session=stolen; Secure; Path=/',
        '=labkeeper_session=stolen',
      ]);
      echo(request, response);
    });
    const text = await talk(
      port,
      'GET /app/plot/ HTTP/1.1\r\nHost: h\r\nCookie: a="x y"; labkeeper_session=secret; _streamlit_xsrf=2|ab|cd|1;b=%zz\r\nConnection: close\r\n\r\n',
    );
    expect(text).not.toContain('secret');
    expect(body(text)).toContain(JSON.stringify('a="x y"; _streamlit_xsrf=2|ab|cd|1;b=%zz'));
    expect(text.match(/set-cookie/gi)).toHaveLength(1);
  });

  test.each([
    ['below a path', 'h', '/app/plot/', 'Service-Worker-Allowed: /app/plot/'],
    ['on its own host', 'plot.localhost', '/', 'Service-Worker-Allowed: /'],
  ])(
    'an app %s clears nothing of others, and lets no worker reach beyond itself',
    async (_where, host, path, allowed) => {
      const { port } = await gatewayTo((_request, response) => {
        response.setHeader('Clear-Site-Data', '"cookies"');
        response.setHeader('Service-Worker-Allowed', '/');
        response.end();
      });
      const text = await talk(
        port,
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      expect(text).toMatch(/^HTTP\/1\.1 200/);
      expect(text).not.toMatch(/clear-site-data/i);
      expect(text.match(/service-worker-allowed:.*/gi)).toEqual([allowed]);
    },
  );

  test('range requests and their answers pass untouched', async () => {
    const { url } = await gatewayTo((request, response) => {
      response.writeHead(206, {
        'content-range': 'bytes 2-4/10',
        'x-asked': request.headers.range,
      });
      response.end('cde');
    });
    const answer = await fetch(url('/app/plot/f'), { headers: { range: 'bytes=2-4' } });
    expect([answer.status, answer.headers.get('x-asked'), await answer.text()]).toEqual([
      206,
      'bytes=2-4',
      'cde',
    ]);
  });

  test('an absolute request target names the host', async () => {
    const { port } = await gatewayTo(echo);
    const text = await talk(
      port,
      'GET http://plot.localhost:81/a?b HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n',
    );
    expect(JSON.parse(body(text))).toMatchObject({ url: '/a?b' });
    expect(text).toContain('plot.localhost:81');
    expect(text).not.toContain('other.example');
  });

  test('HTTP/1.0 without a host is served by path', async () => {
    const { port } = await gatewayTo(echo);
    const text = await talk(port, 'GET /app/plot/a HTTP/1.0\r\n\r\n');
    expect(JSON.parse(body(text))).toMatchObject({ url: '/a' });
    expect(text).not.toMatch(/transfer-encoding/i);
  });
});

describe('answers without a body', () => {
  test('HEAD keeps its length, 204 and 304 have none, and the connection goes on', async () => {
    const { port } = await gatewayTo((request, response) => {
      if (request.url === '/head') response.writeHead(200, { 'content-length': '12345' }).end();
      else response.writeHead(request.url === '/204' ? 204 : 304, { etag: '"x"' }).end();
    });
    const visitor = await openVisitor(port);
    visitor.send(
      'HEAD /app/plot/head HTTP/1.1\r\nHost: h\r\n\r\nGET /app/plot/204 HTTP/1.1\r\nHost: h\r\n\r\nGET /app/plot/304 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    const text = await visitor.closed;
    expect(text.match(/HTTP\/1\.1 (\d+)/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 204',
      'HTTP/1.1 304',
    ]);
    expect(text.match(/content-length/gi)).toHaveLength(1);
  });
});

describe('bodies', () => {
  test('100 MB up and 100 MB down arrive whole, memory stays flat', async () => {
    const size = 100 * 1024 * 1024;
    const piece = Buffer.alloc(64 * 1024, 7);
    const { url } = await gatewayTo((request, response) => {
      const hash = createHash('sha256');
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        hash.update(chunk);
      });
      request.on('end', () => {
        response.setHeader('x-bytes', bytes);
        response.setHeader('x-hash', hash.digest('hex'));
        let left = size / piece.length;
        const more = () => {
          while (left > 0) {
            left -= 1;
            if (!response.write(piece)) {
              response.once('drain', more);
              return;
            }
          }
          response.end();
        };
        more();
      });
    });
    const expected = createHash('sha256');
    for (let sent = 0; sent < size; sent += piece.length) expected.update(piece);
    const digest = expected.digest('hex');
    const request = http.request(url('/app/plot/'), {
      method: 'POST',
      headers: { 'content-length': size },
    });
    const answered = once(request, 'response');
    let peak = 0;
    for (let sent = 0; sent < size; sent += piece.length) {
      if (!request.write(piece)) await once(request, 'drain');
      peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    }
    request.end();
    const [response] = (await answered) as [http.IncomingMessage];
    expect([response.headers['x-bytes'], response.headers['x-hash']]).toEqual([
      String(size),
      digest,
    ]);
    const received = createHash('sha256');
    for await (const chunk of response) {
      received.update(chunk as Buffer);
      peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    }
    expect(received.digest('hex')).toBe(digest);
    // All three sides run in this process, and still hold a small part of it at any time.
    expect(peak).toBeLessThan(64 * 1024 * 1024);
  });

  test('a slow reader slows the app down instead of filling memory', async () => {
    let written = 0;
    const { port } = await gatewayTo((_request, response) => {
      const piece = Buffer.alloc(64 * 1024);
      const more = () => {
        while (written < 400) {
          written += 1;
          if (!response.write(piece)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    const visitor = await openVisitor(port);
    visitor.socket.pause();
    visitor.send('GET /app/plot/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    let before = -1;
    await eventually(
      () => {
        const same = written > 0 && written === before;
        before = written;
        expect(same).toBe(true);
      },
      { intervalMs: 200 },
    );
    expect(written).toBeLessThan(400);
    visitor.socket.resume();
    await visitor.closed;
    expect(written).toBe(400);
  });

  test('chunked bodies and trailers pass both ways', async () => {
    const { port } = await gatewayTo((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      request.on('end', () => {
        response.writeHead(200, { trailer: 'X-Sum', 'x-te': request.headers['te'] ?? '' });
        response.write(`${text}|`);
        response.addTrailers({ 'X-Sum': String(request.trailers['x-check']) });
        response.end(JSON.stringify(request.trailers));
      });
    });
    const visitor = await openVisitor(port);
    visitor.send(
      'POST /app/plot/ HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTrailer: X-Check\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhel',
    );
    visitor.send('lo\r\n6;note=x\r\n world\r\n0\r\nX-Check: 7\r\nContent-Length: 3\r\n\r\n');
    const text = await visitor.closed;
    expect(text).toContain('x-te: trailers');
    expect(text).toContain('hello world|');
    expect(text).toContain('{"x-check":"7"}');
    expect(text).toMatch(/0\r\nX-Sum: 7\r\n\r\n$/);
  });

  test('a visitor that asks for 100-continue gets it from the app', async () => {
    const { port, app } = await gatewayTo((request, response) => {
      request.resume().on('end', () => response.end('done'));
    });
    const continued: string[] = [];
    app.server.on('checkContinue', (request, response: http.ServerResponse) => {
      continued.push(request.url ?? '');
      response.writeContinue();
      request.resume().on('end', () => response.end('done'));
    });
    const visitor = await openVisitor(port);
    visitor.send(
      'POST /app/plot/up HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
    );
    await visitor.until((text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
    visitor.send('abc');
    expect(body(body(await visitor.closed))).toBe('done');
    expect(continued).toEqual(['/up']);
  });

  test('a final answer instead of 100-continue ends the request', async () => {
    const { port, app } = await gatewayTo(echo);
    app.server.on('checkContinue', (_request, response: http.ServerResponse) => {
      response.writeHead(403, { connection: 'close' }).end('no');
    });
    const text = await talk(
      port,
      'POST /app/plot/up HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 403/);
    expect(text).toMatch(/connection: close/i);
  });

  test('events arrive one by one, unbuffered', async () => {
    let send: (text: string) => void = () => {};
    const { port } = await gatewayTo((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      send = (text) => void response.write(text);
    });
    const visitor = await openVisitor(port);
    visitor.send('GET /app/plot/ HTTP/1.1\r\nHost: h\r\n\r\n');
    await visitor.until((text) => text.includes('event-stream'));
    for (const number of [1, 2, 3]) {
      send(`data: ${number}\n\n`);
      await visitor.until((text) => text.includes(`data: ${number}\n\n`));
    }
  });

  test('an answer without length ends with the connection to the app, and is chunked for the visitor', async () => {
    const { port } = await gatewayToRaw((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\nfirst ');
        socket.end('second');
      });
    });
    const visitor = await openVisitor(port);
    visitor.send('GET /app/plot/ HTTP/1.1\r\nHost: h\r\n\r\n');
    const text = await visitor.until((all) => all.endsWith('0\r\n\r\n'));
    expect(text).toContain('Transfer-Encoding: chunked');
    expect(text).toContain('first ');
    visitor.send('GET /nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    expect(await visitor.closed).toContain('HTTP/1.1 404');
  });
});

describe('ends before the end', () => {
  test('a visitor that leaves aborts the request to the app', async () => {
    let aborted: Promise<unknown> = Promise.resolve();
    const seen: http.IncomingMessage[] = [];
    const { port } = await gatewayTo((request, response) => {
      seen.push(request);
      aborted = once(response, 'close');
      response.write('begun');
    });
    const visitor = await openVisitor(port);
    visitor.send('GET /app/plot/ HTTP/1.1\r\nHost: h\r\n\r\n');
    await visitor.until((text) => text.includes('begun'));
    visitor.socket.destroy();
    await aborted;
    expect(seen).toHaveLength(1);
  });

  test('a visitor that leaves during its upload aborts the request to the app', async () => {
    const aborted: Promise<unknown>[] = [];
    const { port } = await gatewayTo((request) => {
      aborted.push(new Promise((resolve) => request.once('error', resolve)));
      request.resume();
    });
    const visitor = await openVisitor(port);
    visitor.send('POST /app/plot/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nsome');
    await eventually(() => expect(aborted).toHaveLength(1));
    visitor.socket.destroy();
    expect(await aborted[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test('an app that breaks off mid-body breaks the visitor’s connection', async () => {
    const { port } = await gatewayToRaw((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', () =>
          socket.resetAndDestroy(),
        );
      });
    });
    const visitor = await openVisitor(port);
    visitor.send('GET /app/plot/ HTTP/1.1\r\nHost: h\r\n\r\n');
    const text = await visitor.closed;
    expect(text).not.toContain('502');
    expect(body(text).length).toBeLessThan(100);
  });

  test('an app that resets a request that cannot be repeated is told in clear words', async () => {
    const { port } = await gatewayToRaw((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const text = await talk(
      port,
      'POST /app/plot/ HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi',
    );
    expect(text).toMatch(/^HTTP\/1\.1 502/);
    expect(body(text)).toContain('plot gave no usable answer');
  });

  test('a request that ends the app is sent twice at most, however often the app comes back', async () => {
    let deaths = 0;
    const app = await openRawApp((socket) => {
      socket.once('data', () => {
        deaths += 1;
        // As an app that dies of it and is started anew at once.
        bed.store.publish('plot', app.port, 1 + deaths);
        socket.resetAndDestroy();
      });
    });
    const bed = await openGateway();
    bed.store.add('plot');
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    const text = await talk(
      bed.port,
      'GET /app/plot/deadly HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 502/);
    expect(deaths).toBe(2);
  });

  test('an answer that is no HTTP is told in clear words', async () => {
    const { port } = await gatewayToRaw((socket) => {
      socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9\r\n\r\n'));
    });
    const text = await talk(
      port,
      'GET /app/plot/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 502/);
    expect(body(text)).toContain('status line');
  });

  test('a connection the app closed while idle is not noticed by the next visitor', async () => {
    let connections = 0;
    const { url } = await gatewayToRaw((socket) => {
      connections += 1;
      let requests = 0;
      socket.on('data', () => {
        requests += 1;
        // The second request on a connection meets a closed door, as after a keep-alive timeout.
        if (requests > 1) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    for (const _ of [1, 2, 3]) expect(await (await fetch(url('/app/plot/'))).text()).toBe('ok');
    expect(connections).toBe(3);
  });

  test('connections to an app are used again', async () => {
    const connections = new Set<unknown>();
    const { url } = await gatewayTo((request, response) => {
      connections.add(request.socket);
      request.resume().on('end', () => response.end('ok'));
    });
    for (let count = 0; count < 10; count += 1) {
      await (await fetch(url('/app/plot/'), { method: 'POST', body: 'x' })).text();
    }
    expect(connections.size).toBe(1);
  });
});
