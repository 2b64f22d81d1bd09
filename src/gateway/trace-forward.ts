import type { Span, Tracing } from '../tracing/tracing.ts';
import { headerOf, type RequestHead } from './http/head.ts';
import { traceOfVisit, type Visits } from './visits.ts';

/** What a request to a running app is in traces. */
export interface TracedForward {
  /** For the app, in place of what the visitor said; undefined leaves that as it is. */
  traceparent: string | undefined;
  /** A span of its own; it ends with the first byte. */
  span: Span | null;
}

const untraced: TracedForward = { traceparent: undefined, span: null };

/**
 * A request that brings a trace gets a span in it; one that a visit was waiting with goes on in that
 * visit's trace. All others cost nothing: an app's own images are no news to anybody.
 */
export function traceForward(
  tracing: Tracing,
  visits: Visits,
  app: string,
  head: RequestHead,
): TracedForward {
  if (!tracing.on) return untraced;
  const given = headerOf(head, 'traceparent');
  const waiting = traceOfVisit(visits, app);
  // The very request that began the visit was held: its span is the visit's.
  const isOfVisit =
    waiting !== undefined && (given === '' || traceIdOf(given) === traceIdOf(waiting));
  if (isOfVisit) return { traceparent: waiting, span: null };
  if (given === '') return untraced;
  const span = tracing.begin({
    name: 'forward',
    kind: 'server',
    parent: given,
    attributes: { 'labkeeper.app': app, 'http.request.method': head.method },
  });
  return { traceparent: span.traceparent, span };
}

const traceIdOf = (traceparent: string): string => traceparent.split('-', 2)[1] ?? '';
