import { labels } from '../model/instance-labels.ts';
import type { Containers, Instance } from '../runtime/containers.ts';
import type { InstanceIntent } from '../store/ports.ts';
import { pause } from './pause.ts';
import type { AgentPorts } from './ports.ts';
import { tell } from './watch-exits.ts';

/**
 * Compares both ways by label: what runs and nobody wants, what is wanted and does not run.
 * Nothing is removed at the first look, nothing that carries the protect label at all, and what could
 * not be read decides nothing.
 */
export function createReconciler(ports: AgentPorts) {
  const { metrics } = ports;
  const corrections = (kind: 'orphan' | 'missing') =>
    metrics.counter('labkeeper_agent_corrections_total', { kind });
  const ends = (outcome: 'done' | 'failed') =>
    metrics.counter('labkeeper_agent_reconciles_total', { outcome });
  /** Names that looked unwanted in the pass before. */
  let suspects = new Set<string>();
  let missing = new Set<string>();
  let running: Promise<void> | null = null;
  let ended = new AbortController().signal;

  /** One pass; calls during a pass join it. Rejects when rows or a runtime could not be read. */
  function now(): Promise<void> {
    running ??= timed().finally(() => {
      running = null;
    });
    return running;
  }

  async function run(signal: AbortSignal): Promise<void> {
    ended = signal;
    while (!signal.aborted) {
      await pause(ports.reconcileIntervalMs, signal);
      if (signal.aborted) return;
      await now().catch((error: unknown) => {
        ports.log.warn({ err: error }, 'nothing reconciled: rows or runtime could not be read');
      });
    }
  }

  async function timed(): Promise<void> {
    const beganMs = performance.now();
    try {
      await pass();
      ends('done').add();
    } catch (error) {
      ends('failed').add();
      throw error;
    } finally {
      const tookMs = performance.now() - beganMs;
      metrics.histogram('labkeeper_agent_reconcile_seconds').observe(tookMs / 1000);
    }
  }

  async function pass(): Promise<void> {
    // Containers before rows: an intent is written before its container is made, so whatever is
    // listed here and wanted by somebody has its row by the time rows are read.
    const found = await listAll(ports);
    for (const phase of instancePhases) {
      const count = found.all.filter(([, instance]) => instance.phase === phase).length;
      metrics.gauge('labkeeper_agent_instances', { phase }).set(count);
    }
    const intents = await ports.store.instances.listByHost(ports.host);
    const wanted = new Map(intents.map((intent) => [intent.instance, intent]));
    const nextSuspects = new Set<string>();
    for (const [runtime, instance] of found.all) {
      await judge(runtime, instance, wanted.get(instance.name), nextSuspects);
    }
    suspects = nextSuspects;
    if (found.complete) await findMissing(found.all, intents);
  }

  async function judge(
    runtime: Containers,
    instance: Instance,
    intent: InstanceIntent | undefined,
    nextSuspects: Set<string>,
  ): Promise<void> {
    if (intent?.wanted === 'present') {
      if (instance.phase === 'exited') tell(ports, instance, ended);
      return;
    }
    if (instance.labels[labels.protect] === 'true') return;
    if (!suspects.has(instance.name)) {
      nextSuspects.add(instance.name);
      return;
    }
    ports.log.warn({ instance: instance.name, runtime: runtime.kind }, 'orphan removed');
    corrections('orphan').add();
    await runtime.stop(instance.name, { graceMs: 10_000 });
    await runtime.remove(instance.name);
    await ports.store.instances.settle(instance.name);
    if (intent) {
      await ports.store.events.append(intent.entity, {
        actor: `agent of ${ports.host}`,
        what: 'orphan removed',
        why: `${instance.name} ran although nobody wanted it any more`,
      });
    }
  }

  /** Wanted, said to be ready, and not there at two looks: its owner is told that it is over. */
  async function findMissing(
    all: [Containers, Instance][],
    intents: InstanceIntent[],
  ): Promise<void> {
    const there = new Set(all.map(([, instance]) => instance.name));
    const nextMissing = new Set<string>();
    for (const intent of intents) {
      if (intent.wanted !== 'present' || there.has(intent.instance)) continue;
      if (!missing.has(intent.instance)) {
        nextMissing.add(intent.instance);
        continue;
      }
      if (!(await isSaidToRun(ports, intent))) continue;
      corrections('missing').add();
      await ports.tellExited(intent.entity, {
        generation: intent.generation,
        exit: { exitCode: null, signal: null, outOfMemory: false },
      });
    }
    missing = nextMissing;
  }

  return { now, run };
}

/** Only what the row says to be running can be missing: what is being made comes later. */
async function isSaidToRun({ store }: AgentPorts, intent: InstanceIntent): Promise<boolean> {
  const [kind, name = ''] = intent.entity.split('/', 2);
  if (kind === 'job') {
    const job = await store.jobs.find(name);
    return job?.state === 'running' && job.attempt === intent.generation;
  }
  const app = await store.apps.find(name);
  return app?.condition.phase === 'ready' && app.condition.generation === intent.generation;
}

const instancePhases = ['created', 'running', 'paused', 'exited'] as const;

/** Runtimes that do not answer make the list incomplete: then nothing counts as missing. */
async function listAll(
  ports: AgentPorts,
): Promise<{ all: [Containers, Instance][]; complete: boolean }> {
  const all: [Containers, Instance][] = [];
  let complete = true;
  for (const runtime of Object.values(ports.runtimes)) {
    try {
      for (const instance of await runtime.list()) all.push([runtime, instance]);
    } catch (error) {
      complete = false;
      ports.log.warn({ runtime: runtime.kind, err: error }, 'instances could not be listed');
    }
  }
  return { all, complete };
}
