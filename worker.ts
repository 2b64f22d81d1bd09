import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Client,
  Connection,
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type LogEntry,
  type WorkerOptions,
} from '@temporalio/worker';
import {
  createControlActivities,
  createDeploymentControl,
  createDeploymentEffects,
  createHostActivities,
  createJobControl,
  createJobEffects,
} from './src/activities/index.ts';
import { heartbeats } from './src/activities/heartbeats.ts';
import { httpProbe } from './src/activities/http-probe.ts';
import type { JobHostPorts } from './src/activities/ports.ts';
import { startAgent } from './src/agent/agent.ts';
import { readHostFacts } from './src/agent/host-facts.ts';
import { createAgentServer } from './src/agent/server.ts';
import { archiveSender } from './src/agent/archive-sender.ts';
import {
  loadConfig,
  opevaFolder,
  queueLimits,
  readSecretVariables,
  tracingSettings,
  type Config,
} from './src/config.ts';
import { createLog, type Log } from './src/log.ts';
import { exposition } from './src/metrics/exposition.ts';
import { createMetrics } from './src/metrics/metrics.ts';
import { measureProcess, spanCounters } from './src/metrics/process-metrics.ts';
import { workerMetrics } from './src/metrics/worker-metrics.ts';
import type { JobNews } from './src/model/job-state.ts';
import { memoryRing } from './src/model/memory-ring.ts';
import { controlQueue, hostQueue, jobEntity } from './src/model/names.ts';
import { opevaInContainer } from './src/model/opeva.ts';
import { chooseRuntimes } from './src/choose-runtimes.ts';
import { chooseSecretSources } from './src/choose-secrets.ts';
import { jobFolders } from './src/runtime/job-folders/index.ts';
import { sharedJobFolders } from './src/runtime/shared-job-folders/index.ts';
import { volumeFolders } from './src/runtime/volume-folders/index.ts';
import { readSecretFile } from './src/secret-file.ts';
import { version } from './src/model/version.ts';
import { openTracing } from './src/tracing/open.ts';
import { openPostgresStore } from './src/store/postgres/index.ts';
import { prepareNamespace } from './src/supervisor/temporal-namespace.ts';
import { temporalConnection } from './src/temporal-connection.ts';
import { deliverNews, deliverNow } from './src/temporal-delivery.ts';
import {
  appStart,
  appWorkflowType,
  deploymentStart,
  deploymentWorkflowType,
  instanceExitedSignal,
  jobNewsSignal,
  jobStart,
  jobWorkflowType,
} from './src/workflows/messages.ts';

/** How long activities may finish after SIGTERM, and when the rest is cut. */
const shutdownGraceMs = 10_000;
const shutdownForceMs = 20_000;
const dayMs = 24 * 3_600_000;
/** Removals of volumes, and measurements that somebody waits for, begin within this. */
const volumeLookMs = 2_000;

const config = loadConfig(process.env);
const log = createLog({ process: 'worker', level: config.LABKEEPER_LOG_LEVEL });
await main(config, log).catch((error: unknown) => {
  log.fatal({ err: error }, 'worker cannot go on');
  process.exitCode = 1;
});

