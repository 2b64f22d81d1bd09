import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoApp, visitPage } from '../acceptance/echo-app.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import {
  expressions,
  panels,
  prometheusFolder,
  rules,
  selectorsOf,
  type Selector,
} from '../beds/monitoring.ts';
import { startPrometheus, type Prometheus } from '../beds/prometheus.ts';
import { requirePart } from '../beds/require.ts';

const hasPrometheus = requirePart('prometheus');
const hasLab = requirePart('postgres') && requirePart('temporal');

describe.runIf(hasPrometheus)('the files for Prometheus', () => {
  const promtool = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('promtool', args, {
      cwd: prometheusFolder,
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  };

  it('are accepted by it', () => {
    expect(promtool('check', 'config', 'prometheus.yml')).toMatchObject({ status: 0 });
    expect(promtool('check', 'rules', 'rules.yml')).toMatchObject({ status: 0 });
  });

  it('have alerts that fire on their trouble, and none in an ordinary hour', () => {
    const { status, output } = promtool('test', 'rules', 'rules.test.yml');
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});

const byText = (left: string, right: string) => left.localeCompare(right);

/** Exposed by Temporal's SDK from the first failure on. */
const onlyAfterTrouble = new Set(['temporal_workflow_task_execution_failed']);
/** A test machine may well have little space. */
const ofTheMachine = /^LabkeeperStorage/;

describe.runIf(hasPrometheus && hasLab)('a Prometheus that scrapes a lab', () => {
  let lab: Lab;
  let prometheus: Prometheus;
  beforeAll(async () => {
    lab = await startLab({ LABKEEPER_MEMORY_SAMPLE_MS: '200' });
    const port = (name: string) => lab.environment[`LABKEEPER_${name}_PORT`] ?? '';
    prometheus = await startPrometheus({
      8090: port('API'),
      8091: port('AGENT'),
      8092: port('GATEWAY_METRICS'),
      8093: port('WORKER_METRICS'),
    });
    await lab.client.apps.register('echo', echoApp());
    const visit = async () => {
      await eventually(
        async () => expect((await visitPage(lab.appUrl('echo'))).body).toContain('echo /'),
        { deadlineMs: 30_000 },
      );
    };
    // From here on counters have been seen before they move.
    await eventually(async () => {
      expect(await prometheus.query('up == 1')).toHaveLength(4);
      expect(await prometheus.query('labkeeper_gateway_wake_seconds_count')).toHaveLength(2);
    });
    await visit();
    const { id } = await lab.client.apps.stop('echo');
    await lab.client.operations.wait(id);
    await (await fetch(lab.appUrl('echo'))).text();
    await eventually(async () => {
      const waits = await prometheus.query('sum(labkeeper_gateway_wake_seconds_count)');
      expect(waits[0]?.value).toBe(2);
      const phases = await prometheus.query('labkeeper:wake_phase_seconds:p95{phase="probe"} > 0');
      expect(phases).toHaveLength(1);
    });
  }, 120_000);
  afterAll(async () => {
    await prometheus?.stop();
    await lab?.close();
  });

  const selectors = new Map<string, Selector>();
  for (const { expr } of expressions) {
    for (const selector of selectorsOf(expr)) selectors.set(selector.text, selector);
  }

  it('finds series for everything that rules and dashboard ask for', async () => {
    const missing: string[] = [];
    for (const [text, { name }] of selectors) {
      if (onlyAfterTrouble.has(name)) continue;
      if ((await prometheus.query(`count(${text})`)).length === 0) missing.push(text);
    }
    expect(missing).toEqual([]);
    expect(selectors.size).toBeGreaterThan(40);
  });

  it('draws every chart, each line under its name', async () => {
    for (const { title, targets = [] } of panels) {
      for (const { expr, legendFormat = '' } of targets) {
        const series = await prometheus.query(expr.replaceAll('$__rate_interval', '1m'));
        expect([title, expr, series.length]).not.toEqual([title, expr, 0]);
        const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
        for (const one of series) {
          const named = labels.filter((label) => (one.labels[label] ?? '') !== '');
          expect([title, named]).toEqual([title, labels]);
        }
      }
    }
  });

  it('alerts of nothing while all is well', async () => {
    for (const { alert, expr } of rules) {
      if (alert === undefined || ofTheMachine.test(alert)) continue;
      expect([alert, await prometheus.query(expr)]).toEqual([alert, []]);
    }
  });

  it('says which process is down, in words', async () => {
    await lab.worker.kill9();
    await eventually(
      async () => {
        const alerts = await prometheus.alerts();
        const down = alerts.filter(({ labels }) => labels['alertname'] === 'LabkeeperProcessDown');
        expect(
          down.map(({ annotations }) => annotations['summary'] ?? '').toSorted(byText),
        ).toEqual([
          expect.stringMatching(/^labkeeper-temporal at 127\.0\.0\.1:\d+ does not answer$/),
          expect.stringMatching(/^labkeeper-worker at 127\.0\.0\.1:\d+ does not answer$/),
        ]);
      },
      { deadlineMs: 20_000 },
    );
    await lab.worker.start();
  });
});
