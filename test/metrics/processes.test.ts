import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalog } from '../../src/metrics/catalog.ts';
import { otherValue, type MetricDefinitions } from '../../src/metrics/definition.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { scrape, type Scrape } from '../beds/prometheus-text.ts';
import { requirePart } from '../beds/require.ts';

const echo = fileURLToPath(new URL('../acceptance/apps/echo.mjs', import.meta.url));
const present = requirePart('postgres') && requirePart('temporal');

describe.runIf(present)('the metrics of the processes', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ LABKEEPER_MEMORY_SAMPLE_MS: '100' });
    await lab.client.apps.register('echo', {
      command: [process.execPath, echo],
      idle: { idleAfterMs: 3_600_000 },
    });
    const answer = await fetch(lab.appUrl('echo'));
    expect(answer.status).toBe(200);
    await answer.text();
  });
  afterAll(() => lab?.close());

  const addressOf = (process: keyof typeof catalog): string =>
    ({
      gateway: lab.gatewayMetricsUrl,
      api: lab.apiUrl,
      worker: `http://127.0.0.1:${lab.environment['LABKEEPER_AGENT_PORT']}`,
    })[process];
  const look = (process: keyof typeof catalog) => scrape(`${addressOf(process)}/metrics`);

  it.each(['gateway', 'api', 'worker'] as const)(
    'of the %s are those that are declared, no more and no less',
    async (process) => {
      const { families } = await look(process);
      const definitions: MetricDefinitions = catalog[process];
      expect([...families.keys()].sort()).toEqual(Object.keys(definitions).sort());
      for (const [name, definition] of Object.entries(definitions)) {
        const family = families.get(name);
        expect({ name, ...family }).toMatchObject({ name, type: definition.type });
        expect(family?.help).toBe(definition.help);
        for (const { labels } of family?.samples ?? []) {
          const { le, ...own } = labels;
          expect({ name, labels: Object.keys(own) }).toEqual({
            name,
            labels: Object.keys(definition.labels ?? {}),
          });
          expect({ name, bucket: le !== undefined }).toEqual({
            name,
            bucket: le !== undefined && definition.type === 'histogram',
          });
          for (const [label, value] of Object.entries(own)) {
            const values = definition.labels?.[label] ?? [];
            if ('atMost' in values) expect(value).not.toBe(otherValue);
            else expect(values).toContain(value);
          }
        }
      }
    },
  );

  it('tell how long a wake took, by phase, and what its visitor waited', async () => {
    const worker = await look('worker');
    for (const phase of ['place', 'start', 'probe', 'publish']) {
      expect([phase, worker.value('labkeeper_wake_phase_seconds_count', { phase })]).toEqual([
        phase,
        1,
      ]);
    }
    expect(worker.value('labkeeper_wake_phase_seconds_count', { phase: 'pull' })).toBe(0);
    expect(worker.value('labkeeper_starts_total', { outcome: 'ready' })).toBe(1);
    const gateway = await look('gateway');
    expect(gateway.value('labkeeper_gateway_wake_seconds_count', { visitor: 'call' })).toBe(1);
    expect(gateway.value('labkeeper_gateway_wake_seconds_count', { visitor: 'page' })).toBe(0);
    const sum = (one: Scrape, name: string, labels: Record<string, string>) =>
      one.value(name, labels) ?? 0;
    const probed = sum(worker, 'labkeeper_wake_phase_seconds_sum', { phase: 'probe' });
    const waited = sum(gateway, 'labkeeper_gateway_wake_seconds_sum', { visitor: 'call' });
    expect(waited).toBeGreaterThan(probed);
    expect(gateway.value('labkeeper_gateway_forwards_total', { class: '2xx' })).toBe(1);
    expect(gateway.value('labkeeper_gateway_wakes_asked_total', { outcome: 'taken' })).toBe(1);
  });

  it('tell what the database knows: apps by status, hosts, what waits', async () => {
    await eventually(async () => {
      const api = await look('api');
      expect(api.value('labkeeper_apps', { status: 'ready' })).toBe(1);
      expect(api.value('labkeeper_apps', { status: 'asleep' })).toBe(0);
      expect(api.value('labkeeper_hosts', { state: 'online' })).toBe(1);
      expect(api.value('labkeeper_hosts', { state: 'silent' })).toBe(0);
      expect(api.value('labkeeper_operations_unfinished')).toBe(0);
      expect(api.value('labkeeper_outbox_entries')).toBe(0);
      expect(api.value('labkeeper_deliveries_total', { outcome: 'delivered' })).toBe(2);
    });
  });

  it('go with a history of each app: its wake, its awake time, its memory', async () => {
    await eventually(async () => {
      const history = await lab.client.apps.history('echo');
      expect(history.wakes).toHaveLength(1);
      const { totalMs = 0, phases } = history.wakes[0] ?? {};
      expect(phases?.probeMs).toBeGreaterThan(0);
      expect(phases?.startMs).toBeGreaterThan(0);
      expect(phases?.pullMs).toBe(0);
      expect(totalMs).toBeGreaterThan(phases?.probeMs ?? 0);
      expect(history.days.at(-1)?.wakes).toBe(1);
      expect(history.days.at(-1)?.awakeMs).toBeGreaterThan(0);
      expect(history.memory.points.length).toBeGreaterThan(1);
      expect(history.memory.points[0]?.meanBytes).toBeGreaterThan(1024 * 1024);
    });
  });

  it('tell of a crash and of the start after it', async () => {
    await fetch(lab.appUrl('echo', '/crash?code=3')).catch(() => undefined);
    await eventually(async () => {
      const worker = await look('worker');
      expect(worker.value('labkeeper_crashes_total', { outcome: 'restarting' })).toBe(1);
      expect(worker.value('labkeeper_starts_total', { outcome: 'ready' })).toBe(2);
    });
  });

  it('stand still for an app that sleeps: no row is written for it', async () => {
    const { id } = await lab.client.apps.stop('echo');
    await lab.client.operations.wait(id);
    const memory = async () => (await look('worker')).value('labkeeper_agent_memory_bytes');
    // A whole round of samples without it.
    await eventually(async () => expect(await memory()).toBe(0));
    const before = await lab.client.apps.history('echo');
    const rounds = async () =>
      (await look('worker')).value('labkeeper_agent_reconciles_total', { outcome: 'done' }) ?? 0;
    const seen = await rounds();
    await eventually(async () => expect(await rounds()).toBeGreaterThan(seen + 1));
    expect(await lab.client.apps.history('echo')).toEqual(before);
    await (await fetch(lab.appUrl('echo'))).text();
  });

  it('tell what the agent of the host sees', async () => {
    await eventually(async () => {
      const worker = await look('worker');
      expect(worker.value('labkeeper_agent_runtime_ready', { runtime: 'process' })).toBe(1);
      expect(worker.value('labkeeper_agent_runtime_ready', { runtime: 'docker' })).toBe(0);
      expect(worker.value('labkeeper_agent_instances', { phase: 'running' })).toBe(1);
      expect(worker.value('labkeeper_agent_reconciles_total', { outcome: 'done' })).toBeGreaterThan(
        0,
      );
      expect(worker.value('labkeeper_storage_free_bytes')).toBeGreaterThan(0);
      expect(worker.value('labkeeper_agent_heartbeat_age_seconds')).toBeLessThan(30);
    });
  });
});
