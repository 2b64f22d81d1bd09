// A small real app for acceptance tests: HTTP, WebSocket, uploads, and ways to misbehave on demand.
// No dependency, so that it starts as fast as Node does.
import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';

const bootDelayMs = Number(process.env.BOOT_DELAY_MS ?? 0);
const healthStatus = Number(process.env.HEALTH_STATUS ?? 200);
const startedAtMs = performance.timeOrigin;
let listeningAtMs = null;

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://app');
  if (url.pathname === '/health') {
    response.writeHead(healthStatus);
    return response.end('ok');
  }
  if (url.pathname === '/who') {
    response.setHeader('content-type', 'application/json');
    return response.end(
      JSON.stringify({ pid: process.pid, startedAtMs, listeningAtMs, headers: request.headers }),
    );
  }
  if (url.pathname === '/digest') {
    // What a variable holds, without saying it.
    const value = process.env[url.searchParams.get('variable') ?? ''] ?? '';
    return response.end(createHash('sha256').update(value).digest('hex'));
  }
  if (url.pathname === '/crash') {
    console.error('crashing because somebody asked');
    response.end('goodbye');
    return setTimeout(() => process.exit(Number(url.searchParams.get('code') ?? 1)), 10);
  }
  if (url.pathname === '/slow') {
    // Sends a first byte at once and the last one after `ms`: a download longer than the idle time.
    response.write('begin\n');
    return setTimeout(() => response.end('end\n'), Number(url.searchParams.get('ms') ?? 1000));
  }
  if (url.pathname === '/upload') {
    const hash = createHash('sha256');
    let size = 0;
    request.on('data', (chunk) => {
      size += chunk.length;
      hash.update(chunk);
    });
    return request.on('end', () =>
      response.end(JSON.stringify({ size, sha256: hash.digest('hex') })),
    );
  }
  if (url.pathname === '/keep') {
    // Writes a file into the volume that the command line named, and says what is in it.
    const name = url.searchParams.get('name');
    const bytes = Buffer.alloc(Number(url.searchParams.get('bytes') ?? 0), 1);
    if (name !== null) writeFileSync(join(process.argv[2], name), bytes);
    return response.end(JSON.stringify(readdirSync(process.argv[2])));
  }
  if (url.pathname === '/say') {
    console.log(url.searchParams.get('text'));
    return response.end('said');
  }
  response.setHeader('content-type', 'text/html');
  response.end(
    `<!doctype html><html><head><title>echo</title></head><body>echo ${url.pathname}</body></html>`,
  );
});

// Echoes text frames of up to 125 bytes; answers pings; nothing more is needed here.
server.on('upgrade', (request, socket) => {
  const key = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
  );
  socket.on('error', () => socket.destroy());
  socket.on('data', (frame) => {
    const opcode = frame[0] & 0x0f;
    const length = frame[1] & 0x7f;
    const mask = frame.subarray(2, 6);
    const payload = Buffer.from(
      frame.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]),
    );
    if (opcode === 8) return socket.end(Buffer.from([0x88, 0]));
    const answerOpcode = opcode === 9 ? 10 : opcode;
    if (opcode === 1 || opcode === 9)
      socket.write(Buffer.concat([Buffer.from([0x80 | answerOpcode, length]), payload]));
  });
});

// Tells a test's ledger of its own life; two processes of one app cannot hold the one name.
const note = (what) => {
  if (!process.env.LEDGER) return;
  const instance = (process.env.LABKEEPER_INSTANCE ?? '').split('/')[1] ?? '';
  const line = { app: process.env.LEDGER_APP, instance, what, pid: process.pid, atMs: Date.now() };
  appendFileSync(process.env.LEDGER, `${JSON.stringify(line)}\n`);
};
if (process.env.LEDGER) {
  // A name without a file: it is free again the moment its holder is gone, however it went.
  const sole = createSocketServer();
  sole.on('error', () => note('rival'));
  sole.listen(`\0${process.env.LEDGER} ${process.env.LEDGER_APP}`);
  sole.unref();
}

process.on('SIGTERM', () => {
  if (process.env.IGNORE_SIGTERM === '1') return;
  note('ended');
  process.exit(0);
});
note('begun');
console.log('booting');
setTimeout(() => {
  server.listen(Number(process.env.PORT), process.env.HOST ?? '127.0.0.1', () => {
    listeningAtMs = performance.timeOrigin + performance.now();
    note('listening');
    console.log('listening');
  });
}, bootDelayMs);
