import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { Counter, Histogram } from '../metrics/metrics.ts';

export type GatewayCount =
  | 'forwarded'
  | 'waitingPage'
  | 'held'
  | 'refused'
  | 'unknown'
  | 'unproven'
  | 'upstreamFailure';

/** What is counted at every request: handles that are looked up once. */
export interface GatewayCounts {
  requests: Readonly<Record<GatewayCount, Counter>>;
  failures: Readonly<Record<'refused' | 'reset' | 'unreadable', Counter>>;
  /** An answer's head came `afterMs` after its request was passed on. */
  answered(status: number, afterMs: number): void;
  waited: Readonly<Record<'page' | 'call', Histogram>>;
  /** Calls to the API to wake an app, by its answer. */
  asked: Readonly<Record<WakeAnswer, Counter>>;
  /** Calls to the API to ask who may open apps. */
  openings: Readonly<Record<'answered' | 'unanswered', Counter>>;
  /** Idle stops that use called off here. */
  calledOff: Counter;
}

export type WakeAnswer = 'taken' | 'refused' | 'unanswered';

export function createCounts(metrics: GatewayMetrics): GatewayCounts {
  const requests = (outcome: GatewayCount) =>
    metrics.counter('labkeeper_gateway_requests_total', { outcome });
  const failures = (kind: 'refused' | 'reset' | 'unreadable') =>
    metrics.counter('labkeeper_gateway_upstream_failures_total', { kind });
  const waited = (visitor: 'page' | 'call') =>
    metrics.histogram('labkeeper_gateway_wake_seconds', { visitor });
  const classes = (['1xx', '2xx', '3xx', '4xx', '5xx'] as const).map((name) =>
    metrics.counter('labkeeper_gateway_forwards_total', { class: name }),
  );
  const asked = (outcome: WakeAnswer) =>
    metrics.counter('labkeeper_gateway_wakes_asked_total', { outcome });
  const openings = (outcome: 'answered' | 'unanswered') =>
    metrics.counter('labkeeper_gateway_openings_asked_total', { outcome });
  const durations = metrics.histogram('labkeeper_gateway_forward_seconds');
  return {
    requests: {
      forwarded: requests('forwarded'),
      waitingPage: requests('waitingPage'),
      held: requests('held'),
      refused: requests('refused'),
      unknown: requests('unknown'),
      unproven: requests('unproven'),
      upstreamFailure: requests('upstreamFailure'),
    },
    failures: {
      refused: failures('refused'),
      reset: failures('reset'),
      unreadable: failures('unreadable'),
    },
    answered(status, afterMs) {
      classes[Math.floor(status / 100) - 1]?.add();
      durations.observe(afterMs / 1000);
    },
    waited: { page: waited('page'), call: waited('call') },
    asked: { taken: asked('taken'), refused: asked('refused'), unanswered: asked('unanswered') },
    openings: { answered: openings('answered'), unanswered: openings('unanswered') },
    calledOff: metrics.counter('labkeeper_gateway_idle_stops_called_off_total'),
  };
}
