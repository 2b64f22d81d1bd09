import { describe, expect, it } from 'vitest';
import type { MetricDefinitions } from '../../src/metrics/definition.ts';
import { exposition, together } from '../../src/metrics/exposition.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { parseMetrics } from '../beds/prometheus-text.ts';

const definitions = {
  visits_total: { type: 'counter', help: 'Visits', labels: { kind: ['page', 'call'] } },
  open: { type: 'gauge', help: 'Open now' },
  oldest_seconds: { type: 'gauge', help: 'Age, in seconds', across: 'max' },
  by_route_total: {
    type: 'counter',
    help: 'By route',
    labels: { route: { of: 'routes', atMost: 2 } },
  },
  wait_seconds: { type: 'histogram', help: 'Wait, in seconds', buckets: [0.1, 1] },
} as const satisfies MetricDefinitions;

const read = (numbers: Record<string, number>) => parseMetrics(exposition(definitions, numbers));

describe('metrics', () => {
  it('stand at 0 from the start, as far as their labels are known', () => {
    const { families, value } = read(createMetrics(definitions).numbers());
    expect(value('visits_total', { kind: 'page' })).toBe(0);
    expect(value('visits_total', { kind: 'call' })).toBe(0);
    expect(value('open')).toBe(0);
    expect(value('wait_seconds_count')).toBe(0);
    expect(families.has('by_route_total')).toBe(false);
  });

  it('count, and are told with their type and meaning', () => {
    const metrics = createMetrics(definitions);
    const pages = metrics.counter('visits_total', { kind: 'page' });
    pages.add();
    pages.add(2);
    metrics.gauge('open').set(7);
    const { families, value } = read(metrics.numbers());
    expect(value('visits_total', { kind: 'page' })).toBe(3);
    expect(value('open')).toBe(7);
    expect(families.get('visits_total')).toMatchObject({ type: 'counter', help: 'Visits' });
  });

  it('sort what they observe into buckets that include the smaller ones', () => {
    const metrics = createMetrics(definitions);
    for (const seconds of [0.05, 0.1, 0.5, 3]) metrics.histogram('wait_seconds').observe(seconds);
    const { value } = read(metrics.numbers());
    expect(value('wait_seconds_bucket', { le: '0.1' })).toBe(2);
    expect(value('wait_seconds_bucket', { le: '1' })).toBe(3);
    expect(value('wait_seconds_bucket', { le: '+Inf' })).toBe(4);
    expect(value('wait_seconds_count')).toBe(4);
    expect(value('wait_seconds_sum')).toBeCloseTo(3.65);
  });

  it('count what is beyond the bound of a label together', () => {
    const metrics = createMetrics(definitions);
    for (const route of ['/a', '/b', '/c', '/d', '/a']) {
      metrics.counter('by_route_total', { route }).add();
    }
    const { value } = read(metrics.numbers());
    expect(value('by_route_total', { route: '/a' })).toBe(2);
    expect(value('by_route_total', { route: '/b' })).toBe(1);
    expect(value('by_route_total', { route: '/c' })).toBeUndefined();
    expect(value('by_route_total', { route: 'other' })).toBe(2);
  });

  it('tell label values and numbers as the format wants them', () => {
    const metrics = createMetrics(definitions);
    metrics.counter('by_route_total', { route: 'a "quoted"\\\nline' }).add();
    metrics.gauge('open').set(Number.NaN);
    metrics.gauge('oldest_seconds').set(Number.POSITIVE_INFINITY);
    const { value } = read(metrics.numbers());
    expect(value('by_route_total', { route: 'a "quoted"\\\nline' })).toBe(1);
    expect(value('open')).toBeNaN();
    expect(value('oldest_seconds')).toBe(Number.POSITIVE_INFINITY);
  });

  it('are measured anew at each look', () => {
    const metrics = createMetrics(definitions);
    let looks = 0;
    metrics.onCollect(() => metrics.gauge('open').set((looks += 1)));
    expect(read(metrics.numbers()).value('open')).toBe(1);
    expect(read(metrics.numbers()).value('open')).toBe(2);
  });

  it('of several processes are added up, or the greatest counts', () => {
    const [left, right] = [createMetrics(definitions), createMetrics(definitions)];
    for (const [metrics, open, age] of [
      [left, 2, 9],
      [right, 3, 4],
    ] as const) {
      metrics.counter('visits_total', { kind: 'call' }).add(open);
      metrics.gauge('open').set(open);
      metrics.gauge('oldest_seconds').set(age);
      metrics.histogram('wait_seconds').observe(0.5);
    }
    const { value } = read(together(definitions, [left.numbers(), right.numbers()], {}));
    expect(value('visits_total', { kind: 'call' })).toBe(5);
    expect(value('open')).toBe(5);
    expect(value('oldest_seconds')).toBe(9);
    expect(value('wait_seconds_bucket', { le: '1' })).toBe(2);
  });

  it('keep what a process counted that is gone, and forget what it measured', () => {
    const [dead, alive] = [createMetrics(definitions), createMetrics(definitions)];
    for (const metrics of [dead, alive]) {
      metrics.counter('visits_total', { kind: 'page' }).add(4);
      metrics.gauge('open').set(1);
      metrics.histogram('wait_seconds').observe(0.05);
    }
    const ended = together(definitions, [{}], dead.numbers());
    const { value } = read(together(definitions, [alive.numbers()], ended));
    expect(value('visits_total', { kind: 'page' })).toBe(8);
    expect(value('open')).toBe(1);
    expect(value('wait_seconds_count')).toBe(2);
  });
});
