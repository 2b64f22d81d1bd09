import type { IncomingMessage, Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Log } from './log.ts';

const againMs = 2_000;
/** Requests that are still under way after this are cut when the process ends. */
const shutdownMs = 5_000;

/**
 * The listener of an old family in the process of the API. A port that another process has is asked for again: of
 * several APIs on a machine one has it, and another takes over when that one ends.
 */
export function familyListener(options: {
  family: string;
  at: { host: string; port: number };
  serve: (request: Request, address: string) => Response | Promise<Response>;
  maxHeaderBytes: number;
  log: Log;
}): { close(): Promise<void> } {
  const { family, at, serve, log } = options;
  let timer: NodeJS.Timeout | undefined;
  let waits = false;
  const server = createAdaptorServer({
    fetch: (request, env) => {
      const { incoming } = env as { incoming: IncomingMessage };
      return serve(request, plain(incoming.socket.remoteAddress ?? ''));
    },
    serverOptions: { maxHeaderSize: options.maxHeaderBytes },
  }) as Server;
  const listen = () => server.listen(at.port, at.host);
  server.on('listening', () => log.info({ family, address: server.address() }, 'listens'));
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (!waits) log.warn({ err: error, family, ...at }, 'listener not open; asks again');
    waits = true;
    timer = setTimeout(listen, againMs);
  });
  listen();
  return {
    async close() {
      clearTimeout(timer);
      server.removeAllListeners('error');
      if (!server.listening) return;
      const cut = setTimeout(() => server.closeAllConnections(), shutdownMs);
      const tidy = setInterval(() => server.closeIdleConnections(), 25);
      await new Promise<void>((done) => {
        server.close(() => done());
      });
      clearTimeout(cut);
      clearInterval(tidy);
    },
  };
}

/** An IPv4 address as itself, also where the listener takes both kinds. */
const plain = (address: string): string => address.replace(/^::ffff:(?=[\d.]+$)/i, '');
