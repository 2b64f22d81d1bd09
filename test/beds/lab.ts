import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { labkeeperClient, type LabkeeperClient } from '../../src/client/index.ts';
import { processContainers } from '../../src/runtime/process/index.ts';
import { makeKeyFile } from '../../src/store/key-file/key-file.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { migrate } from '../../src/store/postgres/migrate.ts';
import type { Store } from '../../src/store/ports.ts';
import { findFreePort } from '../../src/supervisor/free-port.ts';
import {
  startPostgres,
  stopPostgres,
  type RunningPostgres,
} from '../../src/supervisor/postgres.ts';
import { readPostmaster } from '../../src/supervisor/postgres-postmaster.ts';
import { createChild, type Child } from './child.ts';
import { labTemporal } from './lab-temporal.ts';

/** The whole product on real parts of its own: PostgreSQL, Temporal, worker, API, gateway. */
export interface Lab {
  folder: string;
  consoleUrl: string;
  appsUrl: string;
  apiUrl: string;
  temporalUiUrl: string;
  client: LabkeeperClient;
  /** What its processes are given; a change holds from the next start of each. */
  environment: Record<string, string>;
  /** Health and metrics of gateway and agent, for a look from outside. */
  gatewayMetricsUrl: string;
  agentUrl: string;
  /** A second pair of eyes on the rows, beside the product's own. */
  store: Store;
  worker: Child;
  api: Child;
  gateway: Child;
  postgres: {
    stop(): Promise<void>;
    start(): Promise<void>;
    /** Holds every process of the server still: connections stay and nobody answers. */
    freeze(): Promise<void>;
    thaw(): Promise<void>;
  };
  temporal: { stop(): Promise<void>; start(): Promise<void>; address: string };
  /** Starts one more of a kind beside the first, on ports of its own and with its settings. */
  another(entry: 'api' | 'gateway'): Promise<Another>;
  /** A worker with the agent of one more host, whose folder is its own. */
  anotherHost(name: string, own?: LabSettings): Promise<Child>;
  /** Address of an app's page. */
  appUrl(name: string, path?: string): string;
  /** Names of instances that run now under the process runtime. */
  runningInstances(): Promise<string[]>;
  close(): Promise<void>;
}

/** An API or a gateway beside the lab's first one; only a gateway has addresses for people. */
export interface Another {
  process: Child;
  apiUrl: string;
  consoleUrl: string;
  appsUrl: string;
}

export type LabSettings = Record<string, string>;

/**
 * `given` settings come on top of the defaults of a test lab: quick intervals, free ports, no
 * Docker. A function makes them once the address of Temporal is known. `prepare` puts into its data folder what is
 * there before the first start.
 */
