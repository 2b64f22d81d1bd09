import { answerSeconds, type MetricDefinitions } from './definition.ts';
import type { Metrics } from './metrics.ts';
import { processMetrics } from './process-metrics.ts';

/**
 * What the API exposes. What it reads from the database for it is the same for every API, so take
 * the greatest of several, not their sum.
 */
export const apiMetrics = {
  labkeeper_api_request_duration_seconds: {
    type: 'histogram',
    help: 'Time until the answer began, in seconds, by the pattern of the path',
    labels: {
      method: { of: 'HTTP methods', atMost: 10 },
      route: { of: 'patterns of paths, never paths', atMost: 200 },
      status: { of: 'HTTP statuses', atMost: 30 },
    },
    buckets: answerSeconds,
  },
  labkeeper_api_open_streams: {
    type: 'gauge',
    help: 'Open event and log streams',
  },
  labkeeper_api_commands_total: {
    type: 'counter',
    help: 'Commands that were accepted',
    labels: { verb: ['register', 'wake', 'sleep', 'restart', 'replace', 'remove'] },
  },
  labkeeper_apps: {
    type: 'gauge',
    help: 'Registered apps by status; not a number while the database does not answer',
    labels: {
      status: ['asleep', 'starting', 'ready', 'restarting', 'stopping', 'failed', 'removing'],
    },
    across: 'max',
  },
  labkeeper_hosts: {
    type: 'gauge',
    help: 'Hosts by whether their agent was heard of lately; not a number while the database does not answer',
    labels: { state: ['online', 'silent'] },
    across: 'max',
  },
  labkeeper_operations_unfinished: {
    type: 'gauge',
    help: 'Accepted commands that are not over yet; not a number while the database does not answer',
    across: 'max',
  },
  labkeeper_operations_oldest_seconds: {
    type: 'gauge',
    help: 'Age of the oldest command that is not over yet, in seconds; 0 when there is none',
    across: 'max',
  },
  labkeeper_outbox_entries: {
    type: 'gauge',
    help: 'Outbox entries that are not delivered; not a number while the database does not answer',
    across: 'max',
  },
  labkeeper_outbox_oldest_seconds: {
    type: 'gauge',
    help: 'Age of the oldest outbox entry that is not delivered, in seconds; 0 when there is none',
    across: 'max',
  },
  labkeeper_deliveries_total: {
    type: 'counter',
    help: 'Outbox entries handed to Temporal, and those that were put off since it did not take them',
    labels: { outcome: ['delivered', 'postponed'] },
  },
  labkeeper_delivery_seconds: {
    type: 'histogram',
    help: 'Time that Temporal took for a delivery, in seconds, failed ones included',
    buckets: answerSeconds,
  },
  labkeeper_forgotten_total: {
    type: 'counter',
    help: 'Rows that were dropped since they were older than they are kept',
    labels: { kind: ['events', 'operations', 'jobs', 'uploads'] },
  },
  labkeeper_events_lag_seconds: {
    type: 'gauge',
    help: 'Age of the oldest event that readers cannot see yet, in seconds: a transaction that is open holds it back',
    across: 'max',
  },
  labkeeper_event_delivery_seconds: {
    type: 'histogram',
    help: 'Time from writing an event to its delivery to open streams, in seconds, by the clocks of database and API',
    buckets: answerSeconds,
  },
  ...processMetrics,
} as const satisfies MetricDefinitions;

export type ApiMetrics = Metrics<typeof apiMetrics>;
