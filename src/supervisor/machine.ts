import { performance } from 'node:perf_hooks';
import { publicUrls } from '../config.ts';
import { migrate } from '../store/postgres/migrate.ts';
import {
  choosePorts,
  readAddresses,
  wishedPorts,
  writeAddresses,
  type Addresses,
  type Ports,
} from './addresses.ts';
import type { DataFolder } from './data-folder.ts';
import {
  howItCame,
  startDatabase,
  startTemporalService,
  type Database,
  type EngineOptions,
  type Temporal,
  type Undo,
} from './engines.ts';
import { endProcess } from './process-identity.ts';
import { commandOf, programFolder, type ProcessName } from './program.ts';
import {
  findLeftService,
  hasSettings,
  levelOf,
  readable,
  reload,
  startService,
  type Service,
  type ServiceRecord,
} from './service.ts';

/** What a process gets to finish its work before it is killed. */
const graceMs: Readonly<Record<ProcessName, number>> = {
  gateway: 5_000,
  api: 6_000,
  worker: 15_000,
};
const leftGraceMs = 4_000;

export interface Machine {
  addresses: Addresses;
  /** For the CLI and for children: every setting they need. */
  environment: Record<string, string | undefined>;
  services: readonly Service[];
  /** In order: gateway, API, worker, Temporal, PostgreSQL. */
  stop(): Promise<void>;
}

export interface MachineOptions extends EngineOptions {
  /** Show everything the processes log, not only errors. */
  verbose: boolean;
}

