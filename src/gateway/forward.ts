import { chunkedState, readChunked, type ChunkedState } from './http/chunked.ts';
import {
  cut,
  finish,
  forwardableTrailers,
  join,
  keepsAlive,
  resumeBody,
  startBody,
  type Exchange,
} from './http/connection.ts';
import { parseResponseHead, type Framing, type ResponseHead } from './http/head.ts';
import { responseLinesFor, switchHeadFor, type ResponseRewrite } from './headers.ts';
import { give, take, type Target, type Upstream, type UpstreamPool } from './upstream.ts';

/** Why there is no answer of the target; nothing was sent to the visitor yet. */
export interface ForwardFailure {
  /** `refused`: never connected, so surely not processed. `reset`: cut off after it was sent. */
  kind: 'refused' | 'reset' | 'unreadable';
  why: string;
  /** Nothing of the request's body is used up: it may be forwarded again. */
  repeatable: boolean;
}

export interface ForwardOptions {
  exchange: Exchange;
  pool: UpstreamPool;
  target: Target;
  /** From `requestHeadFor`. */
  head: string;
  rewrite: Omit<ResponseRewrite, 'addedBytes'>;
  /** Asked once the answer's head is there: bytes to add to the end of its body, or null. */
  addition?: (head: ResponseHead) => Buffer | null;
  onHead?: (head: ResponseHead) => void;
  /** After the answer's last byte or when it was cut: exactly once, unless `onFailure` came. */
  onEnd: () => void;
  onFailure: (failure: ForwardFailure) => void;
  /**
   * The target agreed to become a WebSocket: both sockets belong to the callee now, with the head
   * for the visitor and the bytes that came behind the target's. Needed for upgrade requests only.
   */
  onSwitch?: (upstream: Upstream, head: string, behind: Buffer | null) => void;
}

/**
 * Forwards one request and streams its answer back. Back-pressure goes both ways, an abort of either
 * side ends the other, bytes are never gathered.
 */
export function forward(options: ForwardOptions): void {
  const { exchange } = options;
  const { method } = exchange.head;
  const repeatable = exchange.bodyDone && exchange.bodyBytes === 0 && idempotent.has(method);
  const forwarding: Forwarding = {
    options,
    exchange,
    upstream: null,
    repeatable,
    heard: false,
    head: null,
    headBytes: null,
    framing: 'none',
    remaining: 0,
    chunked: null,
    toVisitor: 'raw',
    addition: null,
    keepAlive: false,
    bodyStarted: false,
    bodySent: exchange.bodyDone,
    over: false,
  };
  exchange.onAbort = () => abandon(forwarding);
  exchange.onDrain = () => forwarding.upstream?.socket.resume();
  // Only a request that may be sent twice trusts a connection that has been idle for long.
  const patientMs = exchange.head.upgrade ? -1 : repeatable ? Number.POSITIVE_INFINITY : 1_000;
  begin(forwarding, patientMs);
}

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);
const maxHeadBytes = 64 * 1024;

interface Forwarding {
  options: ForwardOptions;
  exchange: Exchange;
  upstream: Upstream | null;
  repeatable: boolean;
  /** Any byte came from the target. */
  heard: boolean;
  head: ResponseHead | null;
  headBytes: Buffer | null;
  framing: Framing;
  remaining: number;
  chunked: ChunkedState | null;
  /** How the body is framed for the visitor; `raw` passes the target's bytes through. */
  toVisitor: 'raw' | 'chunk' | 'payload';
  addition: Buffer | null;
  /** What the answer's head told the visitor. */
  keepAlive: boolean;
  bodyStarted: boolean;
  bodySent: boolean;
  over: boolean;
}

function begin(forwarding: Forwarding, freshMs: number): void {
  const { options, exchange } = forwarding;
  const upstream = take(
    options.pool,
    options.target,
    {
      onData: (bytes) => answered(forwarding, bytes),
      onDrain: () => resumeBody(exchange),
      onEnd: () => targetEnded(forwarding),
      onClose: (error) => targetClosed(forwarding, error),
    },
    freshMs,
  );
  forwarding.upstream = upstream;
  upstream.socket.write(options.head, 'latin1');
  if (forwarding.bodySent) return;
  if (upstream.connected) sendBody(forwarding);
  else upstream.socket.once('connect', () => sendBody(forwarding));
}

function sendBody(forwarding: Forwarding): void {
  const { exchange, upstream } = forwarding;
  if (forwarding.over || forwarding.bodyStarted || upstream === null) return;
  forwarding.bodyStarted = true;
  startBody(exchange, {
    write: (bytes) => upstream.socket.write(bytes),
    end: (trailers) => {
      forwarding.bodySent = true;
      if (trailers !== null) upstream.socket.write(`${trailers}\r\n`, 'latin1');
    },
  });
}

