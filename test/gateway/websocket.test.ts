import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../beds/eventually.ts';
import { openSocket } from '../beds/socket.ts';
import { fakeRoutes, type FakeRoutes } from '../fakes/routes.ts';
import {
  body,
  closeBeds,
  openApp,
  openGateway,
  openRawApp,
  openVisitor,
  untilStatus,
} from './bed.ts';

afterEach(closeBeds);

async function gatewayTo(port: number) {
  const bed = await openGateway();
  bed.store.add('plot', { preset: 'streamlit' });
  bed.store.publish('plot', port);
  await untilStatus(bed, 'plot', 'ready');
  return bed;
}

/** An app whose WebSockets send everything back. */
async function openEcho(options: ConstructorParameters<typeof WebSocketServer>[0] = {}) {
  const app = await openApp((_request, response) => response.end('plain'));
  const server = new WebSocketServer({ server: app.server, ...options });
  server.on('connection', (socket) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  return { ...app, sockets: server.clients, wss: server };
}

function openGate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

const upgrade = (extra = '') =>
  `GET /app/plot/ws HTTP/1.1\r\nHost: h:1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${extra}\r\n`;
const key = randomBytes(16).toString('base64');
const accept = createHash('sha1')
  .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  .digest('base64');

/** An app that is a bare WebSocket peer: answers 101 and hands over its socket. */
async function openBarePeer(behind: Buffer = Buffer.alloc(0)) {
  const joined: { socket: net.Socket; head: string }[] = [];
  const app = await openRawApp((socket) => {
    socket.once('data', (bytes: Buffer) => {
      const head = bytes.toString('latin1');
      socket.write(
        Buffer.concat([
          Buffer.from(
            `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Odd:  kept \r\n\r\n`,
          ),
          behind,
        ]),
      );
      joined.push({ socket, head });
    });
  });
  return { ...app, joined };
}

const frame = (opcode: number, payload = '', masked = true) => {
  const bytes = Buffer.from(payload);
  const head = Buffer.from([0x80 | opcode, (masked ? 0x80 : 0) | bytes.length]);
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), bytes]);
};

describe('a WebSocket through the gateway', () => {
  test('carries messages of every size both ways', async () => {
    const app = await openEcho();
    const bed = await gatewayTo(app.port);
    const socket = new WebSocket(bed.url('/app/plot/ws').replace('http', 'ws'));
    await once(socket, 'open');
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 3_000_000]) {
      const message = Buffer.alloc(size, 5);
      socket.send(message);
      const [answer] = (await once(socket, 'message')) as [Buffer];
      expect(answer.equals(message)).toBe(true);
    }
    socket.close(4000, 'bye');
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(4000);
  });

  test('keeps subprotocols, compression and the visitor’s host as they were agreed', async () => {
    const app = await openEcho({ perMessageDeflate: true, handleProtocols: () => 'streamlit' });
    const heads: { host: string | undefined; origin: string | undefined }[] = [];
    app.wss.on('connection', (_socket, request) => {
      heads.push({ host: request.headers.host, origin: request.headers.origin });
    });
    const bed = await gatewayTo(app.port);
    const socket = new WebSocket(
      bed.url('/app/plot/ws').replace('http', 'ws'),
      ['streamlit', 'xsrf-token', 'session'],
      { origin: bed.url('') },
    );
    await once(socket, 'open');
    expect(socket.protocol).toBe('streamlit');
    expect(socket.extensions).toContain('permessage-deflate');
    expect(heads).toEqual([{ host: `127.0.0.1:${bed.port}`, origin: bed.url('') }]);
    socket.send('x'.repeat(5000));
    expect(String(((await once(socket, 'message')) as [Buffer])[0])).toHaveLength(5000);
    socket.terminate();
  });

  test('passes the 101 line for line and loses no byte sent right behind a head', async () => {
    const app = await openBarePeer(frame(1, 'early', false));
    const bed = await gatewayTo(app.port);
    const visitor = await openVisitor(bed.port);
    visitor.send(
      Buffer.concat([
        Buffer.from(upgrade('Cookie: labkeeper_session=s; a=1\r\n')),
        frame(1, 'first'),
      ]),
    );
    const text = await visitor.until((all) => all.endsWith('early'));
    expect(text).toContain('X-Odd:  kept \r\n');
    expect(text).toContain(`Sec-WebSocket-Accept: ${accept}`);
    await eventually(() => expect(app.joined).toHaveLength(1));
    const { head, socket } = app.joined[0]!;
    expect(head).toMatch(/^GET \/app\/plot\/ws HTTP\/1\.1\r\nHost: h:1\r\n/);
    expect(head).toContain('Cookie: a=1\r\n');
    const rest = socket.read() === null ? await once(socket, 'data') : [];
    expect(rest).toBeDefined();
  });

  test('an answer other than 101 is forwarded, and the connection goes on', async () => {
    const app = await openApp((_request, response) => response.end('x'));
    app.server.on('upgrade', (_request, socket) => {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    });
    const bed = await gatewayTo(app.port);
    const visitor = await openVisitor(bed.port);
    visitor.send(upgrade());
    await visitor.until((text) => text.endsWith('no'));
    visitor.send('GET /app/plot/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
    expect(await visitor.closed).toMatch(/403 Forbidden[^]*200 OK/);
  });

  test('one direction may end before the other', async () => {
    const app = await openBarePeer();
    const bed = await gatewayTo(app.port);
    const visitor = await openVisitor(bed.port);
    visitor.send(upgrade());
    await visitor.until((text) => text.includes('101'));
    const peer = app.joined[0]!.socket;
    const ended = once(peer, 'end');
    visitor.socket.end();
    peer.resume();
    await ended;
    peer.write('late');
    await visitor.until((text) => text.endsWith('late'));
    peer.end();
    await visitor.closed;
  });

  test('the end of either side ends the other, and nothing is left open', async () => {
    const app = await openEcho();
    const bed = await gatewayTo(app.port);
    const first = await openSocket(bed.url('/app/plot/ws'));
    await eventually(() => expect(app.sockets.size).toBe(1));
    first.socket.terminate();
    await eventually(() => expect(app.sockets.size).toBe(0));
    const second = await openSocket(bed.url('/app/plot/ws'));
    for (const socket of app.sockets) socket.terminate();
    expect(await second.closed).toBe(1006);
    await eventually(() => expect(bed.worker.numbers()['labkeeper_gateway_websockets']).toBe(0));
  });

  test('a visitor that leaves before the 101 leaves nothing behind', async () => {
    const app = await openRawApp(() => {});
    const bed = await gatewayTo(app.port);
    const visitor = await openVisitor(bed.port);
    visitor.send(upgrade());
    await eventually(() => expect(app.sockets.size).toBe(1));
    const [peer] = app.sockets;
    const ended = once(peer!, 'end');
    peer!.resume();
    visitor.socket.destroy();
    await ended;
  });
});

