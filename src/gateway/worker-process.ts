import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/ports.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { createAccess, followChanges } from './access/access.ts';
import { watchHolders } from './access/holders.ts';
import { hostFormOf } from './address.ts';
import { createApis } from './apis.ts';
import { serveApp, type AppGateway } from './apps.ts';
import { createClosing } from './closing.ts';
import { serveConsole } from './console.ts';
import { createCounts } from './counts.ts';
import { closeHub, createHub, isWaitedFor } from './events.ts';
import { measureGateway } from './gauges.ts';
import { createHolds, isHeld, releaseHeld } from './hold.ts';
import { drain, listen, type Listener, type ListenerOptions } from './http/connection.ts';
import { parseListen } from '../model/listener-access.ts';
import { qulabsPath } from '../model/qulabs.ts';
import type { GatewayPorts } from './messages.ts';
import { trustedProxies } from './proxies.ts';
import { isForLab, isQulabsPath, serveQulabs } from './qulabs.ts';
import { qulabsDoors } from './qulabs-doors.ts';
import { createRoutes, keepRoutes } from './routes.ts';
import { keepSnapshot, readSnapshot } from './snapshot.ts';
import { closeAllSockets, createSockets } from './sockets.ts';
import { keepTls, tlsFiles } from './tls.ts';
import { closePool, createPool } from './upstream.ts';
import { createLedger, createReporter } from './use.ts';
import { closeVisits, createVisits } from './visits.ts';
import { apiCaller, closeWaker, createWaker, type Waker } from './wake.ts';
import { createWatch } from './watch.ts';

export interface GatewayWorkerOptions {
  config: Config;
  log: Log;
  store: Pick<Store, 'routes' | 'use' | 'access'>;
  metrics: GatewayMetrics;
  tracing: Tracing;
  /** This process among all gateways, and the listener it shares with its siblings. */
  id: string;
  listener: string;
  ports: GatewayPorts;
  /** Where people find the console. */
  consoleUrl: string;
  /** Waits that nobody needs to set, but tests do. */
  pace?: Partial<GatewayPace>;
}

export interface GatewayPace {
  headerTimeoutMs: number;
  idleTimeoutMs: number;
  bodyStallMs: number;
  answerStallMs: number;
  readEveryMs: number;
  retryMs: number;
  seenEveryMs: number;
  lookEveryMs: number;
  snapshotEveryMs: number;
  apiTimeoutMs: number;
  comesBackWithinMs: number;
  accessPatienceMs: number;
  accessSweepMs: number;
  certificateEveryMs: number;
}

export interface GatewayWorker {
  ports: GatewayPorts;
  /** Numbers for metrics, by their full name. */
  numbers(): Record<string, number>;
  /** Null when ready, else why not. */
  unreadyBecause(): string | null;
  /** Drops gateways of this listener that are not among `aliveIds`. */
  dropOthers(aliveIds: readonly string[]): Promise<void>;
  /** Stops accepting, lets visitors finish (at most LABKEEPER_DRAIN_MS), says good-bye. */
  drain(): Promise<void>;
}

const usualPace: GatewayPace = {
  headerTimeoutMs: 15_000,
  idleTimeoutMs: 75_000,
  bodyStallMs: 120_000,
  answerStallMs: 600_000,
  readEveryMs: 30_000,
  retryMs: 1_000,
  seenEveryMs: 2_000,
  lookEveryMs: 500,
  snapshotEveryMs: 1_000,
  apiTimeoutMs: 5_000,
  comesBackWithinMs: 30_000,
  accessPatienceMs: 1_000,
  accessSweepMs: 500,
  certificateEveryMs: 5_000,
};

