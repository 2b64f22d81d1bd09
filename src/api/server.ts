import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import {
  loadConfig,
  opevaFolder,
  publicUrls,
  queueLimits,
  refusalOfOpeva,
  tracingSettings,
  type Config,
} from '../config.ts';
import { chooseSealer } from '../choose-secrets.ts';
import { createLog, type Log } from '../log.ts';
import { apiMetrics } from '../metrics/api-metrics.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { measureProcess, spanCounters } from '../metrics/process-metrics.ts';
import { memoryRing } from '../model/memory-ring.ts';
import { version } from '../model/version.ts';
import { readSecretFile } from '../secret-file.ts';
import { admission } from '../listener-admission.ts';
import { familyListener } from '../opeva-listener.ts';
import { refusalToBind } from '../model/bind.ts';
import { needsWord, parseListen, parseListenerAccess } from '../model/listener-access.ts';
import type { IdentityProvider } from '../outbound/identity-provider.ts';
import { oidcProvider } from '../outbound/oidc/index.ts';
import { openTracing } from '../tracing/open.ts';
import { sharedFolder } from '../store/shared-folder/index.ts';
import { openPostgresStore } from '../store/postgres/index.ts';
import { temporalConnection } from '../temporal-connection.ts';
import { createApp } from './app.ts';
import { agentArtifactReader } from './artifact-reader.ts';
import { configCheck } from './config-check.ts';
import { importJobs } from './compat/opeva/import-jobs.ts';
import { opeva } from './compat/opeva/index.ts';
import { jobMirror } from './compat/opeva/mirror.ts';
import type { OpevaSettings } from './compat/opeva/settings.ts';
import type { QulabsSettings } from './compat/qulabs/settings.ts';
import type { ApiDependencies, ApiSettings } from './dependencies.ts';
import { forgetHistory } from './forget-history.ts';
import { jobActions } from './job-actions.ts';
import { agentLogReader } from './log-reader.ts';
import { queueReader } from './queue-view.ts';
import { outboxDelivery } from './outbox-delivery.ts';
import { sweepOutbox } from './outbox-sweeper.ts';
import { temporalDelivery } from '../temporal-delivery.ts';
import { agentVolumeReader } from './volume-reader.ts';

/** How long a delivery may take before it is the sweeper's; a ping before it counts as silence. */
const deliveryDeadlineMs = 5_000;
const temporalPingMs = 1_000;
/** Requests that are still under way after this are cut when the process ends. */
const shutdownMs = 5_000;
const dayMs = 24 * 3_600_000;
/** Old rows are looked for this often. */
const forgetEveryMs = 3_600_000;

await main();

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const log = createLog({ process: 'api', level: config.LABKEEPER_LOG_LEVEL });
  const refused =
    refusalToBind(config.LABKEEPER_BIND, config.LABKEEPER_AUTHENTICATION) ?? refusalOfOpeva(config);
  if (refused !== null) {
    log.fatal(refused);
    process.exitCode = 1;
    return;
  }
  await serve(config, log);
}

