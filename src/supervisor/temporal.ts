import { join, resolve } from 'node:path';
import type { Log } from '../log.ts';
import { findFreePort } from './free-port.ts';
import { endKeptServer, keepServer } from './kept-server.ts';
import { prepareNamespace } from './temporal-namespace.ts';

const address = '127.0.0.1';
const readyDeadlineMs = 60_000;
const file = 'server';

export interface RunningTemporal {
  /** Of the frontend: `host:port`. */
  address: string;
  /** Of the Web UI. */
  uiUrl: string;
  pid: number;
  /** It ran already: started by an earlier supervisor. */
  adopted: boolean;
}

/**
 * Starts the Temporal development server on the file in `folder`, or adopts the one that an earlier
 * call left running on it, whatever its ports. It outlives the caller: only `stopTemporal` ends it.
 * Ports are wishes: a busy one becomes the next free one, 0 any. Idempotent.
 *
 * Throws when the program cannot run or does not answer within a minute; the message has the last
 * lines of its output.
 */
export async function startTemporal(options: {
  folder: string;
  /** Path of the Temporal CLI. */
  cli: string;
  port: number;
  uiPort: number;
  log: Log;
  /** Come on top of ours, for servers of tests. */
  dynamicConfig?: Readonly<{ [key: string]: string }>;
}): Promise<RunningTemporal> {
  const folder = resolve(options.folder);
  const { ports, pid, adopted } = await keepServer<{ port: number; uiPort: number }>({
    ...{ name: 'Temporal', folder, file, program: options.cli, settings: '', log: options.log },
    launch: async () => {
      const port = await findFreePort({ wanted: options.port, address });
      const taken = new Set([port]);
      const uiPort = await findFreePort({ wanted: options.uiPort, address, taken });
      return {
        ports: { port, uiPort },
        args: argumentsFor(folder, port, uiPort, options.dynamicConfig),
      };
    },
    portOf: ({ port }) => port,
    whyNotReady: async ({ port }, goOn) => {
      const connection = { address: `${address}:${port}` };
      const deadlineMs = readyDeadlineMs;
      await prepareNamespace({ connection, namespace: 'default', deadlineMs, goOn });
      return null;
    },
  });
  return {
    address: `${address}:${ports.port}`,
    uiUrl: `http://${address}:${ports.uiPort}`,
    ...{ pid, adopted },
  };
}

/** Ends the server of `folder` and resolves when it is gone. Success when none runs. */
export async function stopTemporal(folder: string): Promise<void> {
  await endKeptServer(resolve(folder), file);
}

function argumentsFor(
  folder: string,
  port: number,
  uiPort: number,
  more: Readonly<{ [key: string]: string }> = {},
): string[] {
  const dynamicConfig = {
    // Without it each step costs about 50 ms once a first burst is spent.
    'history.transferProcessorMaxPollRPS': '2000',
    ...more,
  };
  return [
    ...['server', 'start-dev', '--ip', address, '--port', String(port)],
    ...['--ui-port', String(uiPort), '--db-filename', join(folder, 'temporal.db')],
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
    ...Object.entries(dynamicConfig).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${value}`,
    ]),
    ...['--log-level', 'warn'],
  ];
}
