import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlaceInput } from '../../src/activities/app-inputs.ts';
import { createControlActivities } from '../../src/activities/index.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { workerMetrics } from '../../src/metrics/worker-metrics.ts';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import type { Host } from '../../src/store/ports.ts';
import { noTracing } from '../../src/tracing/tracing.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { registration } from '../store/registration.ts';
import { runSql } from '../store/sql.ts';

describe.runIf(requirePart('postgres'))('placing an app with volumes', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore({ volumeMaxBytes: 10_000 });
  });
  afterAll(() => bed.close());

  const join = (name: string, freeBytes: number, state: Host['storage']['state'] = 'ok') =>
    bed.store.hosts.heartbeat({
      ...{ name, agentUrl: 'http://127.0.0.1:1', cpus: 1, memoryBytes: 1 },
      runtimes: (['process', 'docker'] as const).map((kind) => ({
        ...{ kind, ready: true, reason: null },
      })),
      storage: { state, freeBytes, totalBytes: freeBytes },
    });
  const silence = (host: string) =>
    runSql(bed.url, "UPDATE hosts SET seen_at = now() - interval '3 minutes' WHERE name = $1", [
      host,
    ]);

  async function place(name: string, spec: Partial<AppSpecInput>, hostPatienceMs = 60_000) {
    await bed.store.apps.register(registration(name, { spec: { command: ['true'], ...spec } }));
    const app = await bed.store.apps.beginLife(name);
    const { placeApp } = createControlActivities({
      store: bed.store,
      metrics: createMetrics(workerMetrics),
      tracing: noTracing,
      gatewayVetoMs: 0,
      hostPatienceMs,
      ensureWorkflow: async () => 'open',
      ensureDeployment: async () => 'open',
      ensureJob: async () => 'open',
    });
    const input: PlaceInput = {
      name,
      life: app?.mark.life ?? 0,
      revision: 1,
      finish: [],
      generation: 1,
      frozenOn: null,
      cause: { actor: 'ada', why: 'a visit' },
    };
    return new MockActivityEnvironment({ scheduledTimestampMs: Date.now() }).run<
      [PlaceInput],
      Awaited<ReturnType<typeof placeApp>>,
      typeof placeApp
    >(placeApp, input);
  }

  const volumes = (...names: string[]) => ({ volumes: names.map((volume) => ({ volume })) });
  const hold = (name: string, host: string, sizeBytes: number) =>
    bed.store.volumes.measured(name, host, {
      measure: { sizeBytes, fileCount: 1, whole: true },
      ...{ hindrance: null, nextInMs: 3_600_000 },
    });

  it('settles them where it starts first, and starts there ever after', async () => {
    await join('lab-1', 1000);
    await join('lab-2', 10);
    expect(await place('first', volumes('one', 'two'))).toMatchObject({ host: 'lab-1' });
    expect((await bed.store.volumes.find('two'))?.host).toBe('lab-1');
    await join('lab-2', 100_000);
    expect(await place('second', volumes('two'))).toMatchObject({ host: 'lab-1' });
    expect(await place('elsewhere', volumes('three'))).toMatchObject({ host: 'lab-2' });
  });

  it('places two first users of one volume together, whoever comes first', async () => {
    for (let round = 0; round < 8; round += 1) {
      await join('lab-1', 1000 + round);
      const [one, two] = await Promise.all([
        place(`left-${round}`, volumes(`met-${round}`, 'one')),
        place(`right-${round}`, volumes(`met-${round}`)),
      ]);
      const home = (await bed.store.volumes.find(`met-${round}`))?.host;
      const where = [one, two].map((placed) => (placed.outcome === 'placed' ? placed.host : null));
      // The first one needs lab-1; where the other won the volume, it is refused with that reason.
      expect(where[1]).toBe(home);
      if (one.outcome === 'placed') expect(where[0]).toBe(home);
      else expect(one.reason).toContain('different hosts');
    }
  });

  it('refuses volumes that live apart, and names where each is', async () => {
    expect(await place('torn', volumes('one', 'three'))).toEqual({
      outcome: 'refused',
      reason:
        'its volumes live on different hosts (one on lab-1, three on lab-2), and an app starts on one',
    });
  });

  it('refuses a full one with its name, size and limit, and has it measured soon', async () => {
    await place('fills', volumes('brim'));
    const home = (await bed.store.volumes.find('brim'))?.host ?? '';
    await hold('brim', home, 9_999);
    expect((await place('still-fits', volumes('brim'))).outcome).toBe('placed');
    await hold('brim', home, 12_000);
    expect(await place('too-late', volumes('brim'))).toEqual({
      outcome: 'refused',
      reason: 'volume brim is full: 12 KiB of 9.8 KiB used. Make room in it, or raise its limit',
    });
    const due = await bed.store.volumes.due(home, 100);
    expect(due.map(({ name }) => name)).toContain('brim');
    await bed.store.volumes.put({
      ...{ name: 'brim', title: null, maxBytes: 100_000, actor: 'ana' },
    });
    expect((await place('raised', volumes('brim'))).outcome).toBe('placed');
  });

  it('starts a container that only reads a full one; a command is only asked not to write', async () => {
    await place('writes', volumes('read'));
    await hold('read', (await bed.store.volumes.find('read'))?.host ?? '', 20_000);
    const readOnly = { volumes: [{ volume: 'read', readOnly: true }] };
    expect((await place('command', readOnly)).outcome).toBe('refused');
    const container = await bed.store.apps.register(
      registration('container', { spec: { image: 'plot:v1', port: 80, ...readOnly } }),
    );
    expect(container.outcome).toBe('created');
    const { placeApp } = createControlActivities({
      store: bed.store,
      metrics: createMetrics(workerMetrics),
      tracing: noTracing,
      ...{ gatewayVetoMs: 0, hostPatienceMs: 0 },
      ensureWorkflow: async () => 'open',
      ensureDeployment: async () => 'open',
      ensureJob: async () => 'open',
    });
    const app = await bed.store.apps.beginLife('container');
    const placed = await new MockActivityEnvironment().run<
      [PlaceInput],
      Awaited<ReturnType<typeof placeApp>>,
      typeof placeApp
    >(placeApp, {
      ...{ name: 'container', life: app?.mark.life ?? 0, revision: 1, finish: [], generation: 1 },
      ...{ frozenOn: null, cause: { actor: 'ada', why: 'a visit' } },
    });
    expect(placed.outcome).toBe('placed');
  });

  it('waits for the host that holds them, then says which host it waits for', async () => {
    await join('lab-3', 1_000_000);
    expect(await place('there', volumes('far'))).toMatchObject({ host: 'lab-3' });
    await silence('lab-3');
    const waits = place('waits', volumes('far')).catch((error: unknown) => error);
    expect(await waits).toMatchObject({ type: 'host_unreachable', nonRetryable: false });
    expect(await place('gives-up', volumes('far'), 0)).toEqual({
      outcome: 'refused',
      reason:
        'volume far lives on lab-3, and the app starts only there; that host was not heard of for 3 min',
    });
    const never = place('always', { ...volumes('far'), alwaysOn: true }, 0);
    await expect(never).rejects.toMatchObject({ type: 'host_unreachable' });
    await join('lab-3', 1_000_000);
    expect(await place('comes-back', volumes('far'))).toMatchObject({ host: 'lab-3' });
    await join('lab-3', 1, 'full');
    expect(await place('no-room', volumes('far'))).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/volume far lives on lab-3.*full disk/) as string,
    });
  });
});
