import { labels } from '../model/instance-labels.ts';
import type { AgentPorts } from './ports.ts';

/** The jobs that run on this host now. Rejects when a runtime cannot be read. */
export async function runningJobs({
  runtimes,
}: Pick<AgentPorts, 'runtimes'>): Promise<{ id: string; attempt: number }[]> {
  const found: { id: string; attempt: number }[] = [];
  for (const runtime of Object.values(runtimes)) {
    for (const instance of await runtime.list()) {
      const [kind, id = ''] = (instance.labels[labels.entity] ?? '').split('/', 2);
      const attempt = Number(instance.labels[labels.generation]);
      if (kind === 'job' && instance.phase === 'running') found.push({ id, attempt });
    }
  }
  return found;
}
