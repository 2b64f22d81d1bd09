import { labels } from '../model/instance-labels.ts';
import type { AgentPorts } from './ports.ts';

/** What was given up gets no long goodbye: its successor may run already. */
const graceMs = 1_000;

/**
 * A host that was given up and is back: whatever of jobs it still has and nobody wants any more ends at once,
 * before it gets new work. Rejects when something could not be read or ended; then it gets none, and
 * the next heartbeat tries again.
 */
export async function settleHost(
  ports: Pick<AgentPorts, 'host' | 'runtimes' | 'store' | 'log'>,
  epoch: number,
): Promise<void> {
  const { host, runtimes, store, log } = ports;
  log.warn({ host, epoch }, 'this host was given up: jobs that it still has are ended');
  for (const runtime of Object.values(runtimes)) {
    // Instances before rows, as the reconciler has it.
    const instances = await runtime.list();
    const intents = await store.instances.listByHost(host);
    const wanted = new Set(
      intents.filter((intent) => intent.wanted === 'present').map(({ instance }) => instance),
    );
    for (const { name, labels: own } of instances) {
      const [kind, id = ''] = (own[labels.entity] ?? '').split('/', 2);
      if (kind !== 'job' || wanted.has(name)) continue;
      await runtime.stop(name, { graceMs });
      await runtime.remove(name);
      await store.instances.settle(name);
      await store.events.append(`job/${id}`, {
        actor: `agent of ${host}`,
        what: 'old attempt ended',
        why: `${name} was still there when the host came back`,
      });
    }
  }
  await store.hosts.settle(host, epoch);
}