async function serve(config: Config, log: Log): Promise<void> {
  const internalToken = await readInternalToken(config);
  const sealer = await chooseSealer(config);
  const ending = new AbortController();
  const passwordFile = config.LABKEEPER_DATABASE_PASSWORD_FILE;
  const store = await openPostgresStore({
    url: config.LABKEEPER_DATABASE_URL,
    ...(passwordFile === undefined ? {} : { passwordFile }),
    poolSize: config.LABKEEPER_DATABASE_POOL,
    applicationName: 'labkeeper-api',
    maxApps: config.LABKEEPER_MAX_APPS,
    maxVolumes: config.LABKEEPER_MAX_VOLUMES,
    maxQueuedJobs: config.LABKEEPER_MAX_QUEUED_JOBS,
    maxUploads: config.LABKEEPER_MAX_UPLOADS,
    maxQueuedJobsPerPerson: config.LABKEEPER_MAX_QUEUED_JOBS_PER_PERSON ?? null,
    volumeMaxBytes: config.LABKEEPER_VOLUME_MAX_BYTES,
    hostSilentMs: config.LABKEEPER_HOST_SILENT_MS,
    maxTokens: config.LABKEEPER_MAX_TOKENS,
    maxLinks: config.LABKEEPER_MAX_LINKS,
    log,
  });
  const identity = `labkeeper-api@${config.LABKEEPER_HOST_NAME}:${process.pid}`;
  const connection = Connection.lazy({
    ...temporalConnection(config),
    // By default a channel that lost its server may look again only after two minutes.
    channelArgs: {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
    },
  });
  const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE, identity });
  const pingTemporal = async () => {
    await connection.withDeadline(Date.now() + temporalPingMs, () =>
      connection.workflowService.getSystemInfo({}),
    );
  };
  const metrics = createMetrics(apiMetrics);
  measureProcess(metrics, () => store.pool());
  const tracing = await openTracing(tracingSettings(config), {
    service: 'labkeeper-api',
    version,
    host: config.LABKEEPER_HOST_NAME,
    spans: spanCounters(metrics),
    log,
  });
  const delivery = outboxDelivery({
    outbox: store.outbox,
    metrics,
    tracing,
    deliver: temporalDelivery({ client, deadlineMs: deliveryDeadlineMs }),
    log,
  });
  const settings = settingsOf(config);
  const folder = sharedFolder({ root: opevaFolder(config) });
  const mirror = jobMirror({
    jobs: store.jobs,
    sharedJobs: store.sharedJobs,
    folder,
    dialect: settings.opeva.dialect,
    everyMs: 250,
    trackEveryMs: 2_000,
    maxTracked: settings.opeva.maxListed,
    log,
  });
  const deps: ApiDependencies = {
    store,
    log,
    delivery,
    sealer,
    internalToken,
    metrics,
    tracing,
    pingTemporal,
    logReader: agentLogReader({ token: internalToken, timeoutMs: 5_000 }),
    identityProvider: identityProviderOf(config),
    volumeReader: agentVolumeReader({ token: internalToken, timeoutMs: 10_000 }),
    artifactReader: agentArtifactReader({ token: internalToken, timeoutMs: 10_000 }),
    sharedFolder: folder,
    mirror,
    settings,
    ending: ending.signal,
  };
  const app = createApp(deps);
  const ofOpeva = listenForOpeva(config, deps);
  // Its own mirror is written only when what the file held before is taken over.
  const mirrored = importJobs({ sharedJobs: store.sharedJobs, folder, log }, ending.signal).then(
    () => mirror.run(ending.signal),
  );
  const swept = sweepOutbox({
    outbox: store.outbox,
    delivery,
    log,
    signal: ending.signal,
    intervalMs: 1_000,
    batch: 100,
    holdMs: 15_000,
  });
  const forgotten = forgetHistory({
    store,
    metrics,
    keepEventsMs: config.LABKEEPER_KEEP_EVENTS_DAYS * dayMs,
    keepOperationsMs: config.LABKEEPER_KEEP_OPERATIONS_DAYS * dayMs,
    keepJobs: {
      succeededMs: config.LABKEEPER_KEEP_JOBS_DAYS * dayMs,
      otherMs: config.LABKEEPER_KEEP_FAILED_JOBS_DAYS * dayMs,
    },
    intervalMs: forgetEveryMs,
    batch: 2_000,
    log,
    signal: ending.signal,
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    // What gateways let through fits, with the lines that they add.
    serverOptions: { maxHeaderSize: config.LABKEEPER_MAX_HEADER_BYTES + 8_192 },
  }) as Server;
  // Longer than any pool of ours keeps a connection idle, so that none is closed under a request.
  server.keepAliveTimeout = 75_000;
  const port = await listen(server, config.LABKEEPER_API_PORT);
  // The first visit should not have to wait for the first connection.
  pingTemporal().catch((error: unknown) => log.warn({ err: error }, 'temporal not reached yet'));
  log.info({ url: `http://127.0.0.1:${port}` }, 'ready');

  const signal = await endSignal();
  log.info({ signal }, 'ending');
  ending.abort();
  await Promise.all([closed(server), ofOpeva?.close()]);
  await Promise.all([swept, forgotten, mirrored]);
  await delivery.idle();
  await tracing.close();
  await Promise.all([store.close(), connection.close()]);
  log.info('ended');
}

