import type { Containers } from '../runtime/containers.ts';
import { pause } from './pause.ts';
import type { AgentPorts } from './ports.ts';

/** Rows are asked for so many at a time. */
const atOnce = 1_000;

/**
 * Compares what jobs left on this host with rows: folders and logs of jobs that are forgotten, or are over for longer than
 * those are kept, go. Nothing goes at the first look, nothing of a job that is not over, and what could not be read
 * decides nothing. Resolves when the signal aborts.
 */
export async function tidyJobs(ports: AgentPorts, signal: AbortSignal): Promise<void> {
  const { jobs, log } = ports;
  const tidy = jobTidier(ports);
  let failing = false;
  while (!signal.aborted) {
    await pause(jobs.tidyEveryMs, signal);
    if (signal.aborted) return;
    try {
      await tidy();
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'what jobs left was not tidied up');
      failing = true;
    }
  }
}

/** One look a call; what two looks in a row found to be left over is removed by the second. */
export function jobTidier({ host, jobs, store, runtimes, log }: AgentPorts): () => Promise<void> {
  let suspects = new Set<string>();
  return async () => {
    const next = new Set<string>();
    const isSecondLook = (what: string): boolean => {
      if (suspects.has(what)) return true;
      next.add(what);
      return false;
    };
    for (const ids of chunks(await jobs.folders.list())) {
      const kept = new Set(await store.jobs.keepsFiles({ ids }, jobs.keepFiles));
      for (const id of ids) {
        if (kept.has(id) || !isSecondLook(`folder ${id}`)) continue;
        await jobs.folders.remove(id);
        log.info({ job: id }, 'removed what a job had left');
        if ((await store.jobs.find(id)) === null) continue;
        await store.events.append(`job/${id}`, {
          actor: `agent of ${host}`,
          what: 'files removed',
          why: 'it is over for longer than files of jobs are kept',
        });
      }
    }
    for (const runtime of Object.values(runtimes)) {
      for (const names of chunks(await jobLogsOf(runtime))) {
        const numbers = names.map(numberOf);
        const kept = new Set(await store.jobs.keepsLogs({ numbers }, jobs.keepFiles));
        for (const name of names) {
          if (kept.has(numberOf(name)) || !isSecondLook(`log ${name}`)) continue;
          await runtime.forgetLog(name);
        }
      }
    }
    suspects = next;
  };
}

async function jobLogsOf(runtime: Containers): Promise<string[]> {
  return (await runtime.listLogs()).filter((name) => /^job-\d{1,15}-\d+$/.test(name));
}

const numberOf = (name: string): number => Number(name.split('-')[1]);

function* chunks<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let at = 0; at < items.length; at += atOnce) yield items.slice(at, at + atOnce);
}
