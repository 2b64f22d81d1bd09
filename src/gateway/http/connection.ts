import net from 'node:net';
import tls from 'node:tls';
import { tlsRules, type TlsMaterial } from '../tls.ts';
import { chunkedState, readChunked, type ChunkedState } from './chunked.ts';
import { parseRequestHead, parseTrailers, type HeadRefusal, type RequestHead } from './head.ts';
import { errorAnswer, statusText, type Answer } from './answer.ts';

/**
 * The server side of HTTP/1.1 on bare sockets: one request at a time a connection, bodies handed on
 * as they come, every wait bounded. Bare sockets instead of `node:http`, since a forwarder that
 * copies header lines needs none of its objects: twice the requests a core, a third of the memory.
 */
export interface ListenerOptions {
  maxHeaderBytes: number;
  maxBodyBytes: number;
  /** For listeners with several kinds of requests; takes the place of `maxBodyBytes`. */
  maxBodyBytesOf?: (head: RequestHead) => number;
  maxConnections: number;
  /** A request's head must be complete this long after its first byte. */
  headerTimeoutMs: number;
  /** A connection without a request is closed after this. */
  idleTimeoutMs: number;
  /** A request body that stands still this long is given up. */
  bodyStallMs: number;
  /** A visitor that takes nothing of its answer for this long is cut. */
  answerStallMs: number;
  /** Certificate and key where visitors speak TLS; null where they do not. */
  tls: TlsMaterial | null;
  onRequest(exchange: Exchange): void;
}

export interface Listener {
  server: net.Server;
  connections: Set<Connection>;
  /** Sockets that are not done with their TLS handshake yet, by their other end. */
  handshakes: Map<string, net.Socket>;
  options: ListenerOptions;
  /** Answers carry `Connection: close` from now on. */
  draining: boolean;
  refusedConnections: number;
  sweep: NodeJS.Timeout;
}

/** How a visitor reached us: by the socket, or by the word of a trusted proxy. */
export interface VisitorSide {
  address: string;
  protocol: 'http' | 'https';
  /** Whom a trusted proxy names, in its own words; null when nobody does. */
  person: string | null;
}

interface Connection {
  readonly socket: net.Socket;
  readonly listener: Listener;
  /** The other end of the socket. */
  readonly side: VisitorSide;
  exchange: Exchange | null;
  /** Bytes read and not yet used. */
  pending: Buffer | null;
  /** By when something must happen, in milliseconds since the epoch; 0 for never. */
  deadlineMs: number;
  waitsFor: 'request' | 'head' | 'body' | 'linger' | 'nothing';
  /** Set once the socket belongs to a WebSocket pipe. */
  detached: boolean;
  parsing: boolean;
  /** Bytes the visitor has taken, as last looked at, and when that last grew. */
  takenBytes: number;
  takenAtMs: number;
}

/** One request and the answer to it. */
export interface Exchange {
  readonly connection: Connection;
  readonly head: RequestHead;
  /** Where it comes from: the other end of the socket, or who a trusted proxy says it is. */
  side: VisitorSide;
  /** Every byte of the request's body was handed on. */
  bodyDone: boolean;
  bodyBytes: number;
  maxBodyBytes: number;
  /** The head of an answer was written: from here on an error can only cut the connection. */
  answering: boolean;
  sink: BodySink | null;
  /** Called once when the visitor goes away, or the body breaks a rule, before the end. */
  onAbort: (() => void) | null;
  /** The visitor's socket takes more bytes of the answer. */
  onDrain: (() => void) | null;
  chunked: ChunkedState | null;
  /** On whose account it is served, for the layer above: all of one holder can be ended together. */
  holder: object | null;
  over: boolean;
}

/** Where a request body goes. `write` answers false when it wants no more until `resumeBody`. */
export interface BodySink {
  write(bytes: Buffer): boolean;
  /** `trailers`: filtered lines, each with its CRLF; null for bodies without chunked framing. */
  end(trailers: string | null): void;
}