/**
 * Starts all parts of one machine, each once the ones it needs are well, or adopts what an earlier
 * supervisor left running: engines are kept, our own processes are replaced. Rejects with a sentence
 * that names the remedy, and then nothing that it started is left running.
 */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { folder, log, say } = options;
  const undo: Undo = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) {
      await step().catch((error: unknown) => {
        log.error({ err: error }, 'cannot stop a part');
        say(`cannot stop a part: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
  };
  try {
    const leftGateway = await findLeftService(folder.run, 'gateway');
    const starting = startDatabase(options, undo);
    const outcomes = await Promise.allSettled([
      starting,
      startTemporalService(options, starting, undo),
      endLeft(folder, 'worker', say),
      endLeft(folder, 'api', say),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    const [database, temporal] = outcomes;
    if (database.status !== 'fulfilled' || temporal.status !== 'fulfilled')
      throw new Error('unreachable');
    const { applied } = await migrate(
      database.value.url,
      passwordOption(database.value.passwordFile),
    );
    if (applied.length > 0) log.info({ applied }, 'migrated the database');

    const parts = { database: database.value, temporal: temporal.value };
    const { addresses, environment, gateway } = await settle(options, parts, leftGateway);
    await writeAddresses(folder.run, addresses);
    const services = await startServices(options, environment, gateway, undo);
    return { addresses, environment, services, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A process that an earlier supervisor left: replaced, so that code and settings are ours. */
async function endLeft(folder: DataFolder, name: ProcessName, say: (line: string) => void) {
  const left = await findLeftService(folder.run, name);
  if (left === null) return;
  say(`  replacing the ${name} process that an earlier start left running`);
  await endProcess(left.process, leftGraceMs);
}

/**
 * Ports and settings of our processes. A gateway that was left with the very same settings keeps
 * serving: it gets new code by a reload, and its ports stay.
 */
async function settle(
  options: MachineOptions,
  parts: { database: Database; temporal: Temporal },
  leftGateway: ServiceRecord | null,
): Promise<{
  addresses: Addresses;
  environment: Record<string, string | undefined>;
  gateway: ServiceRecord | null;
}> {
  const { config, folder, say } = options;
  const wished = wishedPorts(config);
  const last = leftGateway === null ? null : await readAddresses(folder.run);
  if (leftGateway !== null && last !== null) {
    const { console, apps, gatewayMetrics } = last.ports;
    const keep = { console, apps, gatewayMetrics };
    const ports = await choosePorts(last.ports, config.LABKEEPER_BIND, keep);
    const made = describe(options, parts, wished, ports);
    const sameWishes = JSON.stringify(last.wished) === JSON.stringify(wished);
    if (sameWishes && hasSettings(leftGateway, settingsOf('gateway', made.environment))) {
      say('  the gateway that an earlier start left running hands over to new code');
      return { ...made, gateway: leftGateway };
    }
  }
  if (leftGateway !== null) await endLeft(folder, 'gateway', say);
  const ports = await choosePorts(wished, config.LABKEEPER_BIND);
  return { ...describe(options, parts, wished, ports), gateway: null };
}

function describe(
  { config, environment, folder }: MachineOptions,
  { database, temporal }: { database: Database; temporal: Temporal },
  wished: Ports,
  ports: Ports,
): { addresses: Addresses; environment: Record<string, string | undefined> } {
  const host = config.LABKEEPER_BIND === '127.0.0.1' ? 'localhost' : config.LABKEEPER_BIND;
  const urls = publicUrls(config, ports, host);
  const apiUrl = `http://127.0.0.1:${ports.api}`;
  return {
    addresses: {
      ...{ wished, ports, apiUrl, databaseUrl: database.url },
      ...{ consoleUrl: urls.console, appsUrl: urls.apps },
      ...{ temporalAddress: temporal.address, temporalUiUrl: temporal.uiUrl },
      authentication: config.LABKEEPER_AUTHENTICATION,
    },
    environment: {
      ...environment,
      LABKEEPER_DATA: folder.path,
      LABKEEPER_CONSOLE_PORT: String(ports.console),
      LABKEEPER_APPS_PORT: String(ports.apps),
      LABKEEPER_API_PORT: String(ports.api),
      LABKEEPER_AGENT_PORT: String(ports.agent),
      LABKEEPER_GATEWAY_METRICS_PORT: String(ports.gatewayMetrics),
      LABKEEPER_WORKER_METRICS_PORT: String(ports.workerMetrics),
      LABKEEPER_API_URL: [apiUrl, ...othersOf(environment, apiUrl)].join(','),
      LABKEEPER_DATABASE_URL: database.url,
      LABKEEPER_DATABASE_PASSWORD_FILE: database.passwordFile,
      LABKEEPER_ENCRYPTION_KEY_FILE: config.LABKEEPER_ENCRYPTION_KEY_FILE ?? folder.encryptionKey,
      LABKEEPER_INTERNAL_TOKEN_FILE: config.LABKEEPER_INTERNAL_TOKEN_FILE ?? folder.internalToken,
      TEMPORAL_ADDRESS: temporal.address,
      LABKEEPER_TEMPORAL_UI_URL: temporal.uiUrl ?? undefined,
    },
  };
}

/** APIs that somebody runs beside ours: the gateway may ask them too. */
function othersOf(environment: MachineOptions['environment'], own: string): string[] {
  const given = environment['LABKEEPER_API_URL']?.split(',').map((url) => url.trim()) ?? [];
  return given.filter((url) => url !== '' && url !== own);
}

async function startServices(
  { folder, log, say, verbose }: MachineOptions,
  environment: Record<string, string | undefined>,
  gateway: ServiceRecord | null,
  undo: Undo,
): Promise<Service[]> {
  const beganMs = performance.now();
  const start = async (name: ProcessName, adopt?: ServiceRecord): Promise<Service> => {
    const service = await startService(
      {
        ...{ name, log, run: folder.run, workingDirectory: programFolder },
        environment: settingsOf(name, environment),
        command: [process.execPath, ...commandOf(name)],
        onLine: (line) => {
          if (verbose || levelOf(line) >= 50) say(`  [${name}] ${readable(line)}`);
        },
        onDeath: (how, againInMs) => {
          say(`the ${name} process died (${how}) and is started again in ${againInMs / 1000} s`);
        },
      },
      adopt,
    );
    return service;
  };
  const names: ProcessName[] = ['worker', 'api', 'gateway'];
  const outcomes = await Promise.allSettled(
    names.map((name) => start(name, name === 'gateway' ? (gateway ?? undefined) : undefined)),
  );
  const started: Service[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status !== 'fulfilled') continue;
    const service = outcome.value;
    started.push(service);
    undo.push(() => service.stop(graceMs[names[index] ?? 'worker']));
  }
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  if (gateway !== null) reload(gateway);
  say(`  worker, API and gateway ${howItCame(false, beganMs)}`);
  return started;
}

/** The gateway knows nothing of Temporal, and is not to be replaced because that moves. */
function settingsOf(
  name: ProcessName,
  environment: Record<string, string | undefined>,
): Record<string, string | undefined> {
  if (name !== 'gateway') return environment;
  const entries = Object.entries(environment);
  return Object.fromEntries(entries.filter(([key]) => !/^(LABKEEPER_)?TEMPORAL_/.test(key)));
}

function passwordOption(passwordFile: string | undefined): { passwordFile?: string } {
  return passwordFile === undefined ? {} : { passwordFile };
}
