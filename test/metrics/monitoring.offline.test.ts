import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalog } from '../../src/metrics/catalog.ts';
import type { MetricDefinition } from '../../src/metrics/definition.ts';
import {
  expressions,
  panels,
  prometheusFolder,
  rules,
  selectorsOf,
  type Selector,
} from '../beds/monitoring.ts';

const declared: Readonly<Record<string, MetricDefinition>> = {
  ...catalog.gateway,
  ...catalog.api,
  ...catalog.worker,
};
const recorded = new Set(rules.flatMap(({ record }) => record ?? []));
const alerts = rules.filter((rule) => rule.alert !== undefined);
/** Given by Prometheus itself to whatever it scrapes. */
const ofPrometheus = new Set(['job', 'instance', 'le']);

/** What is wrong with a selector, as far as the declarations tell; Temporal's are checked for real. */
function mistakesOf({ name, matchers }: Selector): string[] {
  if (name === 'up' || name.startsWith('temporal_')) return [];
  if (recorded.has(name)) return matchers.map(({ label }) => `${name} has no label ${label}`);
  const histogram = declared[name.replace(/_(?:bucket|sum|count)$/, '')];
  const definition = declared[name] ?? (histogram?.type === 'histogram' ? histogram : undefined);
  if (definition === undefined) return [`there is no metric ${name}`];
  if (declared[name]?.type === 'histogram') return [`${name} is a histogram: it has three names`];
  return matchers.flatMap(({ label, operator, value }) => {
    if (ofPrometheus.has(label)) return [];
    const values = definition.labels?.[label];
    if (values === undefined) return [`${name} has no label ${label}`];
    if ('atMost' in values) return [];
    const given = operator.endsWith('~') ? value.split('|') : [value];
    return given
      .filter((one) => !values.includes(one))
      .map((one) => `${name} has no ${label} ${one}`);
  });
}

describe('rules and dashboard', () => {
  it.each(expressions)('ask for metrics, labels and values that there are: $where', ({ expr }) => {
    const selectors = selectorsOf(expr);
    expect(selectors.length).toBeGreaterThan(0);
    expect(selectors.flatMap(mistakesOf)).toEqual([]);
  });

  it('ask of Temporal what its SDK has a name for', () => {
    const names = new Set(
      expressions.flatMap(({ expr }) => selectorsOf(expr).map(({ name }) => name)),
    );
    const temporal = [...names].filter((name) => name.startsWith('temporal_'));
    expect(temporal.length).toBeGreaterThan(2);
    const program = readSdk();
    for (const name of temporal) {
      const bare = name.replace(/^temporal_/, '').replace(/_(?:bucket|sum|count)$/, '');
      expect([name, program.includes(bare)]).toEqual([name, true]);
    }
  });

  it('take rates of counters only, and quantiles of buckets', () => {
    for (const { where, expr } of expressions) {
      for (const [, name = ''] of expr.matchAll(/\b(?:rate|increase)\(([a-zA-Z_:]+)/g)) {
        const type = (declared[name] ?? declared[name.replace(/_(?:bucket|count|sum)$/, '')])?.type;
        expect([where, name, type ?? 'of Temporal']).not.toEqual([where, name, 'gauge']);
      }
      for (const [, rest = ''] of expr.matchAll(/histogram_quantile\((.*)/g)) {
        expect([where, rest]).toEqual([where, expect.stringContaining('_bucket')]);
      }
    }
  });
});

describe('alerts', () => {
  it.each(alerts)('say who is hit, what it is and what to do: $alert', (alert) => {
    expect(['page', 'warn', 'info']).toContain(alert.labels?.['severity']);
    expect(alert.annotations?.['summary']).toMatch(/\S/);
    expect(alert.annotations?.['description']?.length).toBeGreaterThan(40);
    expect(alert.alert).toMatch(/^Labkeeper[A-Z]\w+$/);
  });

  it('each have a test that makes them fire', () => {
    const tests = readFileSync(join(prometheusFolder, 'rules.test.yml'), 'utf8');
    const untested = alerts.filter(({ alert }) => !tests.includes(`ALERTS{alertname="${alert}"`));
    expect(untested.map(({ alert }) => alert)).toEqual([]);
  });

  it('have names of their own', () => {
    const names = rules.map((rule) => rule.alert ?? rule.record);
    expect(names).toEqual([...new Set(names)]);
  });
});

describe('the dashboard', () => {
  it('says of every chart what it shows, under an id and at a place of its own', () => {
    const charts = panels.filter(({ type }) => type !== 'row');
    expect(charts.every(({ description }) => (description ?? '').length > 5)).toBe(true);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const [index, { gridPos: a, title }] of panels.entries()) {
      expect(a.x + a.w).toBeLessThanOrEqual(24);
      for (const { gridPos: b, title: other } of panels.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        expect([title, other, apart]).toEqual([title, other, true]);
      }
    }
  });

  it('names each line of a chart by labels that its expression keeps', () => {
    for (const { title, targets = [] } of panels) {
      for (const { expr, legendFormat = '' } of targets) {
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          const kept = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
            list.split(',').map((one) => one.trim()),
          );
          const plain = selectorsOf(expr).some(
            ({ name }) => label === 'instance' || declared[name]?.labels?.[label] !== undefined,
          );
          const isRecorded = selectorsOf(expr).some(({ name }) => recorded.has(name));
          expect([
            title,
            label,
            kept.includes(label) || (kept.length === 0 && plain) || isRecorded,
          ]).toEqual([title, label, true]);
        }
      }
    }
  });
});

/** The compiled part of Temporal's SDK, in which the names of its metrics stand. */
function readSdk(): Buffer {
  const worker = dirname(createRequire(import.meta.url).resolve('@temporalio/worker/package.json'));
  const releases = join(worker, '..', 'core-bridge', 'releases');
  const [first = ''] = readdirSync(releases);
  return readFileSync(join(releases, first, 'index.node'));
}
