import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

/** What `socket-load.ts` is told by its argument, as JSON; it answers one JSON line. */
export interface SocketLoad {
  port: number;
  path: string;
  /**
   * saturate: messages/s; paced: latency at a fixed rate; idle: open and hold; churn: come and go;
   * serve: be the app, which sends raw bytes back (the proxies are measured, not a library).
   */
  mode: 'saturate' | 'paced' | 'idle' | 'churn' | 'serve';
  sockets: number;
  seconds: number;
  perSecond?: number;
  cycles?: number;
}

const messageBytes = 128;
const window = 8;

const load = JSON.parse(process.argv[2] ?? '') as SocketLoad;
const result = await run(load);
process.stdout.write(`${JSON.stringify(result)}\n`);
if (load.mode !== 'idle' && load.mode !== 'serve') process.exit(0);

function run(wanted: SocketLoad): Promise<Record<string, number>> {
  switch (wanted.mode) {
    case 'saturate':
      return saturate(wanted);
    case 'paced':
      return paced(wanted);
    case 'idle':
      return idle(wanted);
    case 'churn':
      return churn(wanted);
    case 'serve':
      return serve(wanted);
  }
}

async function saturate({ sockets, seconds }: SocketLoad): Promise<Record<string, number>> {
  const all = await openAll(sockets);
  const message = frame();
  let bytes = 0;
  let going = true;
  for (const socket of all) {
    let unsent = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      unsent += chunk.length;
      const whole = Math.floor(unsent / message.length);
      unsent -= whole * message.length;
      for (let count = 0; going && count < whole; count += 1) socket.write(message);
    });
    for (let count = 0; count < window; count += 1) socket.write(message);
  }
  await pause(500);
  const [from, startMs] = [bytes, performance.now()];
  await pause(seconds * 1000);
  const perSecond = ((bytes - from) / message.length / (performance.now() - startMs)) * 1000;
  going = false;
  return { perSecond };
}

async function paced({
  sockets,
  seconds,
  perSecond = 2000,
}: SocketLoad): Promise<Record<string, number>> {
  const all = await openAll(sockets);
  const message = frame();
  const sentAt: number[][] = all.map(() => []);
  const latencies: number[] = [];
  all.forEach((socket, index) => {
    let partial = 0;
    socket.on('data', (chunk: Buffer) => {
      partial += chunk.length;
      while (partial >= message.length) {
        partial -= message.length;
        const sent = sentAt[index]?.shift();
        if (sent !== undefined) latencies.push(performance.now() - sent);
      }
    });
  });
  const startMs = performance.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - startMs;
      if (elapsedMs > seconds * 1000) {
        clearInterval(timer);
        resolve();
        return;
      }
      for (; sent < (elapsedMs / 1000) * perSecond; sent += 1) {
        const index = sent % all.length;
        sentAt[index]?.push(performance.now());
        all[index]?.write(message);
      }
    }, 1);
  });
  await pause(200);
  latencies.sort((a, b) => a - b);
  return {
    p50Ms: latencies[latencies.length >> 1] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
  };
}

async function idle({ sockets }: SocketLoad): Promise<Record<string, number>> {
  const all: net.Socket[] = [];
  while (all.length < sockets) all.push(...(await openAll(Math.min(50, sockets - all.length))));
  for (const socket of all) socket.write(frame());
  await pause(500);
  return { open: all.length };
}

async function serve({ port }: SocketLoad): Promise<Record<string, number>> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (bytes: Buffer) => {
      const key = /sec-websocket-key: (\S+)/i.exec(bytes.toString('latin1'))?.[1];
      if (key === undefined) {
        socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
      );
      socket.on('data', (frames: Buffer) => {
        if (!socket.write(frames)) socket.pause();
      });
      socket.on('drain', () => socket.resume());
    });
  });
  server.listen({ port, host: '127.0.0.1', backlog: 4096 });
  await once(server, 'listening');
  return { port };
}

async function churn({ cycles = 10_000 }: SocketLoad): Promise<Record<string, number>> {
  let done = 0;
  const one = async () => {
    while (done < cycles) {
      done += 1;
      const kind = done % 3;
      const socket = net.connect(load.port, '127.0.0.1');
      socket.on('error', () => socket.destroy());
      const closed = new Promise((resolve) => socket.once('close', resolve));
      const connected = once(socket, 'connect').catch(() => null);
      await Promise.race([connected, closed]);
      if (kind === 0) socket.write(request(load.path, `Sec-WebSocket-Key: ${key()}\r\n`));
      if (kind === 1) socket.write(request(load.path, ''));
      if (kind === 2) socket.write('GET / HT');
      if (kind !== 2) await Promise.race([once(socket, 'data').catch(() => null), closed]);
      socket.destroy();
      await closed;
    }
  };
  await Promise.all(Array.from({ length: 50 }, one));
  return { cycles: done };
}

function openAll(count: number): Promise<net.Socket[]> {
  return Promise.all(Array.from({ length: count }, open));
}

async function open(): Promise<net.Socket> {
  const socket = net.connect({ port: load.port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.write(request(load.path, `Sec-WebSocket-Key: ${key()}\r\n`));
  let head = '';
  while (!head.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    head += chunk.toString('latin1');
  }
  if (!head.startsWith('HTTP/1.1 101')) throw new Error(`no WebSocket: ${head}`);
  return socket;
}

function request(path: string, rest: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${rest}\r\n`;
}

function key(): string {
  return randomBytes(16).toString('base64');
}

/** A masked text frame; the mask is zero, so that it reads the same masked. */
function frame(): Buffer {
  return Buffer.concat([
    Buffer.from([0x81, 0x80 | 126, messageBytes >> 8, messageBytes & 255, 0, 0, 0, 0]),
    Buffer.alloc(messageBytes, 'x'),
  ]);
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
