import { isRecord } from './is-record.ts';
import { progressFigures } from './job-progress.ts';

/**
 * How figures are kept over time: at first one value a `stepMs`, and whenever `slots` of them are full every second one is
 * dropped and the step doubles. So a series spans its whole attempt, and never has more than `slots` points.
 */
export interface MetricRing {
  stepMs: number;
  slots: number;
}

export const metricRing: MetricRing = { stepMs: 1_000, slots: 512 };
/** Of one job; what it names later is not kept. */
export const mostMetrics = 32;

const mostNameLength = 64;
const mostDepth = 2;
/** Where a program is, and not how it goes: known from the figures of its progress. */
const noMetric = /^(?:timestamp|time|(?:global_)?step(?:_current)?|.*_total|total|steps)$/;

export interface Metrics {
  /** Where the program was; null when it does not say. */
  step: number | null;
  /** By name; those of an object inside have its name and a dot before theirs. */
  values: Record<string, number>;
}

/** The numbers in what a program says of its progress that are worth a chart. */
export function metricsOf(progress: Record<string, unknown>): Metrics {
  const values: Record<string, number> = {};
  collect(progress, '', 1, values);
  return { step: progressFigures(progress).step, values };
}

function collect(
  given: Record<string, unknown>,
  prefix: string,
  depth: number,
  values: Record<string, number>,
): void {
  for (const [key, value] of Object.entries(given)) {
    if (Object.keys(values).length >= mostMetrics) return;
    const name = `${prefix}${key}`;
    if (name.length > mostNameLength || name.includes('\0') || noMetric.test(key)) continue;
    if (typeof value === 'number' && Number.isFinite(value)) values[name] = value;
    else if (isRecord(value) && depth < mostDepth) collect(value, `${name}.`, depth + 1, values);
  }
}
