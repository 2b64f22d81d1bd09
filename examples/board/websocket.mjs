// A small WebSocket server side (RFC 6455) on a socket of node:http: text messages, ping and pong,
// close, fragmented messages, and a bound on what a client may send or leave unread.
import { createHash } from 'node:crypto';

const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const maxUnreadBytes = 4 * 1024 * 1024;
const opcodes = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/**
 * Answers an upgrade request and gives the connection, or null when it is no WebSocket handshake.
 * Messages longer than `maxBytes` close it with 1009.
 */
export function acceptWebSocket(request, socket, head, { maxBytes, onMessage, onClose }) {
  const key = request.headers['sec-websocket-key'] ?? '';
  const isHandshake = request.headers.upgrade?.toLowerCase() === 'websocket';
  if (!isHandshake || request.headers['sec-websocket-version'] !== '13' || key.length !== 24) {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return null;
  }
  const accept = createHash('sha1')
    .update(key + acceptSuffix)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.setNoDelay(true);

  let received = head;
  let parts = [];
  let isOver = false;
  let isHeard = true;

  const send = (text) => {
    if (isOver) return;
    socket.write(frame(opcodes.text, Buffer.from(text)));
    // A reader this far behind will not catch up: it comes back and is told everything anew.
    if (socket.writableLength > maxUnreadBytes) socket.destroy();
  };
  const close = (code) => {
    if (isOver) return;
    isOver = true;
    socket.end(frame(opcodes.close, Buffer.from([code >> 8, code & 255])));
    setTimeout(() => socket.destroy(), 1000).unref();
  };
  /** Half-open connections are found by asking: who did not answer the last ping is gone. */
  const checkAlive = () => {
    if (!isHeard) return socket.destroy();
    isHeard = false;
    if (!isOver) socket.write(frame(opcodes.ping, Buffer.alloc(0)));
  };

  const take = ({ opcode, isFinal, payload }) => {
    if (opcode === opcodes.close) return close(1000);
    if (opcode === opcodes.ping) return socket.write(frame(opcodes.pong, payload));
    if (opcode === opcodes.pong) return undefined;
    if (opcode === opcodes.binary) return close(1003);
    // A message is one first frame and any number of continuations.
    if ((opcode === opcodes.more) !== parts.length > 0) return close(1002);
    parts.push(payload);
    if (parts.reduce((sum, { length }) => sum + length, 0) > maxBytes) return close(1009);
    if (!isFinal) return undefined;
    const text = Buffer.concat(parts).toString();
    parts = [];
    return onMessage(text);
  };

  const read = (chunk) => {
    isHeard = true;
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    while (!isOver) {
      const result = readFrame(received, maxBytes);
      if (result === null) return;
      if (result.refusal !== undefined) return close(result.refusal);
      received = received.subarray(result.length);
      take(result);
    }
  };
  socket.on('data', read);
  socket.on('end', () => socket.end());
  socket.on('error', () => socket.destroy());
  socket.once('close', () => {
    isOver = true;
    onClose();
  });
  if (head.length > 0) {
    received = Buffer.alloc(0);
    read(head);
  }
  return { send, close, checkAlive };
}

/** The first frame of `bytes`: null while it is not complete, `refusal` when it may not be. */
function readFrame(bytes, maxBytes) {
  if (bytes.length < 2) return null;
  const isFinal = (bytes[0] & 0x80) !== 0;
  const opcode = bytes[0] & 0x0f;
  const isKnown = Object.values(opcodes).includes(opcode);
  const shortLength = bytes[1] & 0x7f;
  // Clients mask, use no reserved bits, and keep control frames short and whole.
  if ((bytes[1] & 0x80) === 0 || (bytes[0] & 0x70) !== 0 || !isKnown) return { refusal: 1002 };
  if (opcode >= 8 && (!isFinal || shortLength > 125)) return { refusal: 1002 };
  const lengthBytes = { 126: 2, 127: 8 }[shortLength] ?? 0;
  const start = 2 + lengthBytes + 4;
  if (bytes.length < start) return null;
  let size = shortLength;
  if (lengthBytes === 2) size = bytes.readUInt16BE(2);
  if (lengthBytes === 8) size = Number(bytes.readBigUInt64BE(2));
  if (size > maxBytes) return { refusal: 1009 };
  if (bytes.length < start + size) return null;
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(bytes.subarray(start, start + size));
  for (let at = 0; at < size; at += 1) payload[at] ^= mask[at & 3];
  return { opcode, isFinal, payload, length: start + size };
}

function frame(opcode, payload) {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}
