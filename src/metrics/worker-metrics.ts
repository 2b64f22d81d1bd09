import { wakeSeconds, answerSeconds, type MetricDefinitions } from './definition.ts';
import type { Metrics } from './metrics.ts';
import { processMetrics } from './process-metrics.ts';

/** What a worker with its agent exposes. Temporal's own numbers have a port of their own. */
export const workerMetrics = {
  labkeeper_wake_phase_seconds: {
    type: 'histogram',
    help: 'Time of one phase of a start, in seconds: choosing a host, pulling the image (only when it was not there), making the instance, waiting for a healthy answer, publishing the route',
    labels: { phase: ['place', 'pull', 'start', 'probe', 'publish'] },
    buckets: wakeSeconds,
  },
  labkeeper_starts_total: {
    type: 'counter',
    help: 'Starts of instances by their end: ready, failed, refused by every host, overtaken by a stop',
    labels: { outcome: ['ready', 'failed', 'refused', 'overtaken'] },
  },
  labkeeper_crashes_total: {
    type: 'counter',
    help: 'Exits of instances that nobody asked for: those that are started again, and those that used up their restarts',
    labels: { outcome: ['restarting', 'gaveUp'] },
  },
  labkeeper_stops_total: {
    type: 'counter',
    help: 'Instances that were stopped or frozen',
    labels: { how: ['stopped', 'frozen'] },
  },
  labkeeper_idle_stops_total: {
    type: 'counter',
    help: 'Routes that a clock wanted closed: closed, or called off by use',
    labels: { outcome: ['closed', 'calledOff'] },
  },
  labkeeper_agent_reconciles_total: {
    type: 'counter',
    help: 'Comparisons of rows with what runs, by their end',
    labels: { outcome: ['done', 'failed'] },
  },
  labkeeper_agent_reconcile_seconds: {
    type: 'histogram',
    help: 'Time of a comparison of rows with what runs, in seconds',
    buckets: answerSeconds,
  },
  labkeeper_agent_corrections_total: {
    type: 'counter',
    help: 'What comparisons mended: instances that nobody wanted were removed, owners were told of instances that are gone',
    labels: { kind: ['orphan', 'missing'] },
  },
  labkeeper_agent_instances: {
    type: 'gauge',
    help: 'Instances that the last comparison found on this host, by what they do',
    labels: { phase: ['created', 'running', 'paused', 'exited'] },
  },
  labkeeper_agent_memory_bytes: {
    type: 'gauge',
    help: 'Memory of all running apps on this host at the last sample, in bytes',
  },
  labkeeper_agent_runtime_ready: {
    type: 'gauge',
    help: '1 when the runtime answered the last heartbeat, 0 when it did not or is not set up',
    labels: { runtime: ['docker', 'process'] },
    across: 'min',
  },
  labkeeper_agent_heartbeat_age_seconds: {
    type: 'gauge',
    help: 'Time since this host last told the database that it lives, in seconds; since the start when it never did',
    across: 'max',
  },
  labkeeper_storage_free_bytes: {
    type: 'gauge',
    help: 'Free space of the data folder’s disk on this host, in bytes',
    across: 'min',
  },
  labkeeper_storage_size_bytes: {
    type: 'gauge',
    help: 'Size of the data folder’s disk on this host, in bytes',
    across: 'min',
  },
  ...processMetrics,
} as const satisfies MetricDefinitions;

export type WorkerMetrics = Metrics<typeof workerMetrics>;
