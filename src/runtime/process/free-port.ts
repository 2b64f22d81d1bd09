import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range that kernels take outgoing ports from, so that none is lent twice by chance. */
const firstPort = 20_000;
const ports = 10_000;
const tries = 200;

/** Given out lately by this process: their owners may not listen yet. */
const givenOut = new Set<number>();

/**
 * A loopback port that nobody listens on and that is not in `taken`. With `hint` the search begins
 * there, else somewhere, so that two installations rarely want the same.
 */
export async function freePort(taken: ReadonlySet<number>, hint?: number): Promise<number> {
  const first = hint ?? firstPort + randomInt(ports);
  for (let offset = 0; offset < tries; offset += 1) {
    const port =
      hint === undefined ? firstPort + ((first - firstPort + offset) % ports) : first + offset;
    if (port > 65_535) break;
    if (taken.has(port) || givenOut.has(port) || !(await isFree(port))) continue;
    givenOut.add(port);
    setTimeout(() => givenOut.delete(port), 60_000).unref();
    return port;
  }
  throw new Error(`cannot choose a port: ${tries} in a row from ${first} are taken`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
