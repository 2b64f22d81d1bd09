import { pino } from 'pino';
import { createApp } from '../../src/api/app.ts';
import type { ApiDependencies, ApiSettings, Deliver } from '../../src/api/dependencies.ts';
import { agentArtifactReader, type ArtifactReader } from '../../src/api/artifact-reader.ts';
import type { LogReader } from '../../src/api/log-reader.ts';
import type { VolumeReader } from '../../src/api/volume-reader.ts';
import { outboxDelivery } from '../../src/api/outbox-delivery.ts';
import { apiMetrics } from '../../src/metrics/api-metrics.ts';
import { memoryRing } from '../../src/model/memory-ring.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import type { IdentityProvider } from '../../src/outbound/identity-provider.ts';
import { keyFileSealer } from '../../src/store/key-file/sealer.ts';
import type { OutboxEntry, Store } from '../../src/store/ports.ts';
import type { Sealer } from '../../src/store/secret-ports.ts';
import { temporaryKeyFile } from '../beds/key-file.ts';
import { noTracing, type Tracing } from '../../src/tracing/tracing.ts';
import { sharedFolder } from '../../src/store/shared-folder/index.ts';
import { openTestStore } from '../beds/postgres.ts';

export const internalToken = 'a-secret-of-the-test-bed';

export const spec: AppSpecInput = { command: ['serve', '{port}'] };

