import { createServer } from 'node:net';

/**
 * The first port from `wanted` on that can be bound on `address` and is not in `taken`; with 0 one
 * that the system picks. Throws when none of the next `tries` is free.
 */
export async function findFreePort(options: {
  wanted: number;
  address: string;
  taken?: ReadonlySet<number>;
  tries?: number;
}): Promise<number> {
  const { wanted, address, taken = new Set(), tries = 100 } = options;
  if (wanted === 0) return bindOnce(0, address);
  for (let port = wanted; port < wanted + tries && port <= 65_535; port += 1) {
    if (taken.has(port)) continue;
    try {
      return await bindOnce(port, address);
    } catch (error) {
      if (!isBusy(error)) throw explain(error, port, address);
    }
  }
  throw new Error(
    `no free port from ${wanted} to ${wanted + tries - 1} on ${address}: end what uses them or choose other ports`,
  );
}

function bindOnce(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : port));
    });
  });
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function explain(error: unknown, port: number, address: string): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why =
    code === 'EACCES'
      ? 'ports below 1024 need rights this user lacks: choose a higher one'
      : code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address: correct LABKEEPER_BIND'
        : String(error);
  return new Error(`cannot bind ${address}:${port}: ${why}`, { cause: error });
}
