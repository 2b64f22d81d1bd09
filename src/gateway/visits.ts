import type { Span, Tracing } from '../tracing/tracing.ts';
import type { GatewayCounts } from './counts.ts';
import type { RequestHead } from './http/head.ts';
import { headerOf } from './http/head.ts';
import type { Routes } from './routes.ts';

/** Visits that met an app without a target and wait for the first byte of its answer. */
export interface Visits {
  byApp: Map<string, WaitingVisit>;
  counts: GatewayCounts;
  tracing: Tracing;
}

interface WaitingVisit {
  visitor: 'page' | 'call';
  beganMs: number;
  /** The app has done something since: its end is the end of this wait. */
  moved: boolean;
  open: boolean;
  span: Span;
  patience: NodeJS.Timeout;
}

/** Longer than any start: what is left of visits whose wish was never heard. */
const waitsAtMostMs = 15 * 60_000;

/**
 * The first visitor of a wake stands for all: the longest wait. Who does not come back within
 * `comesBackWithinMs` once the app is there had not waited for it.
 */
export function createVisits(
  routes: Routes,
  counts: GatewayCounts,
  tracing: Tracing,
  comesBackWithinMs: number,
): Visits {
  const visits: Visits = { byApp: new Map(), counts, tracing };
  routes.watchers.add((app, entry) => {
    const visit = visits.byApp.get(app);
    if (visit === undefined) return;
    const rests = entry === null || entry.status === 'failed' || entry.status === 'asleep';
    if (entry === null || (rests && visit.moved)) {
      drop(visits, app, visit);
      visit.span.end({ failure: entry?.status ?? 'removed' });
      return;
    }
    visit.moved ||= !rests;
    if (entry.route.target === null || visit.open) return;
    visit.open = true;
    clearTimeout(visit.patience);
    visit.patience = patience(visits, app, comesBackWithinMs);
  });
  return visits;
}

export function closeVisits(visits: Visits): void {
  for (const [app, visit] of visits.byApp) {
    drop(visits, app, visit);
    visit.span.end({ failure: 'gateway ended' });
  }
}

function patience(visits: Visits, app: string, ms: number): NodeJS.Timeout {
  return setTimeout(() => {
    const visit = visits.byApp.get(app);
    if (visit === undefined) return;
    drop(visits, app, visit);
    visit.span.end({ failure: 'left' });
  }, ms).unref();
}

function drop(visits: Visits, app: string, visit: WaitingVisit): void {
  visits.byApp.delete(app);
  clearTimeout(visit.patience);
}

/** A visit met an app that is not there: its trace, or a new one, goes on in what wakes the app. */
export function visitBegins(
  visits: Visits,
  app: string,
  visitor: 'page' | 'call',
  head: RequestHead,
): void {
  if (visits.byApp.has(app)) return;
  const span = visits.tracing.begin({
    name: 'visit',
    kind: 'server',
    parent: headerOf(head, 'traceparent'),
    attributes: {
      'labkeeper.app': app,
      'labkeeper.visitor': visitor,
      'http.request.method': head.method,
    },
  });
  visits.byApp.set(app, {
    ...{ visitor, span, moved: false, open: false },
    beganMs: performance.now(),
    patience: patience(visits, app, waitsAtMostMs),
  });
}

/** The traceparent for what is done because of the visit that waits for an app. */
export function traceOfVisit(visits: Visits, app: string): string | undefined {
  return visits.byApp.get(app)?.span.traceparent;
}

/** The first byte of an answer of the app is here. */
export function visitEnds(visits: Visits, app: string, status: number): void {
  const visit = visits.byApp.get(app);
  if (visit === undefined) return;
  drop(visits, app, visit);
  visit.span.end({ attributes: { 'http.response.status_code': status } });
  visits.counts.waited[visit.visitor].observe((performance.now() - visit.beganMs) / 1000);
}
