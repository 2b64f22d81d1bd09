// A shared drawing board. No dependencies: `PORT=8000 node server.mjs`.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createBoard } from './board.mjs';
import { acceptWebSocket } from './websocket.mjs';

const port = Number(process.env.PORT ?? 8000);
const host = process.env.HOST ?? '127.0.0.1';
const maxPeople = 200;
const maxMessageBytes = 16 * 1024;
const checkEveryMs = 30_000;

const files = new Map(
  [
    ['/', 'index.html', 'text/html'],
    ['/board.js', 'board.js', 'text/javascript'],
    ['/board.css', 'board.css', 'text/css'],
  ].map(([path, name, type]) => [
    path,
    { type, body: readFileSync(new URL(`public/${name}`, import.meta.url)) },
  ]),
);

const server = createServer((request, response) => {
  const file = files.get(new URL(request.url, 'http://board').pathname);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  if (file === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('There is nothing here.\n');
    return;
  }
  response.writeHead(200, {
    'content-type': `${file.type}; charset=utf-8`,
    'content-length': file.body.length,
    'cache-control': 'no-cache',
    'content-security-policy':
      "default-src 'self'; img-src data:; base-uri 'none'; object-src 'none'",
    'x-content-type-options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : file.body);
});

const board = createBoard();

server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  if (board.people.size >= maxPeople) {
    socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const person = acceptWebSocket(request, socket, head, {
    maxBytes: maxMessageBytes,
    onMessage: (text) => {
      if (!board.take(person, text)) person.close(1008);
    },
    onClose: () => {
      board.leave(person);
      say(`somebody left, ${board.people.size} here`);
    },
  });
  if (person === null) return;
  board.enter(person);
  say(`somebody came, ${board.people.size} here`);
});

const checks = setInterval(() => {
  for (const person of board.people) person.checkAlive();
}, checkEveryMs);

server.listen(port, host, () =>
  say(`the board listens on http://${host}:${server.address().port}/`),
);

process.once('SIGTERM', () => {
  say('goodbye');
  clearInterval(checks);
  for (const person of board.people) person.close(1001);
  server.close();
  server.closeIdleConnections();
});

function say(words) {
  console.log(`${new Date().toISOString()} ${words}`);
}
