import { bytesInWords } from '../model/in-words.ts';
import { pause } from './pause.ts';
import type { AgentPorts } from './ports.ts';
import { runningJobs } from './running-jobs.ts';

/**
 * Measures what running jobs leave, and has those stopped that leave more than they may. Told again at each look, until
 * it is over: a word may be lost with whoever heard it. Resolves when the signal aborts.
 */
export async function watchArtifacts(ports: AgentPorts, signal: AbortSignal): Promise<void> {
  const { jobs, store, host, log } = ports;
  let failing = false;
  while (!signal.aborted) {
    await pause(jobs.measureEveryMs, signal);
    try {
      for (const { id, attempt } of await runningJobs(ports)) {
        const bytes = await jobs.folders.measureOutput(id, signal);
        const job = bytes === 0 ? null : await store.jobs.find(id);
        if (job === null || job.attempt !== attempt || bytes <= job.spec.maxArtifactBytes) continue;
        const most = bytesInWords(job.spec.maxArtifactBytes);
        const why = `its artifacts hold ${bytesInWords(bytes)}, and it may leave ${most} (maxArtifactBytes)`;
        await jobs.tell(id, {
          kind: 'artifactsTooLarge',
          attempt,
          cause: { actor: `agent of ${host}`, why },
        });
      }
      failing = false;
    } catch (error) {
      if (signal.aborted) return;
      if (!failing) log.warn({ err: error }, 'artifacts not measured');
      failing = true;
    }
  }
}
