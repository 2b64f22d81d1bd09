import { labels } from '../model/instance-labels.ts';
import type { Containers } from '../runtime/containers.ts';
import type { MemorySample } from '../store/ports.ts';
import { pause } from './pause.ts';
import type { AgentPorts } from './ports.ts';

/** Instances that are looked at side by side: an engine is not asked for all of them at once. */
const atOnce = 4;

/**
 * Notes the memory of what runs here, in one statement a round, until the signal aborts. A host on
 * which everything sleeps writes nothing.
 */
export async function sampleMemory(ports: AgentPorts, signal: AbortSignal): Promise<void> {
  const { store, memory, metrics, log } = ports;
  const used = metrics.gauge('labkeeper_agent_memory_bytes');
  let failing = false;
  while (!signal.aborted) {
    await pause(memory.fine.stepMs, signal);
    if (signal.aborted) return;
    try {
      const samples = await readAll(ports);
      used.set(samples.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0));
      await store.history.reportMemory(samples, memory);
      failing = false;
    } catch (error) {
      // A gap in a chart; said once an outage.
      if (!failing) log.warn({ err: error }, 'memory of running apps not noted');
      failing = true;
    }
  }
}

async function readAll(ports: AgentPorts): Promise<MemorySample[]> {
  const running: { runtime: Containers; instance: string; app: string }[] = [];
  for (const runtime of Object.values(ports.runtimes)) {
    const instances = await runtime.list().catch((error: unknown) => {
      ports.log.debug({ runtime: runtime.kind, err: error }, 'no memory of its instances');
      return [];
    });
    for (const { name, phase, labels: own } of instances) {
      const [kind, app] = own[labels.entity]?.split('/', 2) ?? [];
      if (phase === 'running' && kind === 'app' && app)
        running.push({ runtime, instance: name, app });
    }
  }
  const samples: MemorySample[] = [];
  const queue = running[Symbol.iterator]();
  const work = async () => {
    for (const { runtime, instance, app } of queue) {
      const memoryBytes = await runtime.memory(instance).catch(() => null);
      if (memoryBytes !== null) samples.push({ app, memoryBytes });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return samples;
}