function answered(forwarding: Forwarding, bytes: Buffer): void {
  forwarding.heard = true;
  if (forwarding.head !== null) {
    answerBody(forwarding, bytes, 0, '');
    return;
  }
  let all = bytes;
  if (forwarding.headBytes !== null) {
    all = Buffer.concat([forwarding.headBytes, bytes]);
    forwarding.headBytes = null;
  }
  let from = 0;
  for (;;) {
    const end = all.indexOf('\r\n\r\n', from, 'latin1');
    if (end === -1 || end - from > maxHeadBytes) {
      if (all.length - from > maxHeadBytes) {
        fail(forwarding, 'unreadable', `the head of its answer exceeds ${maxHeadBytes} bytes`);
      } else forwarding.headBytes = Buffer.from(all.subarray(from));
      return;
    }
    const head = parseResponseHead(
      all.toString('latin1', from, end),
      forwarding.exchange.head.method,
    );
    if (typeof head === 'string') {
      fail(forwarding, 'unreadable', head);
      return;
    }
    from = end + 4;
    if (head.status === 101) {
      if (forwarding.exchange.head.upgrade && forwarding.options.onSwitch !== undefined) {
        switchProtocols(
          forwarding,
          head,
          from === all.length ? null : Buffer.from(all.subarray(from)),
        );
      } else fail(forwarding, 'unreadable', 'it switched protocols without being asked');
      return;
    }
    if (head.status >= 200) {
      beginAnswer(forwarding, head, all, from);
      return;
    }
    passInterim(forwarding, head);
    if (from === all.length) return;
  }
}

function switchProtocols(forwarding: Forwarding, head: ResponseHead, behind: Buffer | null): void {
  const { exchange, upstream, options } = forwarding;
  if (upstream === null) return;
  forwarding.over = true;
  upstream.user = null;
  exchange.onAbort = null;
  exchange.onDrain = null;
  options.onSwitch?.(upstream, switchHeadFor(head, options.rewrite.dropOwnCookies), behind);
}

/** 100, 103 and the like go through to visitors that can read them. */
function passInterim(forwarding: Forwarding, head: ResponseHead): void {
  const { exchange, options } = forwarding;
  if (exchange.head.http10) return;
  const lines = responseLinesFor(head, { ...options.rewrite, addedBytes: 0 });
  exchange.connection.socket.write(
    `HTTP/1.1 ${head.status} ${head.reason}\r\n${lines}\r\n`,
    'latin1',
  );
}

function beginAnswer(
  forwarding: Forwarding,
  head: ResponseHead,
  bytes: Buffer,
  from: number,
): void {
  const { exchange, options } = forwarding;
  forwarding.head = head;
  forwarding.framing = head.framing;
  forwarding.remaining = head.contentLength;
  options.onHead?.(head);
  const addition = options.addition?.(head) ?? null;
  forwarding.addition = addition;
  const { http10 } = exchange.head;
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  text += responseLinesFor(head, { ...options.rewrite, addedBytes: 0 });
  let keepAlive = keepsAlive(exchange);
  switch (head.framing) {
    case 'none':
      if (head.contentLength >= 0 && head.status !== 204) {
        text += `Content-Length: ${head.contentLength + (addition?.length ?? 0)}\r\n`;
      }
      break;
    case 'length':
      text += `Content-Length: ${head.contentLength + (addition?.length ?? 0)}\r\n`;
      break;
    case 'chunked':
      forwarding.chunked = chunkedState();
      if (http10) {
        forwarding.toVisitor = 'payload';
        keepAlive = false;
      } else {
        // Something can only be added before the last chunk when the chunks are our own.
        if (addition !== null) forwarding.toVisitor = 'chunk';
        text += 'Transfer-Encoding: chunked\r\n';
      }
      break;
    case 'until-close':
      if (http10) keepAlive = false;
      else {
        forwarding.toVisitor = 'chunk';
        text += 'Transfer-Encoding: chunked\r\n';
      }
      break;
  }
  if (!keepAlive) text += 'Connection: close\r\n';
  else if (http10) text += 'Connection: keep-alive\r\n';
  text += '\r\n';
  forwarding.keepAlive = keepAlive;
  exchange.answering = true;
  answerBody(forwarding, bytes, from, text);
}

/** Passes on a stretch of the answer; `head` leaves with its first bytes in one write. */
function answerBody(forwarding: Forwarding, bytes: Buffer, from: number, head: string): void {
  switch (forwarding.framing) {
    case 'none':
      send(forwarding, head, null);
      complete(forwarding, bytes.length === from);
      return;
    case 'length': {
      const end = Math.min(bytes.length, from + forwarding.remaining);
      forwarding.remaining -= end - from;
      const taken = send(forwarding, head, stretch(bytes, from, end));
      if (forwarding.remaining === 0) complete(forwarding, bytes.length === end);
      else if (!taken) forwarding.upstream?.socket.pause();
      return;
    }
    case 'until-close':
      if (!sendPiece(forwarding, head, stretch(bytes, from, bytes.length))) {
        forwarding.upstream?.socket.pause();
      }
      return;
    case 'chunked':
      answerChunks(forwarding, bytes, from, head);
  }
}

