import { canonicalJson } from '../model/canonical-json.ts';
import type { QueuePosition } from '../model/job-view.ts';
import type { Log } from '../log.ts';
import type { Job, JobStore } from '../store/job-ports.ts';
import type { HostStore } from '../store/ports.ts';
import { hintedLoop } from './hinted-loop.ts';
import type { QueueReader } from './queue-view.ts';

/** The one reader of followed jobs in this process; any number of streams listen to it. */
export interface JobFeed {
  /**
   * Delivers a job as it is, and each time it or its place in the queue changed, until `signal` aborts; null when it
   * was removed. States in between may be left out. Rejects when the database does not answer now.
   */
  follow(follower: {
    id: string;
    deliver: (job: Job | null, position: QueuePosition | null, silent: SilentHosts) => void;
    signal: AbortSignal;
  }): Promise<void>;
}

type SilentHosts = Awaited<ReturnType<HostStore['silent']>>;
type Deliver = Parameters<JobFeed['follow']>[0]['deliver'];

interface Followed {
  /** Each with a digest of what it was told last. */
  followers: Map<Deliver, string>;
  /** Then its place changes though its row does not. */
  waits: boolean;
}

/** Reading everything again this often is the net under lost notifications. */
const readAllEveryMs = 15_000;

export function jobFeed(options: {
  jobs: JobStore;
  hosts: HostStore;
  queue: QueueReader;
  log: Log;
  ending: AbortSignal;
}): JobFeed {
  const { jobs, hosts, queue, log, ending } = options;
  const followed = new Map<string, Followed>();
  const dirty = new Set<string>();
  let allReadAtMs: number | null = null;

  const loop = hintedLoop({
    name: 'job feed',
    log,
    ending,
    async listen(hint, signal) {
      const hear = (id: string | null) => {
        if (id === null) allReadAtMs = null;
        else if (followed.has(id)) dirty.add(id);
        // Any change of any job may move those that wait.
        hint();
      };
      await jobs.listen(hear, signal);
    },
    async turn() {
      const nowMs = performance.now();
      const isNet = allReadAtMs === null || nowMs - allReadAtMs > readAllEveryMs;
      const due = new Set(isNet ? followed.keys() : dirty);
      dirty.clear();
      let changed = false;
      try {
        for (const [id, one] of followed) {
          if (due.has(id) || one.waits) changed = (await look(id)) || changed;
          due.delete(id);
        }
      } catch (error) {
        for (const id of due) dirty.add(id);
        throw error;
      }
      if (isNet) allReadAtMs = nowMs;
      return changed ? 'news' : 'quiet';
    },
  });

  /** Reads one, and tells its followers when it differs from what they were told. */
  async function look(id: string): Promise<boolean> {
    const { job, position } = await read(id);
    const holds = job !== null && job.finishedAt === null && job.state !== 'queued';
    const silent: SilentHosts = holds ? await hosts.silent() : new Map();
    const one = followed.get(id);
    if (one === undefined) return false;
    const now = digestOf(job, position, silent.get(job?.host ?? ''));
    one.waits = job?.state === 'queued';
    const behind = [...one.followers].filter(([, told]) => told !== now);
    for (const [deliver] of behind) {
      one.followers.set(deliver, now);
      deliver(job, position, silent);
    }
    return behind.length > 0;
  }

  async function read(id: string): Promise<{ job: Job | null; position: QueuePosition | null }> {
    const job = await jobs.find(id);
    if (job?.state !== 'queued') return { job, position: null };
    const { positions } = await queue.read();
    return { job, position: positions.get(id) ?? null };
  }

  return {
    async follow({ id, deliver, signal }) {
      const leave = loop.enter();
      const one = followed.get(id) ?? { followers: new Map(), waits: false };
      followed.set(id, one);
      const left = () => {
        one.followers.delete(deliver);
        if (one.followers.size === 0) followed.delete(id);
        leave();
      };
      try {
        one.followers.set(deliver, '');
        await look(id);
        // A read of the loop that was faster may have been newer: the next one puts that right.
        dirty.add(id);
        loop.hint();
      } catch (error) {
        left();
        throw error;
      }
      if (signal.aborted) left();
      else signal.addEventListener('abort', left, { once: true });
    },
  };
}

/** When it will start changes with every look: its words change when that matters. */
function digestOf(
  job: Job | null,
  position: QueuePosition | null,
  silentSince: string | undefined,
): string {
  const place = position === null ? null : { ahead: position.ahead, wait: position.wait };
  const minutes = Math.round((position?.startsInMs ?? -60_000) / 60_000);
  return canonicalJson([job, place, minutes, silentSince ?? null]);
}
