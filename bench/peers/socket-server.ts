import { createHash } from 'node:crypto';
import net from 'node:net';

/** A WebSocket server that sends raw bytes back: the proxies are measured, not a library. */
net
  .createServer({ noDelay: true }, (socket) => {
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
  })
  .listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