/** Serves all listeners in this process: everything of the gateway but the primary. */
export async function startGatewayWorker(options: GatewayWorkerOptions): Promise<GatewayWorker> {
  const { config, log, store, id, metrics, tracing } = options;
  const pace = { ...usualPace, ...options.pace };
  const ending = new AbortController();
  const snapshotFile = join(config.LABKEEPER_DATA, 'run', 'gateway-routes.json');
  const routes = createRoutes(store.routes, log, await readSnapshot(snapshotFile, log));
  const snapshot = keepSnapshot(routes, snapshotFile, pace.snapshotEveryMs, log);
  const token = await readToken(config.LABKEEPER_INTERNAL_TOKEN_FILE);
  const apis = createApis(config.LABKEEPER_API_URL);
  const post = apiCaller(apis, token, pace.apiTimeoutMs);
  const proxies = trustedProxies(
    config.LABKEEPER_TRUSTED_PROXIES,
    config.LABKEEPER_PROXY_PERSON_HEADER,
  );
  const files = tlsFiles(config);
  const tls = files && (await keepTls(files, { everyMs: pace.certificateEveryMs, log }));
  const pool = createPool();
  const ledger = createLedger();
  const counts = createCounts(metrics);
  const { calledOff, asked } = counts;
  const closing = createClosing({
    routes,
    ledger,
    store: store.routes,
    gateway: id,
    calledOff,
    log,
  });
  const sockets = createSockets(ledger, routes);
  const holds = createHolds(config.LABKEEPER_MAX_HELD_REQUESTS);
  const hub = createHub(config.LABKEEPER_MAX_EVENT_STREAMS);
  const watch = createWatch({
    routes,
    hub,
    holds,
    waker: () => waker,
    ledger,
    post,
    everyMs: pace.lookEveryMs,
  });
  const { LABKEEPER_AUTHENTICATION: mode } = config;
  if (mode === 'required' && token === null) {
    throw new Error(
      'LABKEEPER_AUTHENTICATION is required, so gateways need the secret that LABKEEPER_INTERNAL_TOKEN_FILE names',
    );
  }
  const access = createAccess({
    mode,
    settings: {
      consoleUrl: options.consoleUrl,
      secret: token,
      recheckMs: config.LABKEEPER_ACCESS_RECHECK_MS,
      maxRemembered: config.LABKEEPER_ACCESS_CACHE,
      patienceMs: pace.accessPatienceMs,
      retryMs: pace.retryMs,
    },
    post,
    onFall: (passes) => holding.end(passes),
    onCall: (outcome) => counts.openings[outcome].add(),
    log,
  });
  const waker: Waker = createWaker({
    post,
    isAwaited: (app) => isHeld(holds, app) || isWaitedFor(hub, app),
    onChange: (app) => {
      watch.changed(app);
      if (waker.states.get(app)?.full === true) releaseHeld(holds, app);
    },
    asked,
    tracing,
    log,
    retryMs: pace.retryMs,
  });
  const reporter = createReporter(ledger, store.use, id, log);
  const gateway: AppGateway = {
    routes,
    pool,
    ledger,
    closing,
    waker,
    holds,
    watch,
    sockets,
    log,
    counts,
    access,
    proxies,
    hostForm: hostFormOf(config.LABKEEPER_APPS_DOMAIN),
    visits: createVisits(routes, counts, tracing, pace.comesBackWithinMs),
  };

  const seen = keepSeen({ ...options, everyMs: pace.seenEveryMs });
  await seen.first;
  await keepRoutes(routes, ending.signal, pace);
  const limits: Omit<ListenerOptions, 'maxBodyBytes' | 'onRequest'> = {
    maxHeaderBytes: config.LABKEEPER_MAX_HEADER_BYTES,
    maxConnections: config.LABKEEPER_MAX_CONNECTIONS,
    headerTimeoutMs: pace.headerTimeoutMs,
    idleTimeoutMs: pace.idleTimeoutMs,
    bodyStallMs: pace.bodyStallMs,
    answerStallMs: pace.answerStallMs,
    tls: tls?.material ?? null,
  };
  // Those that are open by then: a first visitor may come while the last one is being opened.
  const listeners: Listener[] = [];
  const holding = watchHolders(access, { listeners, sockets, everyMs: pace.accessSweepMs });
  if (mode === 'required') {
    followChanges(
      access,
      { store: store.access, routes },
      { change: holding.ask, fall: holding.end },
      ending.signal,
    );
  }
  const consoleGateway = { pool, apis, proxies, secret: token };
  const apps = await listen(
    { host: config.LABKEEPER_BIND, port: options.ports.apps },
    {
      ...limits,
      maxBodyBytes: config.LABKEEPER_MAX_BODY_BYTES,
      onRequest: (exchange) => {
        if (!isQulabsPath(exchange.head.path)) serveApp(gateway, exchange);
        else serveQulabs(gateway, consoleGateway, doors.apps, exchange);
      },
    },
  );
  listeners.push(apps);
  const doors = qulabsDoors(config, portOf(apps.server));
  const console = await listen(
    { host: config.LABKEEPER_BIND, port: options.ports.console },
    {
      ...limits,
      maxBodyBytes: config.LABKEEPER_MAX_API_BODY_BYTES,
      maxBodyBytesOf: ({ path }) => maxConsoleBody(config, path),
      onRequest: (exchange) => {
        if (isQulabsPath(exchange.head.path))
          serveQulabs(gateway, consoleGateway, doors.console, exchange);
        else serveConsole(consoleGateway, exchange);
      },
    },
  );
  listeners.push(console);
  for (const { server } of listeners) tls?.serve(server);
  const own = parseListen(config.LABKEEPER_LISTEN_QULABS ?? '');
  const qulabs =
    own &&
    (await listen(
      { host: own.host, port: options.ports.qulabs ?? own.port },
      {
        ...limits,
        // Their base URL has always been plain HTTP; a proxy may stand before it.
        tls: null,
        maxBodyBytes: config.LABKEEPER_MAX_API_BODY_BYTES,
        maxBodyBytesOf: ({ path }) =>
          isForLab(path, '')
            ? config.LABKEEPER_MAX_BODY_BYTES
            : config.LABKEEPER_MAX_API_BODY_BYTES,
        onRequest: (exchange) => serveQulabs(gateway, consoleGateway, doors.own, exchange),
      },
    ));
  if (qulabs) listeners.push(qulabs);
  let batches = 0;
  const reporting = setInterval(() => {
    batches += 1;
    void reporter.flush(batches % 12 === 0);
  }, config.LABKEEPER_ACTIVITY_INTERVAL_MS);

  measureGateway(metrics, {
    listeners,
    unreported: () => reporter.unreported(),
    ...{ routes, sockets, hub, holds },
  });
  return {
    ports: {
      console: portOf(console.server),
      apps: portOf(apps.server),
      ...(qulabs ? { qulabs: portOf(qulabs.server) } : {}),
    },
    numbers: () => metrics.numbers(),
    unreadyBecause: () =>
      routes.filled || routes.entries.size > 0
        ? null
        : 'the database has not answered yet and there is no snapshot of routes',
    dropOthers: (aliveIds) => store.routes.dropGateways(options.listener, aliveIds),
    async drain() {
      const withinMs = config.LABKEEPER_DRAIN_MS;
      // Streams come back by themselves, to whoever listens now.
      closeHub(hub);
      const last = setTimeout(() => closeAllSockets(sockets), Math.max(0, withinMs - 500));
      await Promise.all(listeners.map((listener) => drain(listener, withinMs)));
      clearTimeout(last);
      clearInterval(reporting);
      closeWaker(waker);
      closeVisits(gateway.visits);
      watch.close();
      holding.close();
      tls?.close();
      ending.abort();
      seen.stop();
      closePool(pool);
      await reporter.flush(true);
      await snapshot.flush();
      try {
        await store.routes.gatewayGone(id);
      } catch (error) {
        log.warn({ err: error }, 'cannot say good-bye: the others will see it by the silence');
      }
    },
  };
}

