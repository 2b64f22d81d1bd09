import type net from 'node:net';
import type { Upstream } from './upstream.ts';
import { betweenFrames, countFrames, frameState, type FrameState } from './frames.ts';

/** A WebSocket as two sockets with raw bytes between them. */
export interface Pipe {
  readonly client: net.Socket;
  readonly upstream: net.Socket;
  readonly fromClient: FrameState;
  readonly fromServer: FrameState;
  readonly watch: PipeWatch;
  over: boolean;
}

export interface PipeWatch {
  /** The visitor sent a data frame: use. Pings, pongs and closes are not told. */
  onClientData(): void;
  onServerData(): void;
  /** Both sockets are gone. Exactly once. */
  onClose(): void;
}

/**
 * Joins the two sockets after the 101. Bytes pass verbatim: a proxy that re-frames breaks extensions
 * and costs memory. One direction may end before the other. Bytes already read go first.
 */
export function openPipe(
  client: net.Socket,
  joined: Upstream,
  early: { fromClient: Buffer | null; fromServer: Buffer | null },
  watch: PipeWatch,
): Pipe {
  const upstream = joined.socket;
  const pipe: Pipe = {
    client,
    upstream,
    fromClient: frameState(),
    fromServer: frameState(),
    watch,
    over: false,
  };
  const onClientBytes = (bytes: Buffer) => {
    if (countFrames(pipe.fromClient, bytes) > 0) watch.onClientData();
    if (!upstream.write(bytes)) client.pause();
  };
  const onServerBytes = (bytes: Buffer) => {
    if (countFrames(pipe.fromServer, bytes) > 0) watch.onServerData();
    if (!client.write(bytes)) upstream.pause();
  };
  joined.user = {
    // The read buffer is used again: what is written must be a copy.
    onData: (bytes) => onServerBytes(Buffer.from(bytes)),
    onDrain: () => client.resume(),
    onEnd: () => halfClose(upstream, client),
    onClose: () => end(pipe),
  };
  client.on('data', onClientBytes);
  client.on('drain', () => upstream.resume());
  client.on('end', () => halfClose(client, upstream));
  client.on('close', () => end(pipe));
  if (early.fromClient !== null) onClientBytes(early.fromClient);
  if (early.fromServer !== null) onServerBytes(early.fromServer);
  client.resume();
  if (client.destroyed || upstream.destroyed) end(pipe);
  return pipe;
}

/** Tells the visitor why it ends, if a frame may stand here, and ends. */
export function closePipe(pipe: Pipe, why: keyof typeof closeFrames): void {
  if (pipe.over) return;
  if (betweenFrames(pipe.fromServer) && !pipe.fromServer.closed && pipe.client.writable) {
    pipe.client.write(closeFrames[why]);
  }
  pipe.upstream.destroy();
}

/** Close frames with code 1001 "going away" and 1008 "policy violation", RFC 6455 §7.4.1. */
const closeFrames = {
  'going away': Buffer.from([0x88, 0x02, 0x03, 0xe9]),
  'not allowed': Buffer.from([0x88, 0x02, 0x03, 0xf0]),
} as const;

/** One direction is over; the other may finish, but not for ever. */
function halfClose(ended: net.Socket, other: net.Socket): void {
  other.end();
  const deadline = setTimeout(() => other.destroy(), 30_000).unref();
  ended.once('close', () => clearTimeout(deadline));
}

function end(pipe: Pipe): void {
  if (pipe.over) return;
  pipe.over = true;
  // What was written to the visitor still leaves; what can no longer arrive is dropped.
  if (pipe.client.destroyed) pipe.upstream.destroy();
  else if (pipe.upstream.errored !== null) breakOff(pipe.client);
  else pipe.client.destroySoon();
  if (pipe.client.isPaused()) pipe.client.resume();
  pipe.watch.onClose();
}

/** The visitor must see that it was no orderly end. Only bare TCP can be reset. */
function breakOff(client: net.Socket): void {
  if ('encrypted' in client) client.destroy();
  else client.resetAndDestroy();
}
