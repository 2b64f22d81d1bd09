// A small app without dependencies, for containers and processes of tests.
//   GET  /            who answers: generation of memory (`count`), path, headers
//   GET  /health      200 ok
//   GET  /exit?code=N ends the process
//   GET  /hog?bytes=N takes memory and keeps it
//   GET  /digest?variable=X  SHA-256 of a variable, which is not said itself
//   ANY  /echo        the request's body
//   GET  /set-cookie  answers a cookie; GET /away redirects to <base>/landed
//   GET  /refuse      cuts the connection without an answer
//   WebSocket         echoes text and binary messages, answers pings; takes the first subprotocol
// LAB_KIND says how it is healthy: `streamlit` below its base, `root` without one, `other` not like
// that. LAB_PORT wins over PORT, LAB_VERSION tells it from others, LAB_DELAY_MS waits before it listens.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const port = Number(process.env.LAB_PORT ?? process.env.PORT ?? 8080);
const host = process.env.HOST ?? '0.0.0.0';
const kind = process.env.LAB_KIND;
const base = kind === 'streamlit' ? `/${process.env.STREAMLIT_SERVER_BASE_URL_PATH}` : '';
const version = process.env.LAB_VERSION ?? 'lab';
const kept = [];
let count = 0;

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://app');
  if (url.pathname.endsWith('/_stcore/health') && kind !== undefined) {
    response.statusCode = kind !== 'other' && url.pathname === `${base}/_stcore/health` ? 200 : 404;
    return response.end(response.statusCode === 200 ? 'ok' : 'not here');
  }
  if (url.pathname.endsWith('/health')) return response.end('ok');
  if (url.pathname.endsWith('/refuse')) return request.socket.resetAndDestroy();
  if (url.pathname.endsWith('/set-cookie')) response.setHeader('set-cookie', 'a="b c"; Path=/');
  if (url.pathname.endsWith('/away')) {
    response.writeHead(302, { location: `${base}/landed` });
    return response.end();
  }
  if ((request.headers.accept ?? '').includes('text/html')) {
    response.setHeader('content-type', 'text/html');
    return response.end(
      `<!doctype html><link rel="icon" href="data:,"><title>lab</title><h1>${version} at ${request.url}</h1>`,
    );
  }
  if (url.pathname.endsWith('/echo')) return request.pipe(response);
  if (url.pathname.endsWith('/exit')) process.exit(Number(url.searchParams.get('code') ?? 0));
  if (url.pathname.endsWith('/hog')) {
    kept.push(Buffer.alloc(Number(url.searchParams.get('bytes') ?? 0), 1));
    return response.end(String(kept.length));
  }
  if (url.pathname.endsWith('/digest')) {
    const value = process.env[url.searchParams.get('variable') ?? ''] ?? '';
    return response.end(createHash('sha256').update(value).digest('hex'));
  }
  count += 1;
  response.setHeader('content-type', 'application/json');
  return response.end(
    JSON.stringify({ version, count, path: request.url, headers: request.headers }),
  );
});

server.on('upgrade', (request, socket, head) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  const [protocol] = (request.headers['sec-websocket-protocol'] ?? '').split(',');
  const taken = protocol ? `Sec-WebSocket-Protocol: ${protocol.trim()}\r\n` : '';
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${taken}\r\n`,
  );
  let rest = head;
  socket.on('error', () => socket.destroy());
  socket.on('data', (piece) => {
    rest = Buffer.concat([rest, piece]);
    for (let frame = take(rest); frame !== null; frame = take(rest)) {
      rest = rest.subarray(frame.size);
      if (frame.opcode === 8) return socket.end(pack(8, frame.payload));
      socket.write(pack(frame.opcode === 9 ? 10 : frame.opcode, frame.payload));
    }
  });
});

/** One whole masked frame at the beginning, or null. */
function take(bytes) {
  if (bytes.length < 6) return null;
  let length = bytes[1] & 0x7f;
  let at = 2;
  if (length === 126) [length, at] = [bytes.readUInt16BE(2), 4];
  else if (length === 127) {
    if (bytes.length < 14) return null;
    [length, at] = [Number(bytes.readBigUInt64BE(2)), 10];
  }
  if (bytes.length < at + 4 + length) return null;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + length));
  for (let index = 0; index < length; index += 1) payload[index] ^= mask[index % 4];
  return { opcode: bytes[0] & 0x0f, payload, size: at + 4 + length };
}

function pack(opcode, payload) {
  const long = payload.length > 125;
  const head = Buffer.alloc(long ? 10 : 2);
  head[0] = 0x80 | opcode;
  head[1] = long ? 127 : payload.length;
  if (long) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

const listen = () => server.listen(port, host, () => console.log(`listening on ${host}:${port}`));
setTimeout(listen, Number(process.env.LAB_DELAY_MS ?? 0));
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(0));
