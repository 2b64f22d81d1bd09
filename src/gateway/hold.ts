import type { Exchange } from './http/connection.ts';

/** Requests that wait for a waking app. Bounded; the visitor's leaving frees the place. */
export interface Holds {
  maxHeld: number;
  held: number;
  byApp: Map<string, Set<Held>>;
}

interface Held {
  exchange: Exchange;
  timer: NodeJS.Timeout;
  release: (outcome: HoldOutcome) => void;
}

/** `changed`: look at the app again. `late`: it did not become ready in time. */
export type HoldOutcome = 'changed' | 'late';

export function createHolds(maxHeld: number): Holds {
  return { maxHeld, held: 0, byApp: new Map() };
}

/** Holds a request for at most `forMs`. False when too many are held already. */
export function hold(
  holds: Holds,
  app: string,
  exchange: Exchange,
  forMs: number,
  release: (outcome: HoldOutcome) => void,
): boolean {
  if (holds.held >= holds.maxHeld) return false;
  const held: Held = {
    exchange,
    timer: setTimeout(() => {
      drop(holds, app, held);
      release('late');
    }, forMs),
    release,
  };
  holds.held += 1;
  let set = holds.byApp.get(app);
  if (set === undefined) {
    set = new Set();
    holds.byApp.set(app, set);
  }
  set.add(held);
  exchange.onAbort = () => drop(holds, app, held);
  return true;
}

/** Lets all held requests of an app look again. */
export function releaseHeld(holds: Holds, app: string): void {
  const set = holds.byApp.get(app);
  if (set === undefined) return;
  for (const held of [...set]) {
    drop(holds, app, held);
    held.release('changed');
  }
}

export function isHeld(holds: Holds, app: string): boolean {
  return holds.byApp.has(app);
}

function drop(holds: Holds, app: string, held: Held): void {
  const set = holds.byApp.get(app);
  if (set === undefined || !set.delete(held)) return;
  holds.held -= 1;
  clearTimeout(held.timer);
  held.exchange.onAbort = null;
  if (set.size === 0) holds.byApp.delete(app);
}
