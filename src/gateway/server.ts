import cluster from 'node:cluster';
import { setFlagsFromString } from 'node:v8';
import { loadConfig, publicUrls, refusalOfQulabs, tracingSettings } from '../config.ts';
import { createLog } from '../log.ts';
import type { FromWorker, Settings, ToWorker } from './messages.ts';
import { refusalToBind } from '../model/bind.ts';
import { parseListen } from '../model/listener-access.ts';
import { version } from '../model/version.ts';
import { runPrimary } from './primary.ts';

/**
 * The gateway's entry. The primary holds the listeners and starts workers with this same file; what
 * serves is loaded in workers only, so that the primary stays small.
 */
const config = loadConfig(process.env);
const log = createLog({ process: 'gateway', level: config.LABKEEPER_LOG_LEVEL });

const refused =
  refusalToBind(config.LABKEEPER_BIND, config.LABKEEPER_AUTHENTICATION) ??
  refusalOfQulabs(config) ??
  (await refusalOfTls());
if (refused !== null) {
  log.fatal(refused);
  process.exitCode = 1;
} else if (cluster.isPrimary) {
  const qulabs = parseListen(config.LABKEEPER_LISTEN_QULABS ?? '');
  await runPrimary({
    bind: config.LABKEEPER_BIND,
    workers: config.LABKEEPER_GATEWAY_WORKERS,
    drainMs: config.LABKEEPER_DRAIN_MS,
    hostName: config.LABKEEPER_HOST_NAME,
    ports: {
      console: config.LABKEEPER_CONSOLE_PORT,
      apps: config.LABKEEPER_APPS_PORT,
      metrics: config.LABKEEPER_GATEWAY_METRICS_PORT,
      ...(qulabs === null ? {} : { qulabs: qulabs.port }),
    },
    qulabsBind: qulabs?.host ?? null,
    log,
  });
} else {
  await runWorker();
}

/** Said once, by the primary: a worker that does not start is started again. */
async function refusalOfTls(): Promise<string | null> {
  if (!cluster.isPrimary || config.LABKEEPER_TLS_CERT_FILE === undefined) return null;
  const { readTls, tlsFiles } = await import('./tls.ts');
  const files = tlsFiles(config);
  if (files === null) return null;
  return readTls(files).then(
    () => null,
    (error: Error) => error.message,
  );
}

async function runWorker(): Promise<void> {
  allocateYoung();
  const [
    { startGatewayWorker, listenerName },
    { openPostgresStore },
    { createMetrics },
    { gatewayMetrics },
    { measureProcess, spanCounters },
    { openTracing },
  ] = await Promise.all([
    import('./worker-process.ts'),
    import('../store/postgres/index.ts'),
    import('../metrics/metrics.ts'),
    import('../metrics/gateway-metrics.ts'),
    import('../metrics/process-metrics.ts'),
    import('../tracing/open.ts'),
  ]);
  const settings: Settings = JSON.parse(process.argv.at(-1) ?? '');
  const store = await openPostgresStore({
    url: config.LABKEEPER_DATABASE_URL,
    ...(config.LABKEEPER_DATABASE_PASSWORD_FILE
      ? { passwordFile: config.LABKEEPER_DATABASE_PASSWORD_FILE }
      : {}),
    poolSize: Math.min(4, config.LABKEEPER_DATABASE_POOL),
    applicationName: 'labkeeper gateway',
    log,
  });
  const metrics = createMetrics(gatewayMetrics);
  measureProcess(metrics, () => store.pool());
  const tracing = await openTracing(tracingSettings(config), {
    service: 'labkeeper-gateway',
    version,
    host: config.LABKEEPER_HOST_NAME,
    spans: spanCounters(metrics),
    log,
  });
  const worker = await startGatewayWorker({
    config,
    log,
    store,
    metrics,
    tracing,
    id: settings.id,
    listener: listenerName(config, settings.ports.apps),
    ports: settings.ports,
    consoleUrl: publicUrls(config, settings.ports).console,
  });
  const say = (message: FromWorker) => {
    if (process.connected) process.send?.(message);
  };
  const sayState = () => say({ type: 'state', unready: worker.unreadyBecause() });
  const sayNumbers = (question: number) => {
    say({ type: 'numbers', question, numbers: worker.numbers() });
  };
  let draining = false;
  const drain = async () => {
    if (draining) return;
    draining = true;
    await worker.drain();
    await tracing.close();
    await store.close();
    process.exit(0);
  };
  process.on('message', (message: ToWorker) => {
    if (message.type === 'drain') void drain();
    else if (message.type === 'numbers') sayNumbers(message.question);
    else {
      worker.dropOthers(message.ids).catch((error: unknown) => {
        log.warn({ err: error }, 'cannot drop dead gateways: they will be seen by their silence');
      });
    }
  });
  // Ctrl-C reaches the whole group: the primary says when to end.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  process.on('SIGTERM', () => void drain());
  process.on('disconnect', () => void drain());
  setInterval(sayState, 1_000).unref();
  log.info({ ...worker.ports, gateway: settings.id }, 'worker listens');
  say({ type: 'ready', ports: worker.ports });
  sayState();
}

/**
 * V8 soon takes what every request makes for long-lived and puts it where only a full collection frees it;
 * what it points to is then copied at each small one, 20 ms at a time, four times a second. Nothing that a request makes
 * lives for long. Set here and not on the command line, where a version of V8 without the flag refuses to start.
 */
function allocateYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