export async function startLab(
  given: LabSettings | ((temporalAddress: string) => Promise<LabSettings>) = {},
  prepare: (folder: string) => Promise<void> = async () => {},
): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), 'lab-'));
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'secrets'), { mode: 0o700 });
  const tokenFile = join(folder, 'secrets', 'internal-token');
  await writeFile(tokenFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const keyFile = join(folder, 'secrets', 'encryption-key');
  await makeKeyFile(keyFile);
  await prepare(folder);
  const log = pino({ level: 'silent' });
  const ports = await freePorts(7);
  const [
    consolePort,
    appsPort,
    apiPort,
    agentPort,
    gatewayMetricsPort,
    workerMetricsPort,
    databasePort,
  ] = ports as [number, number, number, number, number, number, number];

  const database = join(folder, 'postgres');
  const startDatabase = (): Promise<RunningPostgres> =>
    startPostgres({
      folder: database,
      port: databasePort,
      passwordFile: join(folder, 'secrets', 'postgres-password'),
      log,
    });
  const starting = startDatabase();
  const engine = labTemporal(join(folder, 'temporal'), starting, log);
  const [postgres, temporal] = await Promise.all([starting, engine.start()]);
  const settings = typeof given === 'function' ? await given(temporal.address) : given;
  await migrate(postgres.url, { passwordFile: postgres.passwordFile });

  const consoleUrl = `http://127.0.0.1:${consolePort}`;
  const appsUrl = `http://127.0.0.1:${appsPort}`;
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const environment: Record<string, string> = {
    LABKEEPER_DATA: folder,
    LABKEEPER_DATABASE_URL: postgres.url,
    LABKEEPER_DATABASE_PASSWORD_FILE: postgres.passwordFile,
    LABKEEPER_DATABASE_POOL: '5',
    LABKEEPER_INTERNAL_TOKEN_FILE: tokenFile,
    LABKEEPER_ENCRYPTION_KEY_FILE: keyFile,
    LABKEEPER_CONSOLE_PORT: String(consolePort),
    LABKEEPER_APPS_PORT: String(appsPort),
    LABKEEPER_API_PORT: String(apiPort),
    LABKEEPER_AGENT_PORT: String(agentPort),
    LABKEEPER_GATEWAY_METRICS_PORT: String(gatewayMetricsPort),
    LABKEEPER_WORKER_METRICS_PORT: String(workerMetricsPort),
    LABKEEPER_API_URL: apiUrl,
    LABKEEPER_CONSOLE_URL: consoleUrl,
    LABKEEPER_APPS_URL: appsUrl,
    TEMPORAL_ADDRESS: temporal.address,
    LABKEEPER_TEMPORAL_UI_URL: temporal.uiUrl,
    LABKEEPER_DOCKER: 'off',
    LABKEEPER_ACTIVITY_INTERVAL_MS: '200',
    LABKEEPER_RECONCILE_MS: '1000',
    LABKEEPER_GATEWAY_VETO_MS: '3000',
    LABKEEPER_DRAIN_MS: '1000',
    LABKEEPER_STORAGE_WARN_BYTES: '2',
    LABKEEPER_STORAGE_REFUSE_BYTES: '1',
    ...settings,
  };
  const child = (entry: Entry, ready: string, own?: LabSettings): Child =>
    createChild({
      ...commandOf(entry),
      environment: own === undefined ? environment : { ...environment, ...own },
      outputFile: join(folder, `${[entry, ...Object.values(own ?? {})].join('-')}.log`),
      ready: async () => {
        const answer = await fetch(ready, { signal: AbortSignal.timeout(2_000) });
        if (!answer.ok)
          throw new Error(`${ready} answers ${answer.status}: ${await answer.text()}`);
      },
    });
  const others: Child[] = [];
  const another = async (entry: 'api' | 'gateway'): Promise<Another> => {
    const [one, two, three] = (await freePorts(3)) as [number, number, number];
    const own: LabSettings =
      entry === 'api'
        ? { LABKEEPER_API_PORT: String(one) }
        : {
            LABKEEPER_CONSOLE_PORT: String(one),
            LABKEEPER_APPS_PORT: String(two),
            LABKEEPER_GATEWAY_METRICS_PORT: String(three),
          };
    const health = `http://127.0.0.1:${entry === 'api' ? one : three}/health/ready`;
    const process = child(entry, health, own);
    others.push(process);
    await process.start();
    const address = (port: number) => `http://127.0.0.1:${port}`;
    return entry === 'api'
      ? { process, apiUrl: address(one), consoleUrl, appsUrl }
      : { process, apiUrl, consoleUrl: address(one), appsUrl: address(two) };
  };
  const hosts = [settings['LABKEEPER_HOST_NAME'] ?? 'local'];
  const anotherHost = async (name: string, given: LabSettings = {}): Promise<Child> => {
    const [one, two] = (await freePorts(2)) as [number, number];
    const process = child('worker', `http://127.0.0.1:${one}/health/ready`, {
      LABKEEPER_HOST_NAME: name,
      LABKEEPER_AGENT_PORT: String(one),
      LABKEEPER_WORKER_METRICS_PORT: String(two),
      ...given,
    });
    others.push(process);
    hosts.push(name);
    await process.start();
    return process;
  };
  const worker = child('worker', `http://127.0.0.1:${agentPort}/health/ready`);
  const api = child('api', `${apiUrl}/health/ready`);
  const gateway = child('gateway', `http://127.0.0.1:${gatewayMetricsPort}/health/ready`);
  const endServers = async () => {
    // In this order: a Temporal server takes its leave of its database.
    await engine.stop();
    await stopPostgres(database, log);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all([worker.start(), api.start(), gateway.start()]);
  } catch (error) {
    await Promise.all([gateway.kill9(), api.kill9(), worker.kill9()]);
    await endServers();
    throw error;
  }
  const store = await openPostgresStore({
    url: postgres.url,
    passwordFile: postgres.passwordFile,
    poolSize: 2,
    applicationName: 'test',
    log,
  });
  const installation = await store.installation();
  const runtimeOf = (host: string) =>
    processContainers({ installation, folder: join(folder, 'hosts', host, 'apps'), log });
  const runningInstances = async () =>
    (await Promise.all(hosts.map((host) => runtimeOf(host).list())))
      .flat()
      .filter(({ phase }) => phase === 'running')
      .map(({ name }) => name);

  return {
    folder,
    consoleUrl,
    appsUrl,
    apiUrl,
    temporalUiUrl: temporal.uiUrl,
    client: labkeeperClient({ baseUrl: consoleUrl }),
    environment,
    gatewayMetricsUrl: `http://127.0.0.1:${gatewayMetricsPort}`,
    agentUrl: `http://127.0.0.1:${agentPort}`,
    store,
    worker,
    api,
    gateway,
    postgres: {
      stop: () => stopPostgres(database, log),
      start: async () => {
        await startDatabase();
      },
      freeze: () => signalAll(postgres.pid, database, 'SIGSTOP'),
      thaw: () => signalAll(postgres.pid, database, 'SIGCONT'),
    },
    temporal: {
      address: temporal.address,
      stop: () => engine.stop(),
      start: async () => {
        await engine.start();
      },
    },
    another,
    anotherHost,
    appUrl: (name, path = '/') => `${appsUrl}/app/${name}${path}`,
    runningInstances,
    async close() {
      await Promise.all([gateway, api, worker, ...others].map((one) => one.stop()));
      for (const runtime of hosts.map(runtimeOf)) {
        for (const instance of await runtime.list()) {
          await runtime.remove(instance.name);
          await runtime.forgetLog(instance.name);
        }
      }
      await store.close();
      await endServers();
    },
  };
}

