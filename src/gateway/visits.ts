import type { GatewayCounts } from './counts.ts';
import type { Routes } from './routes.ts';

/** Visits that met an app without a target and wait for the first byte of its answer. */
export interface Visits {
  byApp: Map<string, WaitingVisit>;
  counts: GatewayCounts;
}

interface WaitingVisit {
  visitor: 'page' | 'call';
  beganMs: number;
  /** When its app was there to answer; null while it is not. */
  openMs: number | null;
}

/** Who comes back later than this after the app was ready had not waited for it. */
const comesBackWithinMs = 30_000;

/** The first visitor of a wake stands for all: the longest wait. */
export function createVisits(routes: Routes, counts: GatewayCounts): Visits {
  const visits: Visits = { byApp: new Map(), counts };
  routes.watchers.add((app, entry) => {
    const visit = visits.byApp.get(app);
    if (visit === undefined) return;
    if (entry === null || entry.status === 'failed' || entry.status === 'asleep') {
      visits.byApp.delete(app);
    } else if (entry.route.target !== null) visit.openMs ??= performance.now();
  });
  return visits;
}

/** A visit met an app that is not there. */
export function visitBegins(visits: Visits, app: string, visitor: 'page' | 'call'): void {
  if (visits.byApp.has(app)) return;
  visits.byApp.set(app, { visitor, beganMs: performance.now(), openMs: null });
}

/** The first byte of an answer of the app is here. */
export function visitEnds(visits: Visits, app: string): void {
  const visit = visits.byApp.get(app);
  if (visit === undefined) return;
  visits.byApp.delete(app);
  const nowMs = performance.now();
  if (nowMs - (visit.openMs ?? nowMs) > comesBackWithinMs) return;
  visits.counts.waited[visit.visitor].observe((nowMs - visit.beganMs) / 1000);
}
