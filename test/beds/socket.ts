import { once } from 'node:events';
import { WebSocket } from 'ws';

/** A client's WebSocket that is open, with what it received. */
export interface OpenSocket {
  socket: WebSocket;
  received: string[];
  /** Resolves with the close code once it is closed. */
  closed: Promise<number>;
}

/** Opens a WebSocket to an `http:` address; rejects when it is refused. */
export async function openSocket(url: string): Promise<OpenSocket> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'));
  const received: string[] = [];
  socket.on('message', (data: Buffer) => received.push(data.toString()));
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await once(socket, 'open');
  return { socket, received, closed };
}
