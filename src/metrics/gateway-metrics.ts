import { answerSeconds, wakeSeconds, type MetricDefinitions } from './definition.ts';
import type { Metrics } from './metrics.ts';
import { processMetrics } from './process-metrics.ts';

/** What a gateway exposes; the numbers of its processes are added up. */
export const gatewayMetrics = {
  labkeeper_gateway_requests_total: {
    type: 'counter',
    help: 'Requests to apps by what became of them: passed on, answered with the waiting page, held for a waking app, refused since the app does not run, no such app, no proof that they may open it, no answer of the app',
    labels: {
      outcome: [
        'forwarded',
        'waitingPage',
        'held',
        'refused',
        'unknown',
        'unproven',
        'upstreamFailure',
      ],
    },
  },
  labkeeper_gateway_forwards_total: {
    type: 'counter',
    help: 'Answers of apps that were passed on, by class of their status; 1xx are WebSockets',
    labels: { class: ['1xx', '2xx', '3xx', '4xx', '5xx'] },
  },
  labkeeper_gateway_forward_seconds: {
    type: 'histogram',
    help: 'Time from passing a request on to the first byte of the answer of its app, in seconds',
    buckets: answerSeconds,
  },
  labkeeper_gateway_upstream_failures_total: {
    type: 'counter',
    help: 'Requests that an app did not answer: never connected, cut off, or an answer that is no HTTP',
    labels: { kind: ['refused', 'reset', 'unreadable'] },
  },
  labkeeper_gateway_wakes_asked_total: {
    type: 'counter',
    help: 'Calls to the API to wake an app, by its answer: taken, refused, none at all',
    labels: { outcome: ['taken', 'refused', 'unanswered'] },
  },
  labkeeper_gateway_openings_asked_total: {
    type: 'counter',
    help: 'Calls to the API to ask who may open apps, by whether it answered',
    labels: { outcome: ['answered', 'unanswered'] },
  },
  labkeeper_gateway_wake_seconds: {
    type: 'histogram',
    help: 'Time from the visit that woke an app to the first byte of its answer, in seconds; what people wait',
    labels: { visitor: ['page', 'call'] },
    buckets: wakeSeconds,
  },
  labkeeper_gateway_held_requests: {
    type: 'gauge',
    help: 'Requests that are held for a waking app now',
  },
  labkeeper_gateway_waiting_pages: {
    type: 'gauge',
    help: 'Waiting pages that are open now',
  },
  labkeeper_gateway_connections: {
    type: 'gauge',
    help: 'Open connections of visitors',
  },
  labkeeper_gateway_refused_connections_total: {
    type: 'counter',
    help: 'Connections that were refused since LABKEEPER_MAX_CONNECTIONS were open',
  },
  labkeeper_gateway_websockets: {
    type: 'gauge',
    help: 'Open WebSockets',
  },
  labkeeper_gateway_event_streams: {
    type: 'gauge',
    help: 'Open event streams of waiting pages and of tabs',
  },
  labkeeper_gateway_idle_stops_called_off_total: {
    type: 'counter',
    help: 'Routes that were about to close and that use opened again here',
  },
  labkeeper_gateway_apps: {
    type: 'gauge',
    help: 'Apps in the cache of routes',
    across: 'max',
  },
  labkeeper_gateway_routes_age_seconds: {
    type: 'gauge',
    help: 'Time since all routes were last read, in seconds; since the start when they never were',
    across: 'max',
  },
  labkeeper_gateway_store_reachable: {
    type: 'gauge',
    help: '1 while routes can be read, 0 while the last ones known are served',
    across: 'min',
  },
  labkeeper_gateway_use_unreported: {
    type: 'gauge',
    help: 'Apps whose use is not written to the database yet',
  },
  labkeeper_gateway_workers: {
    type: 'gauge',
    help: 'Processes that serve',
  },
  ...processMetrics,
} as const satisfies MetricDefinitions;

export type GatewayMetrics = Metrics<typeof gatewayMetrics>;
