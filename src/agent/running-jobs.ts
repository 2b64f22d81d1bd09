import { labels } from '../model/instance-labels.ts';
import type { Containers } from '../runtime/containers.ts';
import type { AgentPorts } from './ports.ts';

export interface RunningJob {
  id: string;
  attempt: number;
  /** Where its files lie: in a folder of its own, or in the one that an old family shares. */
  layout: 'folders' | 'shared';
  instance: string;
  runtime: Containers;
}

/** The jobs that run on this host now. Rejects when a runtime cannot be read. */
export async function runningJobs({
  runtimes,
}: Pick<AgentPorts, 'runtimes'>): Promise<RunningJob[]> {
  const found: RunningJob[] = [];
  for (const runtime of Object.values(runtimes)) {
    for (const instance of await runtime.list()) {
      const [kind, id = ''] = (instance.labels[labels.entity] ?? '').split('/', 2);
      const attempt = Number(instance.labels[labels.generation]);
      const layout = instance.labels[labels.layout] === 'shared' ? 'shared' : 'folders';
      if (kind === 'job' && instance.phase === 'running') {
        found.push({ id, attempt, layout, instance: instance.name, runtime });
      }
    }
  }
  return found;
}