function answerChunks(forwarding: Forwarding, bytes: Buffer, from: number, head: string): void {
  const state = forwarding.chunked as ChunkedState;
  let taken = true;
  let end: number;
  if (forwarding.toVisitor === 'raw') {
    end = readChunked(state, bytes, from);
    const piece = end === -1 ? null : stretch(bytes, from, Math.min(end, state.rawEnd));
    taken = send(forwarding, head, piece);
  } else {
    send(forwarding, head, null);
    end = readChunked(state, bytes, from, (start, stop) => {
      taken = sendPiece(forwarding, '', bytes.subarray(start, stop));
    });
  }
  if (end === -1) cutBoth(forwarding);
  else if (state.phase === 'done') complete(forwarding, bytes.length === end);
  else if (!taken) forwarding.upstream?.socket.pause();
}

function stretch(bytes: Buffer, from: number, end: number): Buffer | null {
  if (end <= from) return null;
  return from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end);
}

function sendPiece(forwarding: Forwarding, before: string, piece: Buffer | null): boolean {
  if (forwarding.toVisitor !== 'chunk' || piece === null) return send(forwarding, before, piece);
  send(forwarding, `${before}${piece.length.toString(16)}\r\n`, piece);
  return send(forwarding, '\r\n', null);
}

/** What comes after the last stretch: the addition, the last chunk, the trailers. */
function sendRest(forwarding: Forwarding): void {
  const { addition, chunked, exchange } = forwarding;
  if (addition !== null && exchange.head.method !== 'HEAD') sendPiece(forwarding, '', addition);
  const trailers = chunked === null ? '' : (forwardableTrailers(chunked.trailers) ?? '');
  if (forwarding.toVisitor === 'chunk') send(forwarding, `0\r\n${trailers}\r\n`, null);
  else if (forwarding.toVisitor === 'raw' && chunked !== null) {
    send(forwarding, `${trailers}\r\n`, null);
  }
}

/** The piece is copied behind the text: its buffer is used again, and one write is cheaper than two. */
function send(forwarding: Forwarding, before: string, piece: Buffer | null): boolean {
  const { socket } = forwarding.exchange.connection;
  if (piece !== null) return socket.write(before === '' ? Buffer.from(piece) : join(before, piece));
  return before === '' ? true : socket.write(before, 'latin1');
}

function complete(forwarding: Forwarding, clean: boolean): void {
  const { exchange, upstream, head, options } = forwarding;
  if (forwarding.over || upstream === null || head === null) return;
  forwarding.over = true;
  sendRest(forwarding);
  if (clean && head.keepAlive && forwarding.bodySent) {
    give(options.pool, upstream, head.keepAliveSeconds);
  } else {
    upstream.user = null;
    upstream.socket.destroy();
  }
  finish(exchange, forwarding.keepAlive);
  options.onEnd();
}

function targetEnded(forwarding: Forwarding): void {
  const { upstream, framing, head } = forwarding;
  if (head !== null && framing === 'until-close') {
    complete(forwarding, false);
    return;
  }
  // The end before the end of the answer: 'close' follows and tells it.
  upstream?.socket.destroy();
}

function targetClosed(forwarding: Forwarding, error: Error | null): void {
  if (forwarding.over) return;
  if (forwarding.head !== null) {
    cutBoth(forwarding);
    return;
  }
  const { upstream, exchange } = forwarding;
  if (upstream?.reused === true && !forwarding.heard && forwarding.repeatable && !exchange.over) {
    // It was closed at the other end while idle: that says nothing of the target.
    begin(forwarding, -1);
    return;
  }
  const refused = upstream === null || !upstream.connected;
  const why = error === null ? 'it closed the connection without an answer' : error.message;
  fail(forwarding, refused ? 'refused' : 'reset', why);
}

function fail(forwarding: Forwarding, kind: ForwardFailure['kind'], why: string): void {
  const { upstream, exchange, options } = forwarding;
  if (forwarding.over) return;
  forwarding.over = true;
  if (upstream !== null) {
    upstream.user = null;
    upstream.socket.destroy();
  }
  exchange.onAbort = null;
  exchange.onDrain = null;
  exchange.sink = null;
  const untouched = exchange.bodyBytes === 0;
  options.onFailure({
    kind,
    why,
    repeatable: untouched && (kind === 'refused' || (kind === 'reset' && forwarding.repeatable)),
  });
}

/** The answer broke off in the middle: the visitor's connection breaks off too. */
function cutBoth(forwarding: Forwarding): void {
  const { upstream, exchange, options } = forwarding;
  if (forwarding.over) return;
  forwarding.over = true;
  if (upstream !== null) {
    upstream.user = null;
    upstream.socket.destroy();
  }
  cut(exchange);
  options.onEnd();
}

/** The visitor went away: the target is told by the end of its connection. */
function abandon(forwarding: Forwarding): void {
  const { upstream, options } = forwarding;
  if (forwarding.over) return;
  forwarding.over = true;
  if (upstream !== null) {
    upstream.user = null;
    upstream.socket.destroy();
  }
  options.onEnd();
}
