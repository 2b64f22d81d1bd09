import { activityInfo, cancellationSignal, log, sleep } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import {
  effectivePreset,
  innerBasePath,
  runtimeKindOf,
  type AppSpec,
  type Learned,
} from '../model/app-spec.ts';
import { describeExit, type Exit } from '../model/app-state.ts';
import { LabError } from '../model/failures.ts';
import { appEntity, instanceName } from '../model/names.ts';
import { labels } from '../model/instance-labels.ts';
import type { Containers, Door, Instance } from '../runtime/containers.ts';
import type { App } from '../store/ports.ts';
import type {
  CollectExitInput,
  ForgetLogsInput,
  StartInput,
  StartResult,
  StopInput,
} from './app-inputs.ts';
import { changeOf, finishOf } from './app-control.ts';
import { appSecrets } from './app-secrets.ts';
import { lastLines } from './last-lines.ts';
import { lookForHealth } from './look-for-health.ts';
import { mountsOf } from './mounts.ts';
import { withNamedFailures } from './named-failure.ts';
import { observePhases, type Phases } from './phases.ts';
import type { HostPorts } from './ports.ts';
import { traced } from './trace-activity.ts';

/**
 * The pause between looks grows with the time that has passed, by a hundredth of it: what starts fast is
 * seen fast, and nobody waits for more than one per cent longer than the app needs.
 */
const probePauseMs = { least: 15, share: 0.01, most: 500 } as const;
const tailBytes = 16 * 1024;
/** So often a start is tried that met trouble of the engine's own: with the pauses about 12 s. */
const maxAttempts = 7;
/** Logs of so many generations stay readable; each is bounded by the definition's own limit. */
const keptLogs = 3;

/** An instance that answers as it should, and what that taught. */
interface Healthy {
  outcome: 'ready';
  door: Door;
  learned: Learned;
}