/** A gateway's address on its listener: one that starts again on it knows what was there before. */
export function listenerName(config: Config, appsPort: number): string {
  return `${hostname()}:${config.LABKEEPER_BIND}:${appsPort}`;
}

function keepSeen(options: GatewayWorkerOptions & { everyMs: number }) {
  const { store, id, listener, config, log } = options;
  let failing = false;
  const say = async () => {
    try {
      await store.routes.gatewaySeen({ id, listener, host: config.LABKEEPER_HOST_NAME });
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'cannot tell the database that this gateway is alive');
      failing = true;
    }
  };
  const timer = setInterval(() => void say(), options.everyMs);
  return { first: say(), stop: () => clearInterval(timer) };
}

async function readToken(file: string | undefined): Promise<string | null> {
  if (file === undefined) return null;
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new Error(
      `cannot read LABKEEPER_INTERNAL_TOKEN_FILE ${file}: \`labkeeper up\` makes it; is the path right?`,
      { cause: error },
    );
  }
}

function portOf(server: { address(): unknown }): number {
  const address = server.address();
  if (typeof address === 'object' && address !== null && 'port' in address) {
    return Number(address.port);
  }
  throw new Error('the listener has no port: it is not bound');
}

/** By what is asked for; the API counts the bytes of files once more, as it writes them. */
function maxConsoleBody(config: Config, path: string): number {
  if (isQulabsPath(path) && isForLab(path, qulabsPath)) return config.LABKEEPER_MAX_BODY_BYTES;
  if (/^\/api\/v1\/uploads(?:\?|$)/.test(path)) return config.LABKEEPER_MAX_UPLOAD_BYTES;
  return config.LABKEEPER_MAX_API_BODY_BYTES;
}
