import { createServer } from 'node:net';

/**
 * Where any port will do. Below what systems give to outgoing connections: one of those would take
 * the port in the moment between the look and its use.
 */
const anyPort = { least: 20_000, most: 32_000 };

/**
 * The first port from `wanted` on that can be bound on `address` and is not in `taken`; with 0 from
 * somewhere on, below 32768. Throws when none of the next `tries` is free.
 */
export async function findFreePort(options: {
  wanted: number;
  address: string;
  taken?: ReadonlySet<number>;
  tries?: number;
}): Promise<number> {
  const { wanted, address, taken = new Set(), tries = 100 } = options;
  const first = wanted === 0 ? somewhere() : wanted;
  for (let port = first; port < first + tries && port <= 65_535; port += 1) {
    if (taken.has(port)) continue;
    try {
      return await bindOnce(port, address);
    } catch (error) {
      if (!isBusy(error)) throw explain(error, port, address);
    }
  }
  throw new Error(
    `no free port from ${first} to ${first + tries - 1} on ${address}: end what uses them or choose other ports`,
  );
}

function somewhere(): number {
  return anyPort.least + Math.floor(Math.random() * (anyPort.most - anyPort.least));
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
