import { performance } from 'node:perf_hooks';
import type { MetricDefinitions } from './definition.ts';
import type { Counter, Metrics } from './metrics.ts';

/** What every process says of itself, under the names that dashboards for Node know. */
export const processMetrics = {
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'CPU time used, user and system, in seconds',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Memory of the process, in bytes',
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the process started, in seconds since 1970',
    across: 'min',
  },
  nodejs_heap_size_used_bytes: {
    type: 'gauge',
    help: 'JavaScript heap in use, in bytes',
  },
  nodejs_eventloop_active_seconds_total: {
    type: 'counter',
    help: 'Time in which the event loop was busy, in seconds; its rate is how busy the process is, 1 is all it can do',
  },
  labkeeper_trace_spans_total: {
    type: 'counter',
    help: 'Spans of traces that the receiver took, and those that were dropped since it did not; 0 where nothing is traced',
    labels: { outcome: ['sent', 'dropped'] },
  },
  labkeeper_database_connections: {
    type: 'gauge',
    help: 'Connections of the pool: busy ones, idle ones, and callers that wait for one',
    labels: { state: ['busy', 'idle', 'waiting'] },
  },
} as const satisfies MetricDefinitions;

/** The counters that whoever sends traces needs. */
export function spanCounters<Definitions extends typeof processMetrics>(
  metrics: Metrics<Definitions>,
): Record<'sent' | 'dropped', Counter> {
  const own = metrics as unknown as Metrics<typeof processMetrics>;
  return {
    sent: own.counter('labkeeper_trace_spans_total', { outcome: 'sent' }),
    dropped: own.counter('labkeeper_trace_spans_total', { outcome: 'dropped' }),
  };
}

/** Has them measured at each look. `pool` is the store's own count of its connections. */
export function measureProcess<Definitions extends typeof processMetrics>(
  metrics: Metrics<Definitions>,
  pool: () => { busy: number; idle: number; waiting: number },
): void {
  const own = metrics as unknown as Metrics<typeof processMetrics>;
  const cpu = own.counter('process_cpu_seconds_total');
  const loop = own.counter('nodejs_eventloop_active_seconds_total');
  const memory = own.gauge('process_resident_memory_bytes');
  const heap = own.gauge('nodejs_heap_size_used_bytes');
  const states = ['busy', 'idle', 'waiting'] as const;
  const connections = states.map(
    (state) => [state, own.gauge('labkeeper_database_connections', { state })] as const,
  );
  own.gauge('process_start_time_seconds').set(performance.timeOrigin / 1000);
  let cpuBefore = 0;
  let loopBefore = 0;
  own.onCollect(() => {
    const { user, system } = process.cpuUsage();
    const cpuNow = (user + system) / 1e6;
    cpu.add(cpuNow - cpuBefore);
    cpuBefore = cpuNow;
    const loopNow = performance.eventLoopUtilization().active / 1000;
    loop.add(loopNow - loopBefore);
    loopBefore = loopNow;
    const { rss, heapUsed } = process.memoryUsage();
    memory.set(rss);
    heap.set(heapUsed);
    const counts = pool();
    for (const [state, gauge] of connections) gauge.set(counts[state]);
  });
}
