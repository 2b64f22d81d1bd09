import { createLog } from '../../log.ts';
import { openPostgresStore } from '../../store/postgres/index.ts';
import type { Host, Store } from '../../store/ports.ts';
import { temporalConnection } from '../../temporal-connection.ts';
import { prepareNamespace } from '../temporal-namespace.ts';
import { wayOf } from '../temporal-way.ts';
import { join, resolve } from 'node:path';
import { check, type Check, type Checkup } from './check.ts';
import { checkKeyFile } from './secrets.ts';

const silentAfterMs = 30_000;
const startIt = 'npm start (or `labkeeper up`)';

/** PostgreSQL, Temporal, and the hosts that report to the database. */
export async function checkEngines(checkup: Checkup): Promise<Check[]> {
  const [database, ...temporal] = await Promise.all([
    checkDatabase(checkup),
    checkTemporal(checkup),
    checkTemporalUi(checkup),
  ]);
  return [...database, ...temporal];
}

async function checkDatabase({ config, environment, addresses }: Checkup): Promise<Check[]> {
  const external = environment['LABKEEPER_DATABASE_URL'];
  const url = external || addresses?.databaseUrl;
  if (!url) {
    return [notRunning('PostgreSQL'), notRunning('hosts'), await checkKeyFile(config, null)];
  }
  const ownPassword = join(resolve(config.LABKEEPER_DATA), 'secrets', 'database-password');
  const passwordFile =
    config.LABKEEPER_DATABASE_PASSWORD_FILE ?? (external ? undefined : ownPassword);
  let hosts: Host[] | null = null;
  let keyFile: Check | null = null;
  const remedy = external
    ? 'correct LABKEEPER_DATABASE_URL or start that server'
    : 'see postgres/server.log in the data folder, then start labkeeper again';
  const database = await check('PostgreSQL', remedy, async () => {
    const store = await openPostgresStore({
      url,
      ...(passwordFile === undefined ? {} : { passwordFile }),
      poolSize: 2,
      applicationName: 'labkeeper doctor',
      log: createLog({ process: 'doctor', level: 'fatal' }),
    });
    try {
      await store.ping();
      hosts = await store.hosts.list();
      keyFile = await checkKeyFile(config, store.secrets);
      return { state: 'ok', detail: `answers; ${await backlogOf(store)}` };
    } finally {
      await store.close();
    }
  });
  return [
    database,
    ...(hosts === null ? [unknown('hosts')] : checkHosts(hosts)),
    keyFile ?? (await checkKeyFile(config, null)),
  ];
}

async function backlogOf(store: Store): Promise<string> {
  const { entries, oldestAgeMs } = await store.outbox.backlog();
  if (entries === 0) return 'nothing waits for delivery';
  return `${entries} commands wait for delivery, the oldest ${Math.round(oldestAgeMs / 1000)} s`;
}

function checkHosts(hosts: readonly Host[]): Check[] {
  if (hosts.length === 0) {
    const remedy = `see run/logs/worker.log in the data folder, then ${startIt}`;
    return [{ name: 'hosts', state: 'failed', detail: 'no host has ever reported', remedy }];
  }
  return hosts.map(({ name, seenAgoMs, runtimes, storage }): Check => {
    const seen = `heard of ${Math.round(seenAgoMs / 1000)} s ago`;
    if (seenAgoMs > silentAfterMs) {
      const remedy = `start its worker again; its log is run/logs/worker.log in its data folder`;
      return { name: `host ${name}`, state: 'failed', detail: `silent: ${seen}`, remedy };
    }
    const can = runtimes.map(({ kind, ready, reason }) =>
      ready ? kind : `no ${kind}${reason === null ? '' : ` (${reason})`}`,
    );
    const detail = `${seen}; runs ${can.join(', ')}; disk ${storage.state}`;
    if (runtimes.some(({ ready }) => ready)) return { name: `host ${name}`, state: 'ok', detail };
    const remedy = 'start a Docker Engine, or allow commands with LABKEEPER_PROCESS=on';
    return { name: `host ${name}`, state: 'failed', detail, remedy };
  });
}

async function checkTemporal({ config, environment, addresses }: Checkup): Promise<Check> {
  const external = environment['TEMPORAL_ADDRESS'];
  const address = external || addresses?.temporalAddress;
  if (!address) return notRunning('Temporal');
  const remedy = external
    ? 'correct the TEMPORAL_ settings (address, namespace, TLS, API key), or start that server'
    : `see ${logOf(config, 'server')} in the data folder, then start labkeeper again`;
  return check('Temporal', remedy, async () => {
    const namespace = config.TEMPORAL_NAMESPACE;
    const connection = external ? temporalConnection(config) : { address };
    await prepareNamespace({ connection, namespace, deadlineMs: 0 });
    return `answers on ${address}, namespace ${namespace}`;
  });
}

/** Only operators miss it: a warning. */
async function checkTemporalUi({ config, environment, addresses }: Checkup): Promise<Check> {
  const name = 'Temporal Web UI';
  const url = config.LABKEEPER_TEMPORAL_UI_URL ?? addresses?.temporalUiUrl;
  if (environment['TEMPORAL_ADDRESS'] && !url) {
    return { name, state: 'skipped', detail: 'LABKEEPER_TEMPORAL_UI_URL names none' };
  }
  if (!url) return notRunning(name);
  const remedy = `see ${logOf(config, 'ui')} in the data folder, or correct LABKEEPER_TEMPORAL_UI_URL`;
  const found = await check(name, remedy, async () => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
    return `answers on ${url}`;
  });
  return found.state === 'failed' ? { ...found, state: 'warning' } : found;
}

function logOf(config: Checkup['config'], server: 'server' | 'ui'): string {
  const folder = join(resolve(config.LABKEEPER_DATA), 'temporal');
  return wayOf(folder) === 'production'
    ? `temporal/production/${server}.log`
    : 'temporal/server.log';
}

function notRunning(name: string): Check {
  return { name, state: 'skipped', detail: 'labkeeper does not run here', remedy: startIt };
}

function unknown(name: string): Check {
  return { name, state: 'skipped', detail: 'the database does not answer' };
}