/** Effects on the containers and processes of one host: queue `host/<name>`. */
export function createHostActivities(ports: HostPorts) {
  const { store, host, metrics } = ports;
  const secrets = appSecrets(ports);
  const starts = (outcome: 'ready' | 'failed' | 'overtaken') =>
    metrics.counter('labkeeper_starts_total', { outcome });
  return {
    /**
     * Makes or adopts the instance, waits until it is healthy, and publishes route, row and event
     * in one transaction. What did not become ready is removed before this answers. Idempotent by
     * the instance's name.
     */
    async startInstance(input: StartInput): Promise<StartResult> {
      const { name, generation, cause } = input;
      const activity = {
        name: 'start instance',
        cause,
        attributes: {
          'labkeeper.app': name,
          'labkeeper.generation': generation,
          'labkeeper.host': host,
        },
        failureOf: ({ outcome }: StartResult) => (outcome === 'failed' ? outcome : undefined),
      };
      return traced(ports.tracing, activity, (phases) =>
        withNamedFailures(async () => counted(input, phases)),
      );
    },

    /** Stops and removes (or freezes) the instance; confirmed before the row says so. Idempotent. */
    async stopInstance(input: StopInput): Promise<void> {
      return withNamedFailures(async () => stop(input));
    },

    /** After a crash: exit and last log lines into the row, the rest of the instance removed. */
    async collectExit(input: CollectExitInput): Promise<void> {
      return withNamedFailures(async () => collect(input));
    },

    /** Last act before an app's row goes: what is left of its logs on this host. Idempotent. */
    async forgetLogs(input: ForgetLogsInput): Promise<void> {
      const { name, upToGeneration } = input;
      return forgetLogs(name, upToGeneration - keptLogs, upToGeneration);
    },
  };

  async function forgetLogs(name: string, first: number, last: number): Promise<void> {
    for (let generation = Math.max(1, first); generation <= last; generation += 1) {
      for (const runtime of Object.values(ports.runtimes)) {
        await runtime.forgetLog(instanceName(name, generation));
      }
    }
  }

  async function counted(input: StartInput, phases: Phases): Promise<StartResult> {
    try {
      const result = await start(input, phases);
      starts(result.outcome).add();
      // An earlier try may have published it: then there are no figures of this one.
      if (phases.durations().publish !== undefined) {
        observePhases(metrics, phases);
        await noteWake(input, phases);
      }
      return result;
    } catch (error) {
      // Everything else is tried again.
      if (cancellationSignal().aborted || error instanceof CancelledFailure) {
        starts('overtaken').add();
      }
      throw error;
    }
  }

  /** For charts: a start does not fail of it, and visitors do not wait for it. */
  async function noteWake(input: StartInput, phases: Phases): Promise<void> {
    const { pull = 0, start = 0, probe = 0, publish = 0 } = phases.durations();
    const { name: app, generation } = input;
    const durations = { pullMs: pull, startMs: start, probeMs: probe, publishMs: publish };
    await store.history.wakeReady({ app, generation, ...durations }).catch((error: unknown) => {
      log.warn('wake not noted', { app, error });
    });
  }

  async function start(input: StartInput, phases: Phases): Promise<StartResult> {
    const { name, generation } = input;
    const app = await store.apps.find(name);
    if (app === null)
      return { outcome: 'failed', exit: null, reason: 'it was removed', permanent: true };
    const told = earlierResult(app, input);
    if (told !== null) return told;
    const runtime = runtimeOf(app.spec);
    const instance = instanceName(name, generation);
    const tell = (detail: string) => store.apps.setDetail(name, generation, detail);
    let made: Instance;
    try {
      made = await phases.time('start', async () => {
        await removeEarlierGenerations(runtime, app, generation);
        await forgetLogs(name, generation - keptLogs, generation - keptLogs);
        return ensure(runtime, app, generation, tell, phases);
      });
    } catch (error) {
      if (!(error instanceof LabError) || error.type === 'runtime_unavailable') {
        await tell(`waiting: ${error instanceof Error ? error.message : String(error)}`);
        throw error;
      }
      if (error.details['mayPass'] === true && activityInfo().attempt < maxAttempts) {
        await tell(`trying again: ${error.message}`);
        throw new LabError('runtime_unavailable', error.message, { cause: error });
      }
      return giveUp(input, runtime, { exit: null, reason: error.message, permanent: true });
    }
    // A stop may have run while the image was pulled: what nobody wants any more is undone here.
    const intent = await store.instances.find(instance);
    if (intent?.wanted !== 'present') {
      await runtime.remove(instance);
      throw new CancelledFailure(`start of ${instance} was overtaken by a stop`);
    }
    const end = await phases.time('probe', () => waitUntilHealthy(runtime, app, made, tell));
    if (end.outcome === 'failed') return giveUp(input, runtime, end);
    await phases.time('publish', () => publish(input, app, end));
    return { outcome: 'ready' };
  }

  async function publish(input: StartInput, app: App, { door, learned }: Healthy): Promise<void> {
    const { name, generation } = input;
    await store.apps.advance(name, input, {
      condition: { ...changeOf(input.condition), detail: null, sleepsInMs: input.sleepsInMs },
      route: { generation, host, address: door.host, port: door.port },
      learned,
      event: {
        actor: input.cause.actor,
        what: 'ready',
        why: `healthy at ${effectivePreset(app.spec).healthPath}`,
        data: {
          generation,
          host,
          attempt: activityInfo().attempt,
          ...(learned.imageDigest ? { imageDigest: learned.imageDigest } : {}),
        },
      },
      ...finishOf(input),
    });
  }

  async function ensure(
    runtime: Containers,
    app: App,
    generation: number,
    tell: (detail: string) => Promise<void>,
    phases: Phases,
  ): Promise<Instance> {
    const { spec, name } = app;
    const mounts = await mountsOf(ports, app);
    await tell(spec.image ? `preparing image ${spec.image}` : 'starting the command');
    const preset = effectivePreset(spec);
    const base = innerBasePath(name, spec);
    return runtime.ensure(
      {
        name: instanceName(name, generation),
        labels: {
          [labels.installation]: ports.installation,
          [labels.entity]: appEntity(name),
          [labels.generation]: String(generation),
        },
        ...(spec.image ? { image: spec.image } : {}),
        ...(spec.command ? { command: spec.command } : {}),
        ...(spec.workingDirectory ? { workingDirectory: spec.workingDirectory } : {}),
        ...(spec.port ? { port: spec.port, alternativePorts: spec.alternativePorts } : {}),
        ...(spec.hostPort ? { hostPort: spec.hostPort } : {}),
        basePath: base,
        environment: (port) => ({
          ...preset.environment({ port, base }),
          // Inside a container loopback would be unreachable from outside.
          ...(spec.image ? { HOST: '0.0.0.0' } : {}),
          ...spec.environment,
        }),
        secrets: () => secrets.environment(app, instanceName(name, generation)),
        registryCredentials: () => secrets.registryCredentials(app),
        ...(mounts.length > 0 ? { mounts } : {}),
        limits: spec.limits,
        log: spec.log,
      },
      {
        signal: cancellationSignal(),
        onProgress: (text) => {
          tell(text).catch(() => undefined);
        },
        onPulled: (durationMs) => phases.split('pull', durationMs),
      },
    );
  }

  async function waitUntilHealthy(
    runtime: Containers,
    app: App,
    made: Instance,
    tell: (detail: string) => Promise<void>,
  ): Promise<
    Healthy | { outcome: 'failed'; exit: Exit | null; reason: string; permanent: boolean }
  > {
    const { spec } = app;
    const preset = effectivePreset(spec);
    const expected = {
      ...preset,
      mode: spec.prefixMode ?? preset.prefixMode,
      base: innerBasePath(app.name, spec),
    };
    // An adopted or thawed instance is older than this start; a retry does not win it more time.
    const startedAtMs = Math.max(made.startedAtMs ?? 0, activityInfo().scheduledTimestampMs);
    const deadlineMs = startedAtMs + spec.health.startDeadlineMs;
    const beganMs = Date.now();
    let lastAnswer = 'nothing answered';
    let told = false;
    let instance: Instance | null = made;
    for (let looks = 0; ; looks += 1) {
      cancellationSignal().throwIfAborted();
      // The engine is asked now and then only; an exit is rare and a probe is cheap.
      if (looks % 5 === 4 || !instance?.doors.length) instance = await runtime.inspect(made.name);
      if (instance === null) {
        return { outcome: 'failed', exit: null, reason: 'its instance vanished', permanent: false };
      }
      if (instance.phase === 'exited') {
        const { exit } = instance;
        const refusal = await runtime.commandRefusal(made.name);
        return {
          outcome: 'failed',
          exit,
          reason: refusal ?? `it ${describeExit(exit)} before it was ready`,
          permanent: refusal !== null,
        };
      }
      const { imageDigest } = instance;
      const answers: string[] = [];
      for (const door of doorsToTry(instance, app.learned)) {
        const health = await lookForHealth((path) => lookAt(door, path, spec), expected);
        if (health.outcome === 'healthy') {
          const { prefixMode } = health;
          const learned = { imageDigest, port: door.innerPort, prefixMode };
          return { outcome: 'ready', door, learned };
        }
        const port = spec.image ? door.innerPort : door.port;
        answers.push(`port ${port}: ${health.lastAnswer}`);
      }
      if (answers.length > 0) lastAnswer = answers.join('; ');
      if (Date.now() >= deadlineMs) {
        return {
          outcome: 'failed',
          exit: null,
          reason: `it was not healthy within ${spec.health.startDeadlineMs} ms: ${lastAnswer}`,
          permanent: true,
        };
      }
      if (!told && looks >= 2) {
        told = true;
        await tell(`waiting for a healthy answer at ${preset.healthPath}`);
      }
      const grownMs = (Date.now() - beganMs) * probePauseMs.share;
      await sleep(Math.min(Math.max(grownMs, probePauseMs.least), probePauseMs.most));
    }
  }

  /** One GET as labkeeper's probe; what hindered it, in words, when nothing answered. */
  async function lookAt(
    { host, port }: Door,
    path: string,
    spec: AppSpec,
  ): Promise<{ status: number; body: string } | string> {
    const headers = { 'user-agent': 'labkeeper-probe' };
    const { probeTimeoutMs: timeoutMs } = spec.health;
    return ports
      .probe({ host, port, path, headers, timeoutMs })
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  }

  /** Nothing half-started stays: collect what it said, remove it, tell row and timeline. */
  async function giveUp(
    input: StartInput,
    runtime: Containers,
    end: { exit: Exit | null; reason: string; permanent: boolean },
  ): Promise<StartResult> {
    const instance = instanceName(input.name, input.generation);
    const lastLogLines = await lastLines(runtime, instance, tailBytes);
    await runtime.stop(instance, { graceMs: 2_000 });
    await runtime.remove(instance);
    await store.instances.settle(instance);
    await store.apps.advance(
      input.name,
      { life: input.life, revision: input.revision },
      {
        condition: { exit: end.exit, lastLogLines, detail: end.reason },
        route: null,
        event: {
          actor: 'labkeeper',
          what: 'start failed',
          why: end.reason,
          data: { generation: input.generation, exit: end.exit, lastLogLines },
        },
      },
    );
    return { outcome: 'failed', ...end };
  }

  async function stop(input: StopInput): Promise<void> {
    const { name, generation } = input;
    const instance = instanceName(name, generation);
    const app = await store.apps.find(name);
    const paused = input.pause && (await freeze(instance));
    let exit: Exit | null = null;
    if (!paused) {
      for (const runtime of Object.values(ports.runtimes)) {
        const found = await runtime.inspect(instance);
        if (found === null) continue;
        exit = await runtime.stop(instance, { graceMs: input.graceMs });
        await runtime.remove(instance);
      }
      await store.instances.settle(instance);
    }
    metrics.counter('labkeeper_stops_total', { how: paused ? 'frozen' : 'stopped' }).add();
    if (app === null) return;
    await store.apps.advance(name, input, {
      condition: { ...changeOf(input.condition), exit: null },
      route: null,
      event: {
        actor: input.cause.actor,
        what: paused ? 'frozen' : 'stopped',
        why: input.cause.why,
        data: { generation, host, exit },
      },
      ...finishOf(input),
    });
  }

  async function collect(input: CollectExitInput): Promise<void> {
    const instance = instanceName(input.name, input.generation);
    let lastLogLines: string[] = [];
    for (const runtime of Object.values(ports.runtimes)) {
      if ((await runtime.inspect(instance)) === null) continue;
      lastLogLines = await lastLines(runtime, instance, tailBytes);
      await runtime.remove(instance);
    }
    await store.instances.settle(instance);
    const outcome = input.what === 'failed' ? 'gaveUp' : 'restarting';
    metrics.counter('labkeeper_crashes_total', { outcome }).add();
    await store.apps.advance(input.name, input, {
      condition: {
        ...changeOf(input.condition),
        exit: input.exit,
        lastLogLines,
        detail: input.why,
      },
      route: null,
      event: {
        actor: 'labkeeper',
        what: input.what,
        why: input.why,
        data: { generation: input.generation, host, exit: input.exit, lastLogLines },
      },
      ...finishOf(input),
    });
  }

  async function freeze(instance: string): Promise<boolean> {
    for (const runtime of Object.values(ports.runtimes)) {
      const found = await runtime.inspect(instance);
      if (found?.phase !== 'running' && found?.phase !== 'paused') continue;
      await runtime.pause(instance);
      return true;
    }
    return false;
  }

  async function removeEarlierGenerations(
    runtime: Containers,
    app: App,
    generation: number,
  ): Promise<void> {
    for (const found of await runtime.list()) {
      const earlier = Number(found.labels[labels.generation]) < generation;
      if (found.labels[labels.entity] !== appEntity(app.name) || !earlier) continue;
      await runtime.stop(found.name, { graceMs: app.spec.stopGraceMs });
      await runtime.remove(found.name);
      await store.instances.settle(found.name);
    }
  }

  function runtimeOf(spec: AppSpec): Containers {
    const kind = runtimeKindOf(spec);
    const runtime = ports.runtimes[kind];
    if (runtime) return runtime;
    throw new LabError('start_refused', `cannot start on host ${host}: it has no ${kind} runtime`);
  }
}

/** The one that answered last time, when it is the same image; else all of them. */
function doorsToTry({ doors, imageDigest }: Instance, learned: Learned | null): readonly Door[] {
  if (learned === null || learned.imageDigest !== imageDigest) return doors;
  const known = doors.filter(({ innerPort }) => innerPort === learned.port);
  return known.length > 0 ? known : doors;
}

/**
 * What an earlier try of the same start has written, whose answer died with its worker; null when none
 * has. Under the same mark nothing more is written, so looking again could only contradict the row: an
 * instance that was published and ended since is a crash, which its agent tells.
 */
function earlierResult(
  { mark, condition }: App,
  { life, revision, generation }: StartInput,
): StartResult | null {
  if (mark.life !== life || mark.revision !== revision) return null;
  if (condition.phase === 'ready' && condition.generation === generation) {
    return { outcome: 'ready' };
  }
  // Whether trying again is in vain is not in the row: the next try finds out.
  const reason = condition.detail ?? 'an earlier try failed';
  return { outcome: 'failed', exit: condition.exit, reason, permanent: false };
}