type Entry = 'worker' | 'api' | 'gateway';

/** The built program when `npm run build` made one, else the sources. */
function commandOf(entry: Entry): { command: string; args: string[] } {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const built = join(root, 'dist', `${entry}.js`);
  if (existsSync(built))
    return { command: process.execPath, args: ['--enable-source-maps', built] };
  const source = entry === 'worker' ? 'worker.ts' : `src/${entry}/server.ts`;
  return { command: process.execPath, args: ['--import', 'tsx', join(root, source)] };
}

/**
 * Ports that no other test file takes between the look and their use: each worker of the test run has a
 * range of its own, below those that the product and the system give out.
 */
async function freePorts(count: number): Promise<number[]> {
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 1) - 1;
  const taken = new Set<number>();
  while (taken.size < count) {
    const wanted = 12_000 + (worker % 4) * 2_000 + Math.floor(Math.random() * 1_900);
    taken.add(await findFreePort({ wanted, address: '127.0.0.1', taken }));
  }
  return [...taken];
}

/** Signals a server, as it is now, and its children. */
async function signalAll(
  firstPid: number,
  folder: string,
  signal: 'SIGSTOP' | 'SIGCONT',
): Promise<void> {
  const server = (await readPostmaster(folder))?.pid ?? firstPid;
  // The parent first: what is held makes no further children.
  signalOne(server, signal);
  const children = await readFile(`/proc/${server}/task/${server}/children`, 'utf8');
  for (const pid of children.trim().split(' ').filter(Boolean)) signalOne(Number(pid), signal);
}

/** Success when it is gone: a session may end at any moment. */
function signalOne(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
