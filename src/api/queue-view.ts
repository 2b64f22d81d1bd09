import type { QueuePosition } from '../model/job-view.ts';
import { estimateStarts } from '../model/queue-estimate.ts';
import type { JobStore, QueueLimits, QueueMoment } from '../store/job-ports.ts';

/** The queue as people are told of it. Times are milliseconds from now. */
export interface QueueView extends QueueMoment {
  /** By job that waits. */
  positions: ReadonlyMap<string, QueuePosition>;
}

export interface QueueReader {
  /** As it was at most `freshMs` ago: many may ask at once, and one reads. */
  read(): Promise<QueueView>;
  /** What was read is not to be answered any more. */
  forget(): void;
}

const freshMs = 250;

/** One reader of the queue a process. */
export function queueReader(options: { jobs: JobStore; limits: QueueLimits }): QueueReader {
  const { jobs, limits } = options;
  let last: { at: number; view: Promise<QueueView> } | null = null;

  const look = async (): Promise<QueueView> => {
    const moment = await jobs.queue(limits);
    const starts = estimateStarts(moment);
    const positions = new Map<string, QueuePosition>();
    for (const { job } of moment.plan.grants)
      positions.set(job, { ahead: 0, wait: null, startsInMs: 0 });
    moment.plan.waiting.forEach(({ job, wait }, ahead) => {
      positions.set(job, { ahead, wait, startsInMs: starts.get(job) ?? null });
    });
    return { ...moment, positions };
  };

  return {
    read() {
      const now = performance.now();
      if (last !== null && now - last.at < freshMs) return last.view;
      const view = look();
      last = { at: now, view };
      view.catch(() => {
        if (last?.view === view) last = null;
      });
      return view;
    },
    forget() {
      last = null;
    },
  };
}