describe('WebSockets and use', () => {
  test('data frames of the visitor are use; pings, pongs and the app’s own data are not', async () => {
    const app = await openBarePeer();
    const bed = await gatewayTo(app.port);
    const visitor = await openVisitor(bed.port);
    visitor.send(upgrade());
    await visitor.until((text) => text.includes('101'));
    const used = () => bed.store.reports.filter((report) => report.reason === 'WebSocket message');
    const opened = () => bed.store.reports.at(-1)?.openSockets;
    await eventually(() => expect(opened()).toBe(1));
    const peer = app.joined[0]!.socket;
    peer.resume();
    visitor.send(frame(9, 'ping'));
    visitor.send(frame(10, 'pong'));
    peer.write(frame(1, 'from the app', false));
    await visitor.until((text) => text.endsWith('from the app'));
    const settled = bed.store.calls['gatewaySeen'] ?? 0;
    await eventually(() => expect(bed.store.calls['gatewaySeen']).toBeGreaterThan(settled + 1));
    expect(used()).toEqual([]);
    visitor.send(frame(1, 'hello'));
    await eventually(() => expect(used()).not.toEqual([]));
    peer.on('end', () => peer.end());
    visitor.socket.destroy();
    await eventually(() => expect(opened()).toBe(0));
  });

  test('when the route goes, the visitor is told 1001 and the app sees the end', async () => {
    const app = await openEcho();
    const bed = await gatewayTo(app.port);
    const { socket, closed } = await openSocket(bed.url('/app/plot/ws'));
    socket.send('x');
    await once(socket, 'message');
    bed.store.unpublish('plot');
    expect(await closed).toBe(1001);
    await eventually(() => expect(app.sockets.size).toBe(0));
  });

  test.each(['asleep', 'not registered'])(
    'a list of routes that comes late, from when the app was %s, cuts nobody',
    async (then) => {
      const app = await openEcho();
      const store = fakeRoutes();
      const gates = { find: openGate(), list: openGate() };
      let lists = 0;
      let tell: (app: string | null) => void = () => {};
      // As when connections to the database are short: what asks first may be answered last.
      const routes: FakeRoutes['routes'] = {
        ...store.routes,
        async find(name) {
          await gates.find.passed;
          return store.routes.find(name);
        },
        async all() {
          const list = await store.routes.all();
          lists += 1;
          if (lists > 1) await gates.list.passed;
          return list;
        },
        async listen(onChange, signal) {
          tell = onChange;
          await once(signal, 'abort');
        },
      };
      if (then === 'asleep') store.add('plot', { preset: 'streamlit' });
      const bed = await openGateway({ ports: { ...store, routes } });

      tell('plot');
      tell(null);
      await eventually(() => expect(lists).toBe(2));
      if (then === 'not registered') store.add('plot', { preset: 'streamlit' });
      store.publish('plot', app.port);
      gates.find.open();
      await untilStatus(bed, 'plot', 'ready');
      const { socket, received, closed } = await openSocket(bed.url('/app/plot/ws'));
      gates.list.open();
      tell(null);
      await eventually(() => expect(lists).toBe(3));
      socket.send('still here');
      await eventually(() => expect(received).toEqual(['still here']));
      socket.close(1000);
      expect(await closed).toBe(1000);
    },
  );

  test('a socket for a sleeping app is refused and wakes nothing', async () => {
    const bed = await openGateway();
    bed.store.add('plot');
    await untilStatus(bed, 'plot', 'asleep');
    const visitor = await openVisitor(bed.port);
    visitor.send(upgrade());
    const text = await visitor.until((all) => all.includes('has not run yet'));
    expect(text).toMatch(/^HTTP\/1\.1 503[^]*Retry-After: /);
    expect(body(text)).toContain('App is not running');
    expect(bed.api.wakes).toEqual([]);
  });
});
