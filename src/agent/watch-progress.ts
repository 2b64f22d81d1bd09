import { canonicalJson } from '../model/canonical-json.ts';
import { metricsOf } from '../model/job-metrics.ts';
import type { JobProgress } from '../store/job-ports.ts';
import { pause } from './pause.ts';
import type { AgentPorts } from './ports.ts';
import { progressLines } from './progress-lines.ts';
import { runningJobs } from './running-jobs.ts';

/** Reads what running jobs say of their progress, and writes what is new, all in one statement. */
export async function watchProgress(ports: AgentPorts, signal: AbortSignal): Promise<void> {
  const { jobs, store, log } = ports;
  /** What was written last, by job: only what changed is written. */
  let known = new Map<string, string>();
  const lines = progressLines();
  let failing = false;
  while (!signal.aborted) {
    await pause(jobs.progressEveryMs, signal);
    try {
      const next = new Map<string, string>();
      const news: JobProgress[] = [];
      const running = await runningJobs(ports);
      lines.keepOnly(new Set(running.map(({ instance }) => instance)));
      for (const { id, attempt, layout, instance, runtime } of running) {
        const said = await lines.read(runtime, instance);
        const written = await jobs[layout].readProgress(id);
        if (said === null && written === null) continue;
        const progress = { ...said, ...written };
        const text = `${attempt} ${canonicalJson(progress)}`;
        next.set(id, text);
        if (known.get(id) !== text) {
          news.push({ id, attempt, progress, metrics: metricsOf(progress) });
        }
      }
      await store.jobs.reportProgress(news);
      known = next;
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'progress not written');
      failing = true;
    }
  }
}
