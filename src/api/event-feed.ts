import type { Log } from '../log.ts';
import type { ApiMetrics } from '../metrics/api-metrics.ts';
import type { EntityName } from '../model/names.ts';
import type { EventStore, TimelineEvent } from '../store/ports.ts';
import { hintedLoop } from './hinted-loop.ts';
import { pause } from './pause.ts';

/** The one reader of new events in this process; any number of streams listen to it. */
export interface EventFeed {
  /**
   * Delivers every event after `after` (without it: from now on), in order, each once, until
   * `signal` aborts. Resolves when the first page was delivered; the rest goes on by itself.
   * Rejects when the database does not answer now, or the id is not one of its ids.
   */
  follow(follower: Follower & { after: string | undefined; signal: AbortSignal }): Promise<void>;
}

interface Follower {
  entity?: EntityName;
  /** Keeps what happened in one of these spaces; null: all. */
  spaces: readonly string[] | null;
  deliver(events: readonly TimelineEvent[]): void;
  /** Old events are read at the pace of the reader. */
  drained(): Promise<void>;
}

const pageSize = 200;
/** Recent events kept, so that a stream joins without a gap. */
const ringSize = 2_000;

/**
 * Ids are opaque here: their order is known to the store only. A stream joins by reading until there
 * is nothing more; then the feed reads on, and what it has behind the stream's last id is new.
 */
export function eventFeed(options: {
  events: EventStore;
  metrics: ApiMetrics;
  log: Log;
  ending: AbortSignal;
}): EventFeed {
  const { events, log, ending } = options;
  const delays = options.metrics.histogram('labkeeper_event_delivery_seconds');
  const followers = new Set<Follower>();
  /** What was read, oldest first; `before` is the id it begins behind. */
  let ring: TimelineEvent[] = [];
  let before = '';
  let position: string | null = null;

  const loop = hintedLoop({
    name: 'event feed',
    log,
    ending,
    listen: (hint, signal) => events.listen(hint, signal),
    async turn() {
      const from = position;
      if (from === null) return 'quiet';
      const page = await events.since({ after: from, limit: pageSize });
      // Everybody left meanwhile, and somebody new came in elsewhere.
      if (position !== from) return 'more';
      take(page);
      if (page.length === 0) return 'quiet';
      return page.length === pageSize ? 'more' : 'news';
    },
  });

  function take(page: readonly TimelineEvent[]): void {
    const last = page.at(-1);
    if (last === undefined) return;
    ring.push(...page);
    const nowMs = Date.now();
    for (const { at } of page) delays.observe(Math.max(0, nowMs - Date.parse(at)) / 1000);
    position = last.id;
    if (ring.length > ringSize) {
      const dropped = ring.splice(0, ring.length - ringSize);
      before = dropped.at(-1)?.id ?? before;
    }
    for (const follower of followers) {
      const wanted = page.filter((event) => concerns(follower, event));
      if (wanted.length > 0) follower.deliver(wanted);
    }
  }

  /** Reads on by itself, so that the feed is at least as far as whatever was read before. */
  async function readOn(): Promise<void> {
    for (;;) {
      const from = position;
      if (from === null) return;
      const page = await events.since({ after: from, limit: pageSize });
      if (position !== from) continue;
      take(page);
      if (page.length < pageSize) return;
    }
  }

  async function begin(): Promise<void> {
    if (position !== null) return;
    const latest = await events.latestId();
    position ??= latest;
    before = ring.length === 0 ? position : before;
  }

  return {
    async follow({ after, signal, ...follower }) {
      const leave = loop.enter();
      const left = () => {
        followers.delete(follower);
        if (leave() === 0) {
          ring = [];
          position = null;
        }
      };
      try {
        await begin();
        if (after === undefined) {
          followers.add(follower);
        } else {
          // The first page is read now, so that a database that is down is told.
          const last = await look(follower, after);
          if (last !== null) void catchUp(follower, last, signal);
        }
      } catch (error) {
        left();
        throw error;
      }
      if (signal.aborted) left();
      else signal.addEventListener('abort', left, { once: true });
    },
  };

  /** Delivers what comes after an id, a page at most. Null when the stream has joined the feed. */
  async function look(follower: Follower, after: string): Promise<string | null> {
    const { entity, spaces } = follower;
    const page = await events.since({
      ...(entity === undefined ? {} : { entity }),
      spaces,
      after,
      limit: pageSize,
    });
    if (page.length > 0) {
      follower.deliver(page);
      return page.at(-1)?.id ?? after;
    }
    const oldest = before;
    await readOn();
    // So much came meanwhile that the ring does not reach back to this look.
    if (before !== oldest) return after;
    // The feed is as far as this look at least: what is not in the ring came before it.
    const joined = ring.findIndex((event) => event.id === after);
    const missed = ring.slice(joined + 1).filter((event) => concerns(follower, event));
    if (missed.length > 0) follower.deliver(missed);
    followers.add(follower);
    return null;
  }

  async function catchUp(follower: Follower, from: string, signal: AbortSignal): Promise<void> {
    let last: string | null = from;
    while (last !== null && !signal.aborted) {
      await follower.drained();
      try {
        last = await look(follower, last);
      } catch (error) {
        log.debug({ err: error }, 'event stream waits for the database');
        await pause(1_000, signal);
      }
    }
    if (signal.aborted) followers.delete(follower);
  }
}

function concerns(follower: Follower, event: TimelineEvent): boolean {
  const { entity, spaces } = follower;
  if (entity !== undefined && entity !== event.entity) return false;
  return spaces === null || (event.space !== null && spaces.includes(event.space));
}
