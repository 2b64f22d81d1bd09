import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CloseRouteInput, CloseRouteResult } from '../../src/activities/app-inputs.ts';
import { createControlActivities } from '../../src/activities/index.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { workerMetrics } from '../../src/metrics/worker-metrics.ts';
import { noTracing } from '../../src/tracing/tracing.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { readyChange, startedApp } from '../store/registration.ts';

const idle = { idleAfterMs: 60_000, disconnectedAfterMs: 60_000, maxAgeMs: null, warnBeforeMs: 0 };
/** Clocks that have ended whatever was used when. */
const ended = { ...idle, idleAfterMs: 0, disconnectedAfterMs: 0 };

describe.runIf(requirePart('postgres'))('closing the route of an app', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  async function readyApp() {
    const { name, mark } = await startedApp(bed.store);
    await bed.store.apps.advance(name, mark(), readyChange(name, 1));
    const input = (changes: Partial<CloseRouteInput> = {}): CloseRouteInput => ({
      name,
      ...mark(),
      finish: [],
      generation: 1,
      mayReopen: true,
      closeId: randomUUID(),
      idle: ended,
      condition: {
        wanted: 'asleep',
        phase: 'draining',
        generation: 1,
        host: 'local',
        actor: 'idle clock',
        why: 'not used',
        exit: null,
        restartAtMs: null,
      },
      ...changes,
    });
    return { name, input };
  }

  function close(input: CloseRouteInput, gatewayVetoMs = 60_000): Promise<CloseRouteResult> {
    const { closeRoute } = createControlActivities({
      store: bed.store,
      metrics: createMetrics(workerMetrics),
      tracing: noTracing,
      hostPatienceMs: 0,
      gatewayVetoMs,
      ensureWorkflow: async () => 'open',
      ensureDeployment: async () => 'open',
      ensureJob: async () => 'open',
    });
    const environment = new MockActivityEnvironment();
    return environment.run<[CloseRouteInput], CloseRouteResult, typeof closeRoute>(
      closeRoute,
      input,
    );
  }

  /** A gateway that hears of the closing and says its word. */
  async function gateway(
    name: string,
    word: { inFlight?: number; openSockets?: number; lastUseAgoMs?: number | null } | null,
  ): Promise<{ id: string; gone(): Promise<void> }> {
    const id = `gateway-${randomUUID()}`;
    const { routes } = bed.store;
    await routes.gatewaySeen({ id, listener: 'test', host: 'local' });
    if (word) {
      void eventually(async () => {
        const closeId = (await routes.find(name))?.closeId;
        if (closeId === null || closeId === undefined) throw new Error('not closing yet');
        await routes.acknowledge(name, closeId, {
          gateway: id,
          inFlight: 0,
          openSockets: 0,
          lastUseAgoMs: null,
          ...word,
        });
      });
    }
    return { id, gone: () => routes.gatewayGone(id) };
  }

  const target = async (name: string) => (await bed.store.routes.find(name))?.target?.state ?? null;

  it('takes it away at once for a person, and says so in the row', async () => {
    const { name, input } = await readyApp();
    expect(await close(input({ mayReopen: false }))).toEqual({ closed: true });
    expect(await target(name)).toBeNull();
    expect((await bed.store.apps.find(name))?.condition).toMatchObject({ phase: 'draining' });
  });

  it('takes it away when every gateway says that nobody uses the app', async () => {
    const { name, input } = await readyApp();
    const speaking = await gateway(name, {});
    expect(await close(input())).toEqual({ closed: true });
    expect(await target(name)).toBeNull();
    await speaking.gone();
  });

  it.each([
    ['a request is in flight', { inFlight: 1 }, idle],
    ['used moments ago', { lastUseAgoMs: 5 }, idle],
  ])('opens it again when a gateway says: %s', async (why, word, clocks) => {
    const { name, input } = await readyApp();
    const speaking = await gateway(name, word);
    expect(await close(input({ idle: clocks }))).toMatchObject({ closed: false, why });
    expect(await target(name)).toBe('open');
    await speaking.gone();
  });

  it('gives way to a visitor who reopens it while gateways are asked', async () => {
    const { name, input } = await readyApp();
    const silent = await gateway(name, null);
    const closing = close(input());
    await eventually(async () => {
      const route = await bed.store.routes.find(name);
      if (!route?.closeId) throw new Error('not closing yet');
      expect(await bed.store.routes.reopen(name, route.closeId)).toBe(true);
    });
    expect(await closing).toMatchObject({ closed: false });
    expect(await target(name)).toBe('open');
    await silent.gone();
  });

  it('waits for a gateway that cannot be heard, for a bounded time, and notes it', async () => {
    const { name, input } = await readyApp();
    const silent = await gateway(name, null);
    expect(await close(input(), 100)).toEqual({ closed: true });
    const events = await bed.store.events.list({ entity: `app/${name}`, limit: 10 });
    expect(events.map(({ what }) => what)).toContain('gateway silent');
    await silent.gone();
  });

  it('opens it again when the word of a person overtakes the asking', async () => {
    const { name, input } = await readyApp();
    const silent = await gateway(name, null);
    const environment = new MockActivityEnvironment();
    const { closeRoute } = createControlActivities({
      store: bed.store,
      metrics: createMetrics(workerMetrics),
      tracing: noTracing,
      hostPatienceMs: 0,
      gatewayVetoMs: 60_000,
      ensureWorkflow: async () => 'open',
      ensureDeployment: async () => 'open',
      ensureJob: async () => 'open',
    });
    const closing = environment.run(closeRoute, input());
    await eventually(async () => expect(await target(name)).toBe('closing'));
    environment.cancel();
    await expect(closing).rejects.toThrow(/cancel/i);
    expect(await target(name)).toBe('open');
    await silent.gone();
  });

  it('goes on with the same closing when it is tried again after its worker died', async () => {
    const { name, input } = await readyApp();
    const again = input();
    await bed.store.routes.beginClosing(name, 1, again.closeId);
    expect(await close(again)).toEqual({ closed: true });
    expect(await close(again)).toEqual({ closed: true });
  });
});
