import { parseDatabaseUrl } from '../store/postgres/database-url.ts';
import { temporalDatabases, type TemporalDatabase } from './temporal-schema.ts';

/** The variable that carries the database's password to the server: its file names it, no more. */
export const passwordVariable = 'TEMPORAL_DATABASE_PASSWORD';
const passwordPlace = '@password@';

/** Of the server's four services; the first is what clients connect to. */
export interface TemporalServerPorts {
  port: number;
  membershipPort: number;
  historyPort: number;
  historyMembershipPort: number;
  matchingPort: number;
  matchingMembershipPort: number;
  workerPort: number;
  workerMembershipPort: number;
}

/**
 * Fixed for the life of the databases, which remember it. More let more workflows be written at
 * once, which one machine's disk does not; each costs a little memory and polling.
 */
const historyShards = 4;
/** A service has a pool of its own for each database: all eight together stay below a hundred. */
const connectionsPerService = { workflows: 12, searching: 4 };

/**
 * The server's file: one machine, all services in one process, everything on loopback. YAML, of
 * which JSON is a part; the comment lets the server fill in the password.
 */
export function temporalServerConfig(
  database: TemporalDatabase,
  ports: TemporalServerPorts,
  dynamicConfigFile: string,
): string {
  const [workflows, searching] = temporalDatabases(database.name);
  const rpc = (grpcPort: number, membershipPort: number) => ({
    rpc: { grpcPort, membershipPort, bindOnLocalHost: true },
  });
  const config = {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'workflows',
      visibilityStore: 'searching',
      numHistoryShards: historyShards,
      datastores: {
        workflows: sql(database, workflows?.name ?? '', connectionsPerService.workflows),
        searching: sql(database, searching?.name ?? '', connectionsPerService.searching),
      },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: {
      frontend: rpc(ports.port, ports.membershipPort),
      history: rpc(ports.historyPort, ports.historyMembershipPort),
      matching: rpc(ports.matchingPort, ports.matchingMembershipPort),
      worker: rpc(ports.workerPort, ports.workerMembershipPort),
    },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${ports.port}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    archival: {
      history: { state: 'disabled', enableRead: false },
      visibility: { state: 'disabled', enableRead: false },
    },
    namespaceDefaults: {
      archival: { history: { state: 'disabled' }, visibility: { state: 'disabled' } },
    },
    dynamicConfigClient: { filepath: dynamicConfigFile, pollInterval: '60s' },
  };
  const text = JSON.stringify(config, null, 2);
  const place = `{{ env "${passwordVariable}" | toJson }}`;
  return `# enable-template; written at each start\n${text.replaceAll(`"${passwordPlace}"`, place)}\n`;
}

function sql({ url }: TemporalDatabase, databaseName: string, maxConns: number) {
  const { host, port, user, encryption } = parseDatabaseUrl(url);
  return {
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: `${host.includes(':') ? `[${host}]` : host}:${port}`,
      connectProtocol: 'tcp',
      user,
      password: passwordPlace,
      ...{ maxConns, maxIdleConns: maxConns, maxConnLifetime: '1h' },
      ...(encryption === null
        ? {}
        : {
            tls: {
              enabled: true,
              enableHostVerification: encryption.proof === 'name',
              ...(encryption.caFile === null ? {} : { caFile: encryption.caFile }),
              ...(encryption.certFile === null ? {} : { certFile: encryption.certFile }),
              ...(encryption.keyFile === null ? {} : { keyFile: encryption.keyFile }),
            },
          }),
    },
  };
}

/** The server's live settings: each value without constraints. */
export function dynamicConfigText(values: Readonly<{ [key: string]: unknown }>): string {
  const entries = Object.entries(values).map(([key, value]) => [key, [{ value }]]);
  return `# Written at each start.\n${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}

/** The Web UI's file: for operators on this machine, without calls to anybody else. */
export function temporalUiConfig(ui: {
  port: number;
  temporalAddress: string;
  namespace: string;
}): string {
  const config = {
    temporalGrpcAddress: ui.temporalAddress,
    host: '127.0.0.1',
    port: ui.port,
    enableUi: true,
    hideLogs: true,
    notifyOnNewVersion: false,
    defaultNamespace: ui.namespace,
    cors: {
      cookieInsecure: true,
      allowOrigins: [`http://127.0.0.1:${ui.port}`, `http://localhost:${ui.port}`],
    },
  };
  return `# Written at each start.\n${JSON.stringify(config, null, 2)}\n`;
}
