import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createControlActivities } from '../../src/activities/index.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { workerMetrics } from '../../src/metrics/worker-metrics.ts';
import { noTracing } from '../../src/tracing/tracing.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { readyChange, startedApp } from '../store/registration.ts';

const idle = {
  idleAfterMs: 3_600_000,
  disconnectedAfterMs: 60_000,
  maxAgeMs: null,
  warnBeforeMs: 60_000,
};

describe.runIf(requirePart('postgres'))('reading the use of an app', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  /** How long an app whose gateway has so many open sockets is said to stay awake, and when it is looked at again. */
  async function read(openSockets: readonly number[]) {
    const { store } = bed;
    const { name, mark } = await startedApp(store);
    await store.apps.advance(name, mark(), readyChange(name, 1));
    const gateway = `gateway-${randomUUID()}`;
    await store.routes.gatewaySeen({ id: gateway, listener: 'test', host: 'local' });
    for (const count of openSockets) {
      const seen = { app: name, lastUseAgoMs: 0, reason: 'test', inFlight: 0, openSockets: count };
      await store.use.report(gateway, [seen]);
    }
    const { readUse } = createControlActivities({
      store,
      metrics: createMetrics(workerMetrics),
      tracing: noTracing,
      hostPatienceMs: 0,
      gatewayVetoMs: 60_000,
      ensureWorkflow: async () => 'open',
      ensureDeployment: async () => 'open',
      ensureJob: async () => 'open',
    });
    const input = { name, generation: 1, idle };
    const beganMs = Date.now();
    const { sleepInMs } = await new MockActivityEnvironment().run<
      [typeof input],
      Awaited<ReturnType<typeof readUse>>,
      typeof readUse
    >(readUse, input);
    const { sleepsAt } = (await store.apps.find(name))?.condition ?? {};
    await store.routes.gatewayGone(gateway);
    return { sleepInMs: sleepInMs ?? 0, toldInMs: Date.parse(sleepsAt ?? '') - beganMs };
  }

  it('tells people of an open tab that it stays awake as long as without use, and looks sooner', async () => {
    const { sleepInMs, toldInMs } = await read([1]);
    expect(sleepInMs).toBeLessThanOrEqual(idle.disconnectedAfterMs);
    expect(toldInMs).toBeGreaterThan(idle.idleAfterMs / 2);
  });

  it('tells that it falls asleep sooner once the last tab is closed', async () => {
    const { sleepInMs, toldInMs } = await read([1, 0]);
    expect(sleepInMs).toBeLessThanOrEqual(idle.disconnectedAfterMs);
    expect(toldInMs).toBeLessThan(idle.idleAfterMs / 2);
  });
});
