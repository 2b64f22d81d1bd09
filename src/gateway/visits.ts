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
  /** When its app was there to answer; null while it is not. */
  openMs: number | null;
  span: Span;
}

/** Who comes back later than this after the app was ready had not waited for it. */
const comesBackWithinMs = 30_000;

/** The first visitor of a wake stands for all: the longest wait. */
export function createVisits(routes: Routes, counts: GatewayCounts, tracing: Tracing): Visits {
  const visits: Visits = { byApp: new Map(), counts, tracing };
  routes.watchers.add((app, entry) => {
    const visit = visits.byApp.get(app);
    if (visit === undefined) return;
    if (entry === null || entry.status === 'failed' || entry.status === 'asleep') {
      visits.byApp.delete(app);
      visit.span.end({ failure: entry?.status ?? 'removed' });
    } else if (entry.route.target !== null) visit.openMs ??= performance.now();
  });
  return visits;
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
  visits.byApp.set(app, { visitor, beganMs: performance.now(), openMs: null, span });
}

/** The traceparent for what is done because of the visit that waits for an app. */
export function traceOfVisit(visits: Visits, app: string): string | undefined {
  return visits.byApp.get(app)?.span.traceparent;
}

/** The first byte of an answer of the app is here. */
export function visitEnds(visits: Visits, app: string, status: number): void {
  const visit = visits.byApp.get(app);
  if (visit === undefined) return;
  visits.byApp.delete(app);
  const nowMs = performance.now();
  const waited = nowMs - (visit.openMs ?? nowMs) <= comesBackWithinMs;
  visit.span.end(
    waited ? { attributes: { 'http.response.status_code': status } } : { failure: 'left' },
  );
  if (waited) visits.counts.waited[visit.visitor].observe((nowMs - visit.beganMs) / 1000);
}