/** Composition root of the worker process: workflows, activities, and the agent of this host. */
async function main(config: Config, log: Log): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger('INFO', (entry) => passOn(log, entry)),
    shutdownSignals: [],
    telemetryOptions: {
      metrics: {
        prometheus: { bindAddress: `127.0.0.1:${config.LABKEEPER_WORKER_METRICS_PORT}` },
      },
    },
  });
  const metrics = createMetrics(workerMetrics);
  const internalToken = readSecretFile(
    'LABKEEPER_INTERNAL_TOKEN_FILE',
    config.LABKEEPER_INTERNAL_TOKEN_FILE,
  );
  const secrets = await chooseSecretSources(config, readSecretVariables(process.env));
  const host = config.LABKEEPER_HOST_NAME;
  const folder = resolve(config.LABKEEPER_DATA, 'hosts', host, 'apps');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const store = await openPostgresStore({
    url: config.LABKEEPER_DATABASE_URL,
    ...(config.LABKEEPER_DATABASE_PASSWORD_FILE
      ? { passwordFile: config.LABKEEPER_DATABASE_PASSWORD_FILE }
      : {}),
    poolSize: config.LABKEEPER_DATABASE_POOL,
    applicationName: 'labkeeper worker',
    hostSilentMs: config.LABKEEPER_HOST_SILENT_MS,
    log,
  });
  measureProcess(metrics, () => store.pool());
  const tracing = await openTracing(tracingSettings(config), {
    service: 'labkeeper-worker',
    version,
    host,
    spans: spanCounters(metrics),
    log,
  });
  const installation = await store.installation();
  const volumes = volumeFolders({ folder: resolve(config.LABKEEPER_DATA, 'volumes') });
  const { runtimes, missing, notes } = chooseRuntimes({ config, installation, folder, log });

  const temporal = temporalConnection(config);
  const connection = await NativeConnection.connect(temporal);
  // A workflow task that sets an unknown attribute fails and is tried for ever: look before.
  await prepareNamespace({
    connection: temporal,
    namespace: config.TEMPORAL_NAMESPACE,
    deadlineMs: 10_000,
  });
  const client = new Client({
    connection: Connection.lazy(temporal),
    namespace: config.TEMPORAL_NAMESPACE,
    identity: `labkeeper worker ${host}`,
  });
  const jobs = jobFolders({
    folder: resolve(config.LABKEEPER_DATA, 'hosts', host, 'jobs'),
    installation,
  });
  const shared = sharedJobFolders({
    root: opevaFolder(config),
    inContainer: opevaInContainer,
    configOf: (id) => store.sharedJobs.config(id),
  });
  const tellNews = deliverNews({ outbox: store.outbox, client, deadlineMs: 5_000, log });
  const giveOut = async () => {
    const granted = await store.jobs.grant(queueLimits(config));
    await Promise.all(granted.map(({ job }) => tellNews(jobEntity(job))));
  };
  const everyWorker = {
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    identity: `${host} ${process.pid}`,
    shutdownGraceTime: shutdownGraceMs,
    shutdownForceTime: shutdownForceMs,
    maxHeartbeatThrottleInterval: '500 ms',
    defaultHeartbeatThrottleInterval: '500 ms',
    interceptors: { activity: [heartbeats] },
  } satisfies Partial<WorkerOptions>;
  const control = await Worker.create({
    ...everyWorker,
    ...workflowSource(),
    taskQueue: controlQueue,
    maxCachedWorkflows: 300,
    // So long the next step of an app waits for a worker that died with its history in mind.
    stickyQueueScheduleToStartTimeout: '3 s',
    maxConcurrentActivityTaskExecutions: 100,
    activities: {
      ...createControlActivities({
        store,
        metrics,
        tracing,
        gatewayVetoMs: config.LABKEEPER_GATEWAY_VETO_MS,
        hostPatienceMs: config.LABKEEPER_HOST_PATIENCE_MS,
        ensureJob: (id) => ensureWorkflow(client, jobWorkflowType, jobStart(id)),
        ensureWorkflow: (name) => ensureWorkflow(client, appWorkflowType, appStart(name)),
        ensureDeployment: (app) =>
          ensureWorkflow(client, deploymentWorkflowType, deploymentStart(app)),
      }),
      ...createJobControl({ store, giveOut }),
      ...createDeploymentControl({
        store,
        deliver: deliverNow({ outbox: store.outbox, client, deadlineMs: 5_000, log }),
      }),
    },
  });
  const onHost: JobHostPorts = {
    ...{ store, metrics, tracing, host, installation, runtimes, secrets, volumes },
    probe: httpProbe,
    jobFolders: jobs,
    shared: { folders: shared, networks: [config.LABKEEPER_OPEVA_NETWORK] },
    giveOut,
  };
  const effects = await Worker.create({
    ...everyWorker,
    taskQueue: hostQueue(host),
    maxConcurrentActivityTaskExecutions: 40,
    activities: {
      ...createHostActivities(onHost),
      ...createDeploymentEffects(onHost),
      ...createJobEffects(onHost),
    },
  });

  let notReady: string | null = 'workers are starting';
  const agentServer = createAgentServer({
    runtimes: Object.values(runtimes),
    volumes,
    jobFolders: jobs,
    archives: archiveSender({ most: config.LABKEEPER_MAX_ARCHIVES, log }),
    internalToken,
    metrics: () => exposition(metrics.definitions, metrics.numbers()),
    notReady: () => notReady,
    log,
  });
  const agentPort = await listen(agentServer, config.LABKEEPER_AGENT_PORT);
  const agentUrl = `http://127.0.0.1:${agentPort}`;
  const agent = startAgent({
    host,
    store,
    runtimes,
    missingRuntimes: missing,
    runtimeNotes: notes,
    tellExited: (entity, fact) => tellExited(client, entity, fact),
    facts: () =>
      readHostFacts(
        folder,
        {
          warnBytes: config.LABKEEPER_STORAGE_WARN_BYTES,
          refuseBytes: config.LABKEEPER_STORAGE_REFUSE_BYTES,
        },
        agentUrl,
        {
          cpus: config.LABKEEPER_JOB_CPUS ?? null,
          memoryBytes: config.LABKEEPER_JOB_MEMORY_BYTES ?? null,
        },
      ),
    volumes: {
      folders: volumes,
      lookEveryMs: Math.min(volumeLookMs, config.LABKEEPER_VOLUME_MEASURE_MS),
      measureEveryMs: config.LABKEEPER_VOLUME_MEASURE_MS,
    },
    jobs: {
      folders: jobs,
      shared,
      progressEveryMs: 1_000,
      measureEveryMs: config.LABKEEPER_ARTIFACTS_MEASURE_MS,
      tidyEveryMs: config.LABKEEPER_JOB_TIDY_MS,
      keepFiles: {
        succeededMs: config.LABKEEPER_KEEP_JOB_FILES_DAYS * dayMs,
        otherMs: config.LABKEEPER_KEEP_FAILED_JOB_FILES_DAYS * dayMs,
      },
      tell: (id, news) => tellJob(client, id, news),
      giveOut,
      tellNews,
      lookEveryMs: config.LABKEEPER_QUEUE_LOOK_MS,
    },
    // Silence is several missing beats, not one.
    heartbeatIntervalMs: Math.min(5_000, Math.ceil(config.LABKEEPER_HOST_SILENT_MS / 4)),
    reconcileIntervalMs: config.LABKEEPER_RECONCILE_MS,
    memory: memoryRing(config.LABKEEPER_MEMORY_SAMPLE_MS, config.LABKEEPER_MEMORY_SAMPLES),
    metrics,
    log,
  });
  await ensureRepairSchedule(client);

  const runs = [control.run(), effects.run()];
  notReady = null;
  log.info({ agentUrl, runtimes: Object.keys(runtimes), missing }, 'ready');

  const end = new Promise<void>((done) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => done());
  });
  await Promise.race([end, ...runs]);
  notReady = 'shutting down';
  for (const worker of [control, effects]) {
    if (worker.getState() === 'RUNNING') worker.shutdown();
  }
  await Promise.all(runs);
  await agent.stop();
  await tracing.close();
  agentServer.close();
  agentServer.closeAllConnections();
  await client.connection.close();
  await connection.close();
  await store.close();
  log.info('ended');
}