/** Starts to serve; the promise resolves when the listener is bound. */
export async function listen(
  bind: { host: string; port: number },
  options: ListenerOptions,
): Promise<Listener> {
  const server = createServer(options);
  const listener: Listener = {
    server,
    connections: new Set(),
    handshakes: new Map(),
    options,
    draining: false,
    refusedConnections: 0,
    sweep: setInterval(() => endOverdue(listener), sweepEveryMs(options)).unref(),
  };
  if (options.tls === null) server.on('connection', (socket) => accept(listener, socket));
  else acceptTls(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: bind.host, port: bind.port, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return listener;
}

/**
 * Stops accepting and lets connections finish; idle ones close soon. After `withinMs` what is
 * left is cut, except detached sockets, which their owner ends.
 */
export async function drain(listener: Listener, withinMs: number): Promise<void> {
  listener.draining = true;
  const closed = new Promise<void>((resolve) => {
    if (listener.server.listening) listener.server.close(() => resolve());
    else resolve();
  });
  // An idle visitor may be sending just now: it gets a moment, an answer, and `Connection: close`.
  const patience = setTimeout(() => {
    for (const connection of listener.connections) {
      if (connection.exchange === null && !connection.detached) connection.socket.destroy();
    }
  }, withinMs / 4);
  const deadline = setTimeout(() => {
    for (const connection of listener.connections) connection.socket.destroy();
    for (const socket of listener.handshakes.values()) socket.destroy();
  }, withinMs);
  await closed;
  clearTimeout(patience);
  clearTimeout(deadline);
  clearInterval(listener.sweep);
}

/** Hands the request's body to `sink` from now on. */
export function startBody(exchange: Exchange, sink: BodySink): void {
  exchange.sink = sink;
  if (exchange.bodyDone) {
    sink.end(null);
    return;
  }
  resumeBody(exchange);
}

/** The sink takes more bytes. */
export function resumeBody(exchange: Exchange): void {
  const { connection } = exchange;
  if (exchange.over || exchange.bodyDone) return;
  const { pending } = connection;
  connection.pending = null;
  waitFor(connection, 'body');
  connection.socket.resume();
  if (pending !== null) readBody(exchange, pending);
}

/** Writes a whole answer of the gateway itself. Does nothing once an answer was begun. */
export function answer(exchange: Exchange, what: Answer): void {
  if (exchange.answering || exchange.over) return;
  const keepAlive = keepsAlive(exchange);
  const body = Buffer.isBuffer(what.body) ? what.body : Buffer.from(what.body, 'utf8');
  let head = `HTTP/1.1 ${what.status} ${statusText(what.status)}\r\n`;
  for (const [name, value] of what.headers) head += `${name}: ${value}\r\n`;
  if (what.status !== 304 && what.status !== 204) head += `Content-Length: ${body.length}\r\n`;
  if (!keepAlive) head += 'Connection: close\r\n';
  else if (exchange.head.http10) head += 'Connection: keep-alive\r\n';
  head += '\r\n';
  const bodyless = exchange.head.method === 'HEAD' || what.status === 304 || what.status === 204;
  exchange.answering = true;
  const { socket } = exchange.connection;
  if (bodyless || body.length === 0) socket.write(head, 'latin1');
  else socket.write(join(head, body));
  finish(exchange, keepAlive);
}

/** One buffer for head and body: one system call instead of two. */
export function join(head: string, body: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(head.length + body.length);
  whole.write(head, 0, 'latin1');
  body.copy(whole, head.length);
  return whole;
}

/** Whether the connection may serve another request after this one. */
export function keepsAlive(exchange: Exchange): boolean {
  return exchange.head.keepAlive && exchange.bodyDone && !exchange.connection.listener.draining;
}

/** The answer is complete. Without `keepAlive` the connection is closed, once it is safe to. */
export function finish(exchange: Exchange, keepAlive: boolean): void {
  if (exchange.over) return;
  const { connection } = exchange;
  exchange.over = true;
  exchange.onAbort = null;
  exchange.onDrain = null;
  connection.exchange = null;
  if (!keepAlive || !exchange.bodyDone || connection.listener.draining) {
    lingerThenClose(connection, exchange.bodyDone);
    return;
  }
  waitFor(connection, 'request');
  if (connection.parsing) return;
  if (connection.pending === null) {
    if (connection.socket.isPaused()) connection.socket.resume();
    return;
  }
  setImmediate(() => readRequests(connection));
}

/** The answer cannot be completed: the visitor must see that it is cut. */
export function cut(exchange: Exchange): void {
  exchange.over = true;
  exchange.onAbort = null;
  exchange.connection.socket.destroy();
}

/** Ends what is going on for these holders: with an answer where none has begun, else by a cut. */
export function endHeld(
  listener: Listener,
  holders: ReadonlySet<object>,
  answerFor: (exchange: Exchange) => Answer,
): void {
  for (const { exchange } of listener.connections) {
    if (exchange === null || exchange.holder === null || !holders.has(exchange.holder)) continue;
    const { onAbort } = exchange;
    exchange.onAbort = null;
    onAbort?.();
    if (exchange.answering) cut(exchange);
    else answer(exchange, answerFor(exchange));
  }
}

/** Takes the socket out of HTTP, for a WebSocket. Answers bytes read beyond the request's head. */
export function detach(exchange: Exchange): Buffer | null {
  const { connection } = exchange;
  const { pending, socket } = connection;
  exchange.over = true;
  exchange.onAbort = null;
  connection.exchange = null;
  connection.pending = null;
  connection.detached = true;
  waitFor(connection, 'nothing');
  for (const event of ['data', 'end', 'drain'] as const) socket.removeAllListeners(event);
  return pending;
}

const lingerMs = 2_000;
/** Bytes kept while nobody wants them: pipelined requests, a body before its sink. */
const maxPendingBytes = 64 * 1024;

function sweepEveryMs(options: ListenerOptions): number {
  const shortest = Math.min(
    options.headerTimeoutMs,
    options.idleTimeoutMs,
    options.bodyStallMs,
    options.answerStallMs,
  );
  return Math.max(20, Math.min(1_000, shortest / 4));
}

function accept(listener: Listener, socket: net.Socket): void {
  if (listener.connections.size >= listener.options.maxConnections) {
    listener.refusedConnections += 1;
    // One short word and away: the limit is there to keep memory bounded.
    socket.on('error', ignoreReset);
    socket.end(tooManyConnections, 'latin1');
    socket.destroySoon();
    return;
  }
  const connection: Connection = {
    socket,
    listener,
    side: {
      address: plainAddress(socket.remoteAddress ?? ''),
      protocol: 'encrypted' in socket ? 'https' : 'http',
      person: null,
    },
    exchange: null,
    pending: null,
    deadlineMs: Date.now() + listener.options.headerTimeoutMs,
    waitsFor: 'head',
    detached: false,
    parsing: false,
    takenBytes: 0,
    takenAtMs: 0,
  };
  listener.connections.add(connection);
  socket.setKeepAlive(true, 30_000);
  socket.on('data', (bytes: Buffer) => read(connection, bytes));
  socket.on('end', () => ended(connection));
  socket.on('drain', () => {
    if (connection.exchange !== null) connection.exchange.onDrain?.();
    else readRequests(connection);
  });
  // A reset is followed by 'close', where everything is put away.
  socket.on('error', ignoreReset);
  socket.on('close', () => closed(connection));
}

function createServer({ tls: material, headerTimeoutMs }: ListenerOptions): net.Server {
  // Half-open sockets are allowed, since a WebSocket may close one direction before the other. Not under TLS: there
  // a visitor that leaves during the handshake would be waited for.
  if (material === null) return net.createServer({ allowHalfOpen: true, noDelay: true });
  return tls.createServer({
    ...{ noDelay: true, ...material, ...tlsRules },
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: headerTimeoutMs,
  });
}

/** Handshakes count as connections; one that fails or takes too long just ends. */
function acceptTls(listener: Listener): void {
  const { server } = listener;
  const { handshakes } = listener;
  const nameOf = (socket: net.Socket) => `${socket.remoteAddress} ${socket.remotePort}`;
  server.on('connection', (raw: net.Socket) => {
    if (listener.connections.size + handshakes.size >= listener.options.maxConnections) {
      listener.refusedConnections += 1;
      raw.destroy();
      return;
    }
    const name = nameOf(raw);
    handshakes.set(name, raw);
    raw.once('close', () => handshakes.delete(name));
  });
  server.on('tlsClientError', (_error: Error, socket: tls.TLSSocket) => socket.destroy());
  server.on('secureConnection', (socket: tls.TLSSocket) => {
    // From here on it is counted as what it is.
    handshakes.delete(nameOf(socket));
    accept(listener, socket);
  });
}

function ignoreReset(): void {}

/** IPv4 behind a socket of both families is IPv4. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? '';
  return net.isIPv4(mapped) ? mapped : address;
}

function read(connection: Connection, bytes: Buffer): void {
  if (connection.waitsFor === 'linger') return;
  const { exchange } = connection;
  if (exchange !== null && exchange.sink !== null && !exchange.bodyDone) {
    readBody(exchange, bytes);
    return;
  }
  const { pending } = connection;
  connection.pending = pending === null ? bytes : Buffer.concat([pending, bytes]);
  if (exchange === null) readRequests(connection);
  if (connection.pending !== null && connection.pending.length > maxPendingBytes) {
    connection.socket.pause();
  }
}

/** Parses requests as long as there are bytes and nothing is being answered. */
function readRequests(connection: Connection): void {
  if (connection.parsing) return;
  connection.parsing = true;
  while (connection.exchange === null && connection.pending !== null) {
    if (connection.waitsFor === 'linger' || connection.socket.destroyed) break;
    // Who does not read its answers gets no more of them: what is written would pile up here.
    if (connection.socket.writableNeedDrain) break;
    if (!readRequest(connection, connection.pending)) break;
  }
  connection.parsing = false;
  const { exchange, pending, socket } = connection;
  const free = exchange === null ? !socket.writableNeedDrain : exchange.sink === null;
  if (socket.isPaused() && free && (pending?.length ?? 0) <= maxPendingBytes) socket.resume();
}

/** True when a request was read (or refused) and there may be another. */
function readRequest(connection: Connection, bytes: Buffer): boolean {
  const { options } = connection.listener;
  let from = 0;
  // RFC 9112 §2.2: an empty line or two before the request line is forgiven.
  while (from < 4 && bytes[from] === 0x0d && bytes[from + 1] === 0x0a) from += 2;
  const end = bytes.indexOf('\r\n\r\n', from, 'latin1');
  if (end === -1 || end - from > options.maxHeaderBytes) {
    if (bytes.length - from > options.maxHeaderBytes) {
      refuseTooLarge(connection, bytes.toString('latin1', from, from + options.maxHeaderBytes));
      return false;
    }
    if (connection.waitsFor !== 'head') waitFor(connection, 'head');
    return false;
  }
  const head = parseRequestHead(bytes.toString('latin1', from, end));
  if ('why' in head) {
    refuseHead(connection, head);
    return false;
  }
  const rest = end + 4;
  connection.pending = rest === bytes.length ? null : bytes.subarray(rest);
  const exchange: Exchange = {
    connection,
    head,
    side: connection.side,
    bodyDone: head.framing === 'none',
    bodyBytes: 0,
    maxBodyBytes: options.maxBodyBytesOf?.(head) ?? options.maxBodyBytes,
    answering: false,
    sink: null,
    onAbort: null,
    onDrain: null,
    chunked: head.framing === 'chunked' ? chunkedState() : null,
    holder: null,
    over: false,
  };
  connection.exchange = exchange;
  waitFor(connection, 'nothing');
  if (head.contentLength > exchange.maxBodyBytes) {
    answer(exchange, errorAnswer(head, 413, bodyTooLarge(exchange.maxBodyBytes)));
    return false;
  }
  options.onRequest(exchange);
  return true;
}

function readBody(exchange: Exchange, bytes: Buffer): void {
  const { connection, sink, chunked } = exchange;
  if (sink === null) return;
  const { maxBodyBytes } = exchange;
  waitFor(connection, 'body');
  if (chunked === null) {
    const take = Math.min(exchange.head.contentLength - exchange.bodyBytes, bytes.length);
    exchange.bodyBytes += take;
    const whole = take === bytes.length;
    if (exchange.bodyBytes === exchange.head.contentLength) exchange.bodyDone = true;
    const more = take === 0 || sink.write(whole ? bytes : bytes.subarray(0, take));
    if (!exchange.bodyDone) {
      if (!more) hold(connection);
      return;
    }
    if (!whole) connection.pending = bytes.subarray(take);
    endBody(exchange, sink, null);
    return;
  }
  const end = readChunked(chunked, bytes, 0);
  if (end === -1) {
    failBody(exchange, 400, 'the chunked framing of the body is malformed');
    return;
  }
  exchange.bodyBytes = chunked.total;
  if (exchange.bodyBytes > maxBodyBytes) {
    failBody(exchange, 413, bodyTooLarge(maxBodyBytes));
    return;
  }
  const rawEnd = Math.min(end, chunked.rawEnd);
  const done = chunked.phase === 'done';
  if (done) {
    const trailers = forwardableTrailers(chunked.trailers);
    if (trailers === null) {
      failBody(exchange, 400, 'the trailers of the body are malformed');
      return;
    }
    exchange.bodyDone = true;
    if (rawEnd > 0) sink.write(bytes.subarray(0, rawEnd));
    if (end < bytes.length) connection.pending = bytes.subarray(end);
    endBody(exchange, sink, trailers);
    return;
  }
  if (rawEnd > 0 && !sink.write(bytes.subarray(0, rawEnd))) hold(connection);
}

function endBody(exchange: Exchange, sink: BodySink, trailers: string | null): void {
  waitFor(exchange.connection, 'nothing');
  sink.end(trailers);
}

/** Back-pressure: nothing is read, and standing still is not the visitor's fault. */
function hold(connection: Connection): void {
  connection.socket.pause();
  waitFor(connection, 'nothing');
}

function failBody(exchange: Exchange, status: 400 | 413, why: string): void {
  const { onAbort } = exchange;
  exchange.onAbort = null;
  onAbort?.();
  if (exchange.answering) cut(exchange);
  else answer(exchange, errorAnswer(exchange.head, status, why));
}

/** Trailer lines that may be passed on; null when they are malformed. */
export function forwardableTrailers(text: string): string | null {
  if (text === '') return '';
  const fields = parseTrailers(text);
  if ('why' in fields) return null;
  let kept = '';
  for (let index = 0; index < fields.names.length; index += 1) {
    const name = fields.names[index] ?? '';
    const plain = name.replaceAll('_', '-');
    if (!neverInTrailers.has(plain) && !ourPrefixes.test(plain)) {
      kept += `${fields.lines[index]}\r\n`;
    }
  }
  return kept;
}

/** RFC 9110 §6.5.1: what frames, routes or authenticates has no business in a trailer. */
const neverInTrailers = new Set([
  'transfer-encoding',
  'content-length',
  'host',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'upgrade',
  'authorization',
  'proxy-authorization',
  'proxy-authenticate',
  'cookie',
  'set-cookie',
  'forwarded',
  'content-encoding',
  'content-type',
  'content-range',
  'expect',
  'range',
  'location',
]);

const ourPrefixes = /^x-(?:forwarded|labkeeper)/;

function bodyTooLarge(limit: number): string {
  return `the request body is larger than ${limit} bytes (LABKEEPER_MAX_BODY_BYTES)`;
}

function refuseHead(connection: Connection, refusal: HeadRefusal): void {
  refuse(connection, refusal.status, refusal.why);
}

/**
 * A page of an app can fill its visitor's browser with cookies for the whole site. With them no request would ever get
 * through again, so the browser is told to forget them; not when something else is too large, which any site can cause.
 */
function refuseTooLarge(connection: Connection, begun: string): void {
  const { maxHeaderBytes } = connection.listener.options;
  const cookies = /\r\ncookie:[^\r]*/gi;
  const cookieBytes = (begun.match(cookies) ?? []).reduce((sum, line) => sum + line.length, 0);
  const why = `request line and headers exceed ${maxHeaderBytes} bytes (LABKEEPER_MAX_HEADER_BYTES)`;
  if (cookieBytes < maxHeaderBytes / 2) refuse(connection, 431, why);
  else {
    const mended = `${why}, most of it cookies: they were cleared, load the page again`;
    refuse(connection, 431, mended, 'Clear-Site-Data: "cookies"\r\n');
  }
}

/** Answers bytes that are no request, and closes: what follows cannot be trusted. */
function refuse(connection: Connection, status: number, why: string, lines = ''): void {
  connection.pending = null;
  const body = `${status} ${statusText(status)}: ${why}\n`;
  connection.socket.write(
    `HTTP/1.1 ${status} ${statusText(status)}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `${lines}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    'latin1',
  );
  lingerThenClose(connection, false);
}

/**
 * Closes after the answer has left. A visitor that still sends is read (and ignored) for a moment:
 * closing with unread bytes would reset the connection and lose the answer on its way.
 */
function lingerThenClose(connection: Connection, nothingUnread: boolean): void {
  connection.pending = null;
  connection.socket.end();
  connection.waitsFor = 'linger';
  connection.deadlineMs = Date.now() + lingerMs;
  connection.socket.resume();
  if (nothingUnread) connection.socket.destroySoon();
}

function ended(connection: Connection): void {
  if (connection.detached) return;
  const { exchange } = connection;
  // Nobody half-closes on purpose before the answer: the visitor has left.
  if (exchange !== null) abort(exchange);
  connection.socket.destroySoon();
  if (connection.waitsFor === 'linger' || exchange === null) connection.socket.end();
}

function closed(connection: Connection): void {
  connection.listener.connections.delete(connection);
  const { exchange } = connection;
  if (exchange !== null) abort(exchange);
  connection.pending = null;
}

function abort(exchange: Exchange): void {
  exchange.over = true;
  exchange.connection.exchange = null;
  const { onAbort } = exchange;
  exchange.onAbort = null;
  exchange.onDrain = null;
  onAbort?.();
}

function waitFor(connection: Connection, what: Connection['waitsFor']): void {
  const { options } = connection.listener;
  connection.waitsFor = what;
  connection.deadlineMs =
    what === 'nothing'
      ? 0
      : Date.now() +
        (what === 'request'
          ? options.idleTimeoutMs
          : what === 'head'
            ? options.headerTimeoutMs
            : options.bodyStallMs);
}

function endOverdue(listener: Listener): void {
  const nowMs = Date.now();
  for (const connection of listener.connections) {
    if (takesNothing(connection, nowMs)) {
      connection.socket.destroy();
      continue;
    }
    if (connection.deadlineMs === 0 || connection.deadlineMs > nowMs) continue;
    const begun = connection.waitsFor === 'head' && connection.pending !== null;
    if (begun) refuse(connection, 408, 'the request did not arrive in time');
    else if (connection.waitsFor === 'body' && connection.exchange !== null) {
      stall(connection.exchange);
    } else connection.socket.destroy();
  }
}

/** True when bytes of an answer have been waiting for the visitor for too long. */
function takesNothing(connection: Connection, nowMs: number): boolean {
  const { socket, exchange } = connection;
  if (exchange === null || !socket.writableNeedDrain) {
    connection.takenAtMs = 0;
    return false;
  }
  const takenBytes = socket.bytesWritten - socket.writableLength;
  if (connection.takenAtMs === 0 || takenBytes !== connection.takenBytes) {
    connection.takenBytes = takenBytes;
    connection.takenAtMs = nowMs;
    return false;
  }
  return nowMs - connection.takenAtMs > connection.listener.options.answerStallMs;
}

function stall(exchange: Exchange): void {
  const { onAbort } = exchange;
  exchange.onAbort = null;
  onAbort?.();
  if (exchange.answering) cut(exchange);
  else answer(exchange, errorAnswer(exchange.head, 408, 'the request body stood still too long'));
}

const tooManyConnections =
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 26\r\n' +
  'Connection: close\r\n\r\ntoo many open connections\n';
