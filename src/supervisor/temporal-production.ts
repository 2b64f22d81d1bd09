import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Log } from '../log.ts';
import { findFreePort } from './free-port.ts';
import { endKeptServer, keepServer } from './kept-server.ts';
import { prepareNamespace } from './temporal-namespace.ts';
import { passwordOf, prepareTemporalSchema, type TemporalDatabase } from './temporal-schema.ts';
import {
  dynamicConfigText,
  passwordVariable,
  temporalServerConfig,
  temporalUiConfig,
  type TemporalServerPorts,
} from './temporal-server-config.ts';

const address = '127.0.0.1';
const readyDeadlineMs = 60_000;
const files = { server: 'server', ui: 'ui' } as const;

export interface TemporalServerOptions {
  /** Configuration, records and logs; the data is in the database. */
  folder: string;
  /** Paths of the three programs. */
  programs: { server: string; sqlTool: string; uiServer: string };
  database: TemporalDatabase;
  namespace: string;
  /** How long Temporal keeps workflows that are over. */
  retentionDays: number;
  log: Log;
  /** Come on top of ours, for servers of tests. */
  dynamicConfig?: Readonly<{ [key: string]: unknown }>;
}

export interface RunningServer {
  /** `host:port`. */
  address: string;
  pid: number;
  /** It ran already: started by an earlier supervisor. */
  adopted: boolean;
}

/**
 * Starts the Temporal server on its databases (made and brought up to date before), with the
 * namespace registered; or adopts the one that an earlier call left running on them. It outlives the
 * caller: only `stopTemporalServer` ends it. `port` is a wish: a busy one becomes the next free one, 0 any.
 * Idempotent.
 *
 * Throws `invalid` when the databases cannot be made; else when the program cannot run or does not
 * answer within a minute, with the last lines of its output.
 */
export async function startTemporalServer(
  options: TemporalServerOptions & { port: number },
): Promise<RunningServer> {
  const { programs, database, namespace, retentionDays, log } = options;
  const folder = resolve(options.folder);
  const config = join(folder, 'config');
  await mkdir(config, { recursive: true, mode: 0o700 });
  await prepareTemporalSchema(database, programs.sqlTool, log);
  const dynamicConfigFile = join(config, 'dynamic.yaml');
  const dynamicConfig = { ...usualDynamicConfig, ...options.dynamicConfig };
  const { ports, pid, adopted } = await keepServer<TemporalServerPorts>({
    ...{ name: 'Temporal', folder, file: files.server, program: programs.server, log },
    settings: digestOf([programs.server, database, dynamicConfig]),
    launch: async (last) => {
      const ports = await choosePorts(options.port, last);
      await write(dynamicConfigFile, dynamicConfigText(dynamicConfig));
      await write(
        join(config, 'server.yaml'),
        temporalServerConfig(database, ports, dynamicConfigFile),
      );
      return {
        ports,
        args: [
          '--root',
          folder,
          '--config',
          'config',
          '--env',
          'server',
          '--allow-no-auth',
          'start',
        ],
        environment: { [passwordVariable]: await passwordOf(database) },
      };
    },
    portOf: ({ port }) => port,
    whyNotReady: async ({ port }, goOn) => {
      await prepareNamespace({
        ...{ connection: { address: `${address}:${port}` }, namespace, retentionDays, goOn },
        deadlineMs: readyDeadlineMs,
      });
      return null;
    },
  });
  return { address: `${address}:${ports.port}`, pid, adopted };
}

/** The same for the Web UI beside it. */
export async function startTemporalUi(
  options: Pick<TemporalServerOptions, 'folder' | 'programs' | 'namespace' | 'log'> & {
    temporalAddress: string;
    port: number;
  },
): Promise<RunningServer> {
  const { programs, namespace, temporalAddress, log } = options;
  const folder = resolve(options.folder);
  const config = join(folder, 'config');
  await mkdir(config, { recursive: true, mode: 0o700 });
  const { ports, pid, adopted } = await keepServer<{ port: number }>({
    ...{ name: 'the Web UI of Temporal', folder, file: files.ui, program: programs.uiServer, log },
    settings: digestOf([programs.uiServer, temporalAddress, namespace]),
    launch: async () => {
      const port = await findFreePort({ wanted: options.port, address });
      await write(join(config, 'ui.yaml'), temporalUiConfig({ port, temporalAddress, namespace }));
      return {
        ports: { port },
        args: ['--root', folder, '--config', 'config', '--env', 'ui', 'start'],
        environment: {},
      };
    },
    portOf: ({ port }) => port,
    whyNotReady: ({ port }, goOn) => whenPageAnswers(`http://${address}:${port}/`, goOn),
  });
  return { address: `${address}:${ports.port}`, pid, adopted };
}

/** Ends server and Web UI of `folder`; success when none runs. */
export async function stopTemporalServer(folder: string): Promise<void> {
  await endKeptServer(resolve(folder), files.ui);
  await endKeptServer(resolve(folder), files.server);
}

const usualDynamicConfig = {
  // Without it each step costs about 50 ms once a first burst is spent.
  'history.transferProcessorMaxPollRPS': 2000,
};

/**
 * Those it last had while they are free: its peers of last time stay written down as alive for 20 s,
 * after a stop as after a kill, and on the same ports they are itself. On others the first of its
 * services looks for them for most of a minute. None above 32767: its databases hold them in 16 bits with
 * a sign.
 */
async function choosePorts(
  wanted: number,
  last: TemporalServerPorts | null,
): Promise<TemporalServerPorts> {
  const taken = new Set<number>();
  const next = async (wish: number) => {
    const port = await findFreePort({ wanted: wish, address, taken });
    taken.add(port);
    return port;
  };
  return {
    port: await next(wanted === 0 ? (last?.port ?? 0) : wanted),
    membershipPort: await next(last?.membershipPort ?? 0),
    historyPort: await next(last?.historyPort ?? 0),
    historyMembershipPort: await next(last?.historyMembershipPort ?? 0),
    matchingPort: await next(last?.matchingPort ?? 0),
    matchingMembershipPort: await next(last?.matchingMembershipPort ?? 0),
    workerPort: await next(last?.workerPort ?? 0),
    workerMembershipPort: await next(last?.workerMembershipPort ?? 0),
  };
}

async function whenPageAnswers(url: string, goOn: () => boolean): Promise<string | null> {
  const endsAtMs = performance.now() + readyDeadlineMs;
  for (let why = 'it was not asked'; ;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
      await answer.body?.cancel();
      if (answer.ok) return null;
      why = `it answers ${answer.status}`;
    } catch (error) {
      why = String(error);
    }
    if (!goOn()) return 'ended';
    if (performance.now() > endsAtMs) return `does not answer (${why})`;
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function digestOf(facts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