async function readInternalToken(config: Config): Promise<string> {
  const file = config.LABKEEPER_INTERNAL_TOKEN_FILE;
  if (file === undefined) {
    throw new Error(
      'LABKEEPER_INTERNAL_TOKEN_FILE is not set: gateway, API and agents share a secret. `labkeeper up` makes one; otherwise write 32 random characters into a file of mode 0600.',
    );
  }
  const token = (await readFile(file, 'utf8')).trim();
  if (token.length < 16) throw new Error(`the secret in ${file} has less than 16 characters`);
  return token;
}

function identityProviderOf(config: Config): IdentityProvider | null {
  const { LABKEEPER_OIDC_ISSUER: issuer, LABKEEPER_OIDC_CLIENT_ID: clientId } = config;
  if (issuer === undefined) return null;
  if (clientId === undefined) {
    throw new Error('LABKEEPER_OIDC_ISSUER is set, so LABKEEPER_OIDC_CLIENT_ID must be set too');
  }
  return oidcProvider({
    issuer,
    clientId,
    clientSecretFile: config.LABKEEPER_OIDC_CLIENT_SECRET_FILE ?? null,
    redirectUrl: `${settingsOf(config).publicConsoleUrl}/login/oidc/back`,
    title: config.LABKEEPER_OIDC_TITLE,
  });
}

function settingsOf(config: Config): ApiSettings {
  const trimmed = (url: string) => url.replace(/\/+$/, '');
  const { LABKEEPER_CONSOLE_URL: consoleUrl, LABKEEPER_TEMPORAL_UI_URL: uiUrl } = config;
  const urls = publicUrls(config, {
    console: config.LABKEEPER_CONSOLE_PORT,
    apps: config.LABKEEPER_APPS_PORT,
  });
  const isSecure = config.LABKEEPER_TLS_CERT_FILE !== undefined;
  return {
    authentication: config.LABKEEPER_AUTHENTICATION,
    sessionMs: config.LABKEEPER_SESSION_MS,
    oidcDomains: config.LABKEEPER_OIDC_DOMAINS,
    loginLinkMs: config.LABKEEPER_LOGIN_LINK_MS,
    maxBodyBytes: config.LABKEEPER_MAX_API_BODY_BYTES,
    maxConfigBytes: config.LABKEEPER_MAX_CONFIG_BYTES,
    maxUploadBytes: config.LABKEEPER_MAX_UPLOAD_BYTES,
    uploadLastsMs: config.LABKEEPER_UPLOAD_MS,
    maxSecretBytes: config.LABKEEPER_MAX_SECRET_BYTES,
    maxSecrets: config.LABKEEPER_MAX_SECRETS,
    maxEventStreams: config.LABKEEPER_MAX_EVENT_STREAMS,
    // Over TLS also a console without an address of its own has one: its cookies are for that.
    consoleUrl: consoleUrl === undefined && !isSecure ? null : urls.console,
    storageWatermarks: {
      warnBytes: config.LABKEEPER_STORAGE_WARN_BYTES,
      refuseBytes: config.LABKEEPER_STORAGE_REFUSE_BYTES,
    },
    memoryRing: memoryRing(config.LABKEEPER_MEMORY_SAMPLE_MS, config.LABKEEPER_MEMORY_SAMPLES),
    publicConsoleUrl: urls.console,
    appsUrl: urls.apps,
    appsDomain: config.LABKEEPER_APPS_DOMAIN ?? null,
    grantMs: 30_000,
    queueLimits: queueLimits(config),
    qulabs: qulabsSettings(config),
    opeva: opevaSettings(config),
    temporalUiUrl: uiUrl === undefined ? null : trimmed(uiUrl),
    temporalNamespace: config.TEMPORAL_NAMESPACE,
    heartbeatMs: 15_000,
    logPollMs: 200,
    streamBufferBytes: 1024 * 1024,
  };
}