/** The prebuilt bundle beside the built program, or the sources in development. */
function workflowSource(): { workflowBundle: { codePath: string } } | { workflowsPath: string } {
  const bundle = fileURLToPath(new URL('./workflows.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: join(import.meta.dirname, 'src', 'workflows', 'index.ts') };
}

async function tellExited(
  client: Client,
  entity: string,
  fact: {
    generation: number;
    exit: { exitCode: number | null; signal: string | null; outOfMemory: boolean };
  },
): Promise<void> {
  try {
    await client.connection.withDeadline(Date.now() + 5_000, () =>
      client.workflow.getHandle(entity).signal(instanceExitedSignal, fact),
    );
  } catch (error) {
    // Its owner is gone: nobody waits for this fact any more.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

async function tellJob(client: Client, id: string, news: JobNews): Promise<void> {
  try {
    await client.connection.withDeadline(Date.now() + 5_000, () =>
      client.workflow.getHandle(jobEntity(id)).signal(jobNewsSignal, news),
    );
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

async function ensureWorkflow(
  client: Client,
  type: string,
  start: ReturnType<typeof appStart | typeof deploymentStart | typeof jobStart>,
): Promise<'started' | 'open'> {
  const handle = client.workflow.getHandle(start.workflowId);
  try {
    const { status } = await handle.describe();
    if (status.name === 'RUNNING') return 'open';
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  await client.workflow.start(type, start);
  return 'started';
}

/** One schedule for the whole installation; success when it is there already. */
async function ensureRepairSchedule(client: Client): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: 'labkeeper-repair',
      spec: { intervals: [{ every: '10 min' }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 min' },
      state: { triggerImmediately: true },
      action: {
        type: 'startWorkflow',
        workflowType: 'repair',
        workflowId: 'labkeeper-repair',
        taskQueue: controlQueue,
        staticSummary: 'give live rows their workflow back',
      },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle('labkeeper-repair').trigger();
  }
}

function listen(server: ReturnType<typeof createAgentServer>, port: number): Promise<number> {
  return new Promise((done, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      done(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function passOn(log: Log, entry: LogEntry): void {
  const level =
    entry.level === 'TRACE'
      ? 'trace'
      : (entry.level.toLowerCase() as 'debug' | 'info' | 'warn' | 'error');
  log[level](entry.meta ?? {}, entry.message);
}