export interface ApiBed {
  store: Store;
  databaseUrl: string;
  /** Seals its secrets. */
  keyFile: string;
  deps: ApiDependencies;
  app: ReturnType<typeof createApp>;
  /** What was handed to workflows, in order. */
  delivered: OutboxEntry[];
  /** Lines of the log. */
  logged: Record<string, unknown>[];
  /** A request as the CLI sends it; an object becomes a JSON body. */
  send(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>;
  /** Registers an app and waits until its outbox entry is delivered. */
  register(name: string, more?: Partial<AppSpecInput> & { space?: string }): Promise<void>;
  close(): Promise<void>;
}

/** The real API on a real database of its own; only what is beyond it is made up. */
export async function openApi(
  options: {
    deliver?: Deliver;
    logReader?: LogReader;
    volumeReader?: VolumeReader;
    artifactReader?: ArtifactReader;
    pingTemporal?: () => Promise<void>;
    settings?: Partial<ApiSettings>;
    store?: (store: Store) => Store | Promise<Store>;
    maxApps?: number;
    identityProvider?: IdentityProvider;
    sealer?: Sealer | null;
    tracing?: Tracing;
  } = {},
): Promise<ApiBed> {
  const { maxApps } = options;
  const database = await openTestStore(maxApps === undefined ? {} : { maxApps });
  const store = (await options.store?.(database.store)) ?? database.store;
  const key = await temporaryKeyFile();
  const delivered: OutboxEntry[] = [];
  const logged: Record<string, unknown>[] = [];
  const ending = new AbortController();
  const log = pino(
    { level: 'debug' },
    { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const metrics = createMetrics(apiMetrics);
  const delivery = outboxDelivery({
    outbox: store.outbox,
    metrics,
    tracing: options.tracing ?? noTracing,
    log,
    deliver: async (entry) => {
      await options.deliver?.(entry);
      delivered.push(entry);
    },
  });
  const deps: ApiDependencies = {
    store,
    log,
    delivery,
    logReader: options.logReader ?? emptyLogReader,
    sealer: options.sealer === undefined ? keyFileSealer(key.file) : options.sealer,
    volumeReader: options.volumeReader ?? { archive: async () => null },
    artifactReader:
      options.artifactReader ?? agentArtifactReader({ token: internalToken, timeoutMs: 5_000 }),
    pingTemporal: options.pingTemporal ?? (async () => undefined),
    internalToken,
    metrics,
    tracing: options.tracing ?? noTracing,
    ending: ending.signal,
    identityProvider: options.identityProvider ?? null,
    sharedFolder: sharedFolder({ root: `${key.file}.shared` }),
    mirror: { write: async () => undefined, run: async () => undefined },
    settings: {
      oidcDomains: [],
      authentication: 'open',
      sessionMs: 3_600_000,
      loginLinkMs: 60_000,
      publicConsoleUrl: 'http://localhost:8080',
      maxBodyBytes: 1024 * 1024,
      maxConfigBytes: 1024 * 1024,
      maxUploadBytes: 1024 * 1024,
      uploadLastsMs: 60_000,
      maxSecretBytes: 64 * 1024,
      maxSecrets: 1_000,
      maxEventStreams: 20,
      consoleUrl: null,
      appsUrl: 'http://localhost:8081',
      appsDomain: null,
      grantMs: 30_000,
      storageWatermarks: { warnBytes: 2 * 1024 ** 3, refuseBytes: 512 * 1024 ** 2 },
      memoryRing: memoryRing(60_000, 1_440),
      queueLimits: { maxRunningPerPerson: null, ageMs: 600_000 },
      qulabs: {
        ...{ url: null, token: null, publishes: false, maxWaiting: 3, lookEveryMs: 10 },
        ...{ imageWaitMs: 100, imageLookEveryMs: 10, readyWithinMs: 1_000, idleAfterMs: 60_000 },
        deleteWithinMs: 200,
        limits: { cpus: 1, memoryBytes: 64 * 1024 * 1024, pids: 32 },
      },
      opeva: {
        ...{ dialect: 'classic', hosts: ['local'], localHost: 'local', runner: 'process' },
        ...{ imageRepository: 'calof/opeva_simulator', imageAllow: [], commandPrefix: ['true'] },
        limits: { cpus: 1, memoryBytes: 64 * 1024 * 1024, pids: 32 },
        ...{ devices: 0, runMs: 60_000, stopGraceMs: 100, maxWaiting: 3, lookEveryMs: 10 },
        ...{ stopPatienceMs: 100, maxListed: 100, maxConfigBytes: 65_536, maxResultBytes: 65_536 },
        ...{ brokenAfterMs: 50, origins: [], token: null },
        admits: { own: () => true, console: () => true },
      },
      temporalUiUrl: 'http://localhost:8233',
      temporalNamespace: 'default',
      heartbeatMs: 15_000,
      logPollMs: 10,
      streamBufferBytes: 64 * 1024,
      ...options.settings,
    },
  };
  const app = createApp(deps);

  const send: ApiBed['send'] = async (method, path, { body, headers = {} } = {}) =>
    app.request(`http://127.0.0.1:8090${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });

  return {
    store,
    databaseUrl: database.url,
    keyFile: key.file,
    deps,
    app,
    delivered,
    logged,
    send,
    async register(name, more = {}) {
      const answer = await send('PUT', `/api/v1/apps/${name}`, {
        body: { ...spec, ...more },
        headers:
          deps.settings.authentication === 'open'
            ? {}
            : { authorization: `Bearer ${internalToken}` },
      });
      if (!answer.ok) throw new Error(`cannot register ${name}: ${await answer.text()}`);
      await delivery.idle();
    },
    async close() {
      ending.abort();
      await delivery.idle();
      await key.remove();
      await database.close();
    },
  };
}

const emptyLogReader: LogReader = {
  read: async (_host, _instance, range) => {
    const at = range.fromByte ?? 0;
    return { fromByte: at, nextByte: at, bytes: new Uint8Array(), complete: true };
  },
  usage: async () => null,
};

/** The fields of a problem, of an answer that must be one. */
export async function problemOf(answer: Response): Promise<{
  type: string;
  status: number;
  detail: string;
  errors?: { path: string; message: string }[];
}> {
  const kind = answer.headers.get('content-type');
  if (kind !== 'application/problem+json') {
    throw new Error(`${answer.status} with ${kind}: ${await answer.text()}`);
  }
  return (await answer.json()) as Awaited<ReturnType<typeof problemOf>>;
}
