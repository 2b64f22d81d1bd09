import type { EntityName } from '../model/names.ts';
import { labels } from '../model/instance-labels.ts';
import type { Containers, Instance } from '../runtime/containers.ts';
import { pause } from './pause.ts';
import type { AgentPorts } from './ports.ts';

const firstWaitMs = 200;
const longestWaitMs = 5_000;

/**
 * Watches one runtime until the signal aborts. When the engine goes away it is tried again, and
 * after each reconnect the reconciler runs: what ended meanwhile was told to nobody.
 */
export async function watchExits(
  ports: AgentPorts,
  runtime: Containers,
  reconcile: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = firstWaitMs;
  while (!signal.aborted) {
    try {
      await runtime.ping();
      const watching = runtime.watch((instance) => tell(ports, instance, signal), signal);
      waitMs = firstWaitMs;
      await Promise.all([watching, reconcile()]);
    } catch (error) {
      if (signal.aborted) return;
      ports.log.warn({ runtime: runtime.kind, err: error }, 'runtime does not answer');
      await pause(waitMs, signal);
      waitMs = Math.min(waitMs * 2, longestWaitMs);
    }
  }
}

/** Told until it is durable: Temporal may be away while apps crash. */
export function tell(ports: AgentPorts, instance: Instance, signal: AbortSignal): void {
  const entity = instance.labels[labels.entity] as EntityName | undefined;
  const generation = Number(instance.labels[labels.generation]);
  if (!entity || !Number.isInteger(generation)) return;
  const exit = instance.exit ?? { exitCode: null, signal: null, outOfMemory: false };
  const attempt = async () => {
    for (let waitMs = firstWaitMs; !signal.aborted; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      try {
        await ports.tellExited(entity, { generation, exit });
        return;
      } catch (error) {
        ports.log.warn({ entity, generation, err: error }, 'exit not told yet');
        await pause(waitMs, signal);
      }
    }
  };
  attempt().catch((error: unknown) => ports.log.error({ err: error }, 'exit told to nobody'));
}