function qulabsSettings(config: Config): QulabsSettings {
  const { LABKEEPER_QULABS_URL: url, LABKEEPER_QULABS_TOKEN_FILE: tokenFile } = config;
  return {
    url: url === undefined ? null : url.replace(/\/+$/, ''),
    token:
      tokenFile === undefined ? null : readSecretFile('LABKEEPER_QULABS_TOKEN_FILE', tokenFile),
    imageWaitMs: config.LABKEEPER_QULABS_IMAGE_WAIT_MS,
    imageLookEveryMs: config.LABKEEPER_QULABS_IMAGE_LOOK_MS,
    readyWithinMs: config.LABKEEPER_QULABS_READY_MS,
    idleAfterMs: config.LABKEEPER_QULABS_IDLE_MS,
    deleteWithinMs: config.LABKEEPER_QULABS_DELETE_MS,
    limits: {
      cpus: config.LABKEEPER_QULABS_CPUS,
      memoryBytes: config.LABKEEPER_QULABS_MEMORY_BYTES,
      pids: config.LABKEEPER_QULABS_PIDS,
    },
    publishes: config.LABKEEPER_QULABS_PUBLISH === 'on',
    maxWaiting: config.LABKEEPER_QULABS_MAX_WAITING,
    lookEveryMs: 200,
  };
}

function opevaSettings(config: Config): OpevaSettings {
  const { LABKEEPER_OPEVA_HOSTS: hosts, LABKEEPER_OPEVA_TOKEN_FILE: tokenFile } = config;
  const access = parseListenerAccess(config.LABKEEPER_OPEVA_ACCESS ?? '');
  const { LABKEEPER_BIND: bind, LABKEEPER_AUTHENTICATION: authentication } = config;
  const others = hosts.some((host) => host !== 'local');
  return {
    dialect: config.LABKEEPER_OPEVA_DIALECT ?? (others ? 'workers' : 'classic'),
    hosts: [...new Set(['local', ...hosts])],
    localHost: config.LABKEEPER_HOST_NAME,
    runner: config.LABKEEPER_OPEVA_RUNNER,
    imageRepository: config.LABKEEPER_OPEVA_IMAGE_REPOSITORY,
    imageAllow: config.LABKEEPER_OPEVA_IMAGE_ALLOW,
    commandPrefix: config.LABKEEPER_OPEVA_COMMAND_PREFIX,
    limits: {
      cpus: config.LABKEEPER_OPEVA_CPUS,
      memoryBytes: config.LABKEEPER_OPEVA_MEMORY_BYTES,
      pids: config.LABKEEPER_OPEVA_PIDS,
    },
    devices: config.LABKEEPER_OPEVA_DEVICES,
    runMs: config.LABKEEPER_OPEVA_RUN_MS,
    stopGraceMs: config.LABKEEPER_OPEVA_STOP_GRACE_MS,
    maxWaiting: config.LABKEEPER_OPEVA_MAX_WAITING,
    lookEveryMs: 100,
    stopPatienceMs: 5_000,
    maxListed: config.LABKEEPER_OPEVA_MAX_LISTED,
    maxConfigBytes: config.LABKEEPER_OPEVA_MAX_CONFIG_BYTES,
    maxResultBytes: config.LABKEEPER_OPEVA_MAX_RESULT_BYTES,
    brokenAfterMs: 5_000,
    origins: config.LABKEEPER_OPEVA_CORS_ORIGINS,
    // A token file alone asks for nothing: the word is `token`.
    token:
      access?.kind === 'token' ? readSecretFile('LABKEEPER_OPEVA_TOKEN_FILE', tokenFile) : null,
    admits: {
      // Its start was refused where the access has to be spelled out and is not.
      own: admission(access, true),
      console: admission(access, !needsWord(bind, authentication)),
    },
  };
}

/** The family's own listener, where one is set. */
function listenForOpeva(config: Config, deps: ApiDependencies): { close(): Promise<void> } | null {
  const at = parseListen(config.LABKEEPER_LISTEN_OPEVA ?? '');
  if (at === null) return null;
  const queue = queueReader({ jobs: deps.store.jobs, limits: deps.settings.queueLimits });
  const family = opeva(deps, jobActions(deps, { queue, configs: configCheck() }), { mount: '' });
  return familyListener({
    family: 'opeva',
    at,
    serve: (request, address) => family(request, { listener: 'own', address }),
    maxHeaderBytes: config.LABKEEPER_MAX_HEADER_BYTES,
    log: deps.log,
  });
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function endSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => resolve(signal));
    }
  });
}

/** Requests under way are finished, streams were told to end, idle connections go at once. */
async function closed(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), shutdownMs);
  // A connection whose last answer ends now is idle only then.
  const tidy = setInterval(() => server.closeIdleConnections(), 25);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  clearTimeout(cut);
  clearInterval(tidy);
}
