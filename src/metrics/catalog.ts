import { apiMetrics } from './api-metrics.ts';
import type { MetricDefinitions } from './definition.ts';
import { gatewayMetrics } from './gateway-metrics.ts';
import { workerMetrics } from './worker-metrics.ts';

/** All metrics by the process that exposes them. */
export const catalog = {
  gateway: gatewayMetrics,
  api: apiMetrics,
  worker: workerMetrics,
} as const satisfies Readonly<Record<string, MetricDefinitions>>;
