import type { RuntimeKind } from '../model/app-spec.ts';
import type { Host } from '../store/ports.ts';
import { pause } from './pause.ts';
import { settleHost } from './settle-host.ts';
import type { AgentPorts } from './ports.ts';

export type HostFacts = Awaited<ReturnType<AgentPorts['facts']>>;

/** Writes the host's row every few seconds: alive, which runtimes answer, how full the disk is. */
export async function startHeartbeat(ports: AgentPorts, signal: AbortSignal): Promise<void> {
  const { metrics } = ports;
  let failing = false;
  let writtenAtMs = performance.now();
  metrics.onCollect(() => {
    const ageMs = performance.now() - writtenAtMs;
    metrics.gauge('labkeeper_agent_heartbeat_age_seconds').set(ageMs / 1000);
  });
  while (!signal.aborted) {
    try {
      const facts = await ports.facts();
      const runtimes = await askRuntimes(ports);
      metrics.gauge('labkeeper_storage_free_bytes').set(facts.storage.freeBytes);
      metrics.gauge('labkeeper_storage_size_bytes').set(facts.storage.totalBytes);
      for (const { kind, ready } of runtimes) {
        metrics.gauge('labkeeper_agent_runtime_ready', { runtime: kind }).set(ready ? 1 : 0);
      }
      const { epoch, settledEpoch } = await ports.store.hosts.heartbeat({
        ...{ name: ports.host, ...facts, runtimes },
      });
      writtenAtMs = performance.now();
      if (epoch !== settledEpoch) await settleHost(ports, epoch);
      if (failing) ports.log.info({ host: ports.host }, 'heartbeat written again');
      failing = false;
    } catch (error) {
      // Said once an outage: the database being away is no news every few seconds.
      if (!failing) ports.log.warn({ host: ports.host, err: error }, 'heartbeat not written');
      failing = true;
    }
    await pause(ports.heartbeatIntervalMs, signal);
  }
}

async function askRuntimes(ports: AgentPorts): Promise<Host['runtimes']> {
  const kinds: RuntimeKind[] = ['docker', 'process'];
  return Promise.all(
    kinds.map(async (kind) => {
      const runtime = ports.runtimes[kind];
      if (!runtime) {
        const reason = ports.missingRuntimes[kind] ?? 'not set up';
        return { kind, ready: false, reason, missing: true };
      }
      try {
        await runtime.ping();
        return { kind, ready: true, reason: ports.runtimeNotes[kind] ?? null };
      } catch (error) {
        return {
          kind,
          ready: false,
          reason: error instanceof Error ? error.message : String(error),
        };
      }
    }),
  );
}
