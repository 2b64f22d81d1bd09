import type { Log } from '../log.ts';
import type { Counter } from '../metrics/metrics.ts';
import type { RouteStore } from '../store/ports.ts';
import { put, reread, type Entry, type Routes } from './routes.ts';
import { lastUseAgoMs, useOf, type UseLedger } from './use.ts';

/**
 * This gateway's part in the stop protocol. A route that is closing is acknowledged at once with
 * what is in flight here; any use opens it again, and one statement of the store is the judge.
 */
export interface Closing {
  acknowledged: Map<string, string>;
  reopening: Map<string, Promise<Reopening>>;
  routes: Routes;
  ledger: UseLedger;
  store: RouteStore;
  gateway: string;
  /** Counts idle stops that use called off here. */
  calledOff: Counter;
  log: Log;
}

/** `gone`: the stop won. `unknown`: the store does not answer, so the last known route stands. */
export type Reopening = 'open' | 'gone' | 'unknown';

export function createClosing(options: {
  routes: Routes;
  ledger: UseLedger;
  store: RouteStore;
  gateway: string;
  calledOff: Counter;
  log: Log;
}): Closing {
  const closing: Closing = { ...options, acknowledged: new Map(), reopening: new Map() };
  options.routes.watchers.add((app, entry) => heard(closing, app, entry));
  options.ledger.onUse = (app) => {
    const entry = options.routes.entries.get(app);
    if (entry?.route.target?.state === 'closing') void reopen(closing, entry);
  };
  return closing;
}

/** Takes a closing route back because of use. One statement for any number of callers. */
export function reopen(closing: Closing, entry: Entry): Promise<Reopening> {
  const { app, closeId } = entry.route;
  if (closeId === null) return Promise.resolve('open');
  const key = `${app} ${closeId}`;
  let attempt = closing.reopening.get(key);
  if (attempt === undefined) {
    attempt = ask(closing, app, closeId).finally(() => closing.reopening.delete(key));
    closing.reopening.set(key, attempt);
  }
  return attempt;
}

async function ask(closing: Closing, app: string, closeId: string): Promise<Reopening> {
  let reopened: boolean;
  try {
    reopened = await closing.store.reopen(app, closeId);
  } catch (error) {
    closing.log.warn({ app, err: error }, 'cannot reopen a closing route: forwarding all the same');
    return 'unknown';
  }
  const current = closing.routes.entries.get(app);
  const { target = null, closeId: currentId = null } = current?.route ?? {};
  if (current !== undefined && target !== null && currentId === closeId) {
    const route = reopened
      ? { ...current.route, target: { ...target, state: 'open' as const }, closeId: null }
      : { ...current.route, target: null, closeId: null };
    put(closing.routes, route);
  }
  if (reopened) closing.calledOff.add();
  // What stands there now is told by the store; the guess above serves until then.
  void reread(closing.routes, app);
  return reopened ? 'open' : 'gone';
}

function heard(closing: Closing, app: string, entry: Entry | null): void {
  const closeId = entry?.route.closeId ?? null;
  if (entry === null || closeId === null) {
    closing.acknowledged.delete(app);
    return;
  }
  if (closing.acknowledged.get(app) === closeId) return;
  closing.acknowledged.set(app, closeId);
  void acknowledge(closing, entry, closeId, 0);
}

async function acknowledge(
  closing: Closing,
  entry: Entry,
  closeId: string,
  attempt: number,
): Promise<void> {
  const { app } = entry.route;
  const use = useOf(closing.ledger, app);
  if (use.inFlight > 0) void reopen(closing, entry);
  try {
    await closing.store.acknowledge(app, closeId, {
      gateway: closing.gateway,
      inFlight: use.inFlight,
      openSockets: use.openSockets,
      lastUseAgoMs: lastUseAgoMs(use, Date.now()),
    });
  } catch (error) {
    if (attempt === 0) closing.log.warn({ app, err: error }, 'cannot acknowledge a closing route');
    const again = () => {
      if (closing.acknowledged.get(app) !== closeId) return;
      void acknowledge(closing, entry, closeId, attempt + 1);
    };
    setTimeout(again, Math.min(5_000, 250 * 2 ** attempt)).unref();
  }
}
