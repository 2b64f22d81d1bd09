import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StartInput, StartResult, StopInput } from '../../src/activities/app-inputs.ts';
import { httpProbe } from '../../src/activities/http-probe.ts';
import { createHostActivities } from '../../src/activities/index.ts';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { workerMetrics } from '../../src/metrics/worker-metrics.ts';
import { instanceName } from '../../src/model/names.ts';
import type { Containers } from '../../src/runtime/containers.ts';
import { processContainers } from '../../src/runtime/process/index.ts';
import { noTracing } from '../../src/tracing/tracing.ts';
import { volumeFolders } from '../../src/runtime/volume-folders/index.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { registration } from '../store/registration.ts';

const echo = fileURLToPath(new URL('../acceptance/apps/echo.mjs', import.meta.url));
const cause = { actor: 'ada', why: 'a visit' };

describe.runIf(requirePart('postgres'))('starting an instance on a host', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  let folder: string;
  let runtime: Containers;
  let activities: ReturnType<typeof createHostActivities>;
  beforeAll(async () => {
    bed = await openTestStore();
    folder = await mkdtemp(join(tmpdir(), 'start-'));
    const log = pino({ level: 'silent' });
    runtime = processContainers({ installation: 'start-test', folder, log });
    activities = createHostActivities({
      store: bed.store,
      metrics: createMetrics(workerMetrics),
      tracing: noTracing,
      host: 'local',
      installation: 'start-test',
      runtimes: { process: runtime },
      secrets: { sealer: null, folder: null, variables: new Map(), maxBytes: 65_536 },
      volumes: volumeFolders({ folder: join(folder, 'volumes') }),
      probe: httpProbe,
    });
  });
  afterAll(async () => {
    for (const { name } of await runtime.list()) await runtime.remove(name);
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A registered app whose generation is placed on this host. */
  async function placed(name: string, spec: AppSpecInput, generation = 1) {
    await bed.store.apps.register(
      registration(name, { spec: { command: [process.execPath, echo], ...spec } }),
    );
    const app = await bed.store.apps.beginLife(name);
    const life = app?.mark.life ?? 0;
    await want(name, life, generation, 'present');
    const condition = {
      wanted: 'awake' as const,
      phase: 'ready' as const,
      generation,
      host: 'local',
      ...cause,
      exit: null,
      restartAtMs: null,
    };
    const input: StartInput = {
      name,
      life,
      revision: 2,
      finish: [],
      generation,
      host: 'local',
      cause,
      condition,
      sleepsInMs: 60_000,
    };
    return input;
  }

  async function want(
    name: string,
    life: number,
    generation: number,
    wanted: 'present' | 'absent',
  ): Promise<void> {
    const instance = instanceName(name, generation);
    await bed.store.apps.advance(
      name,
      { life, revision: wanted === 'present' ? 1 : 90 },
      {
        condition: { wanted: 'awake', phase: 'starting', generation, host: 'local', ...cause },
        intent: { instance, generation, host: 'local', wanted },
      },
    );
  }

  const start = (input: StartInput) =>
    new MockActivityEnvironment().run<[StartInput], StartResult, typeof activities.startInstance>(
      activities.startInstance,
      input,
    );

  it('publishes route, row and event together once it is healthy', async () => {
    const input = await placed('healthy', { health: { path: '/health' } });
    expect(await start(input)).toEqual({ outcome: 'ready' });
    const route = await bed.store.routes.find('healthy');
    expect(route?.condition).toMatchObject({ phase: 'ready', generation: 1 });
    const answer = await fetch(`http://${route?.target?.address}:${route?.target?.port}/health`);
    expect(answer.status).toBe(200);
    const events = await bed.store.events.list({ entity: 'app/healthy', limit: 5 });
    expect(events[0]).toMatchObject({ what: 'ready', actor: 'ada' });
  });

  it('adopts what an earlier try made, as after the death of its worker', async () => {
    const input = await placed('adopted', { health: { path: '/health' } });
    await start(input);
    const before = await runtime.inspect('app-adopted-1');
    expect(await start({ ...input, revision: 3 })).toEqual({ outcome: 'ready' });
    expect((await runtime.inspect('app-adopted-1'))?.startedAtMs).toBe(before?.startedAtMs);
  });

  it('has become ready when an earlier try has published it, also if it ended since: its exit is a crash', async () => {
    const input = await placed('published', { health: { path: '/health' } });
    await start(input);
    const { target } = (await bed.store.routes.find('published')) ?? {};
    await fetch(`http://${target?.address}:${target?.port}/crash?code=42`).catch(() => undefined);
    await eventually(async () =>
      expect((await runtime.inspect('app-published-1'))?.phase).toBe('exited'),
    );
    expect(await start(input)).toEqual({ outcome: 'ready' });
    // It is there for the agent, which tells how it ended.
    expect((await runtime.inspect('app-published-1'))?.exit).toMatchObject({ exitCode: 42 });
  });

  it('answers as before when an earlier try has given up, and makes nothing anew', async () => {
    const input = await placed('given-up', {
      command: [process.execPath, '-e', 'process.exit(4)'],
    });
    const first = await start(input);
    expect(first).toMatchObject({ outcome: 'failed', exit: { exitCode: 4 } });
    expect(await start(input)).toMatchObject({
      outcome: 'failed',
      exit: { exitCode: 4 },
      reason: first.outcome === 'failed' ? first.reason : '',
    });
    expect(await runtime.inspect('app-given-up-1')).toBeNull();
    const events = await bed.store.events.list({ entity: 'app/given-up', limit: 20 });
    expect(events.filter(({ what }) => what === 'start failed')).toHaveLength(1);
  });

  it('removes the instances of earlier generations first', async () => {
    const first = await placed('renewed', { health: { path: '/health' } });
    await start(first);
    await bed.store.apps.advance(
      'renewed',
      { life: first.life, revision: 10 },
      { intent: { instance: 'app-renewed-2', generation: 2, host: 'local', wanted: 'present' } },
    );
    const second = { ...first, generation: 2, revision: 11 };
    await start({ ...second, condition: { ...first.condition, generation: 2 } });
    expect(await runtime.inspect('app-renewed-1')).toBeNull();
    expect((await runtime.inspect('app-renewed-2'))?.phase).toBe('running');
  });

  it('undoes what it made when a stop overtook it', async () => {
    const input = await placed('overtaken', { health: { path: '/health' } });
    await want('overtaken', input.life, 1, 'absent');
    await expect(start(input)).rejects.toThrow(/overtaken by a stop/);
    expect(await runtime.inspect('app-overtaken-1')).toBeNull();
  });

  it.each([
    [
      'quits',
      { command: [process.execPath, '-e', 'process.exit(4)'] },
      /exited with code 4/,
      false,
    ],
    [
      'sickly',
      {
        environment: { HEALTH_STATUS: '503' },
        health: { path: '/health', startDeadlineMs: 1_500 },
      },
      /\/health answered 503/,
      true,
    ],
    ['nowhere', { command: ['/no/such/program'] }, /no\/such\/program/, true],
  ] as const)('leaves nothing of %s, and says why', async (name, spec, reason, permanent) => {
    const input = await placed(name, spec as unknown as AppSpecInput);
    const result = await start(input);
    expect(result).toMatchObject({ outcome: 'failed', permanent });
    expect(result.outcome === 'failed' && result.reason).toMatch(reason);
    expect(await runtime.inspect(`app-${name}-1`)).toBeNull();
    expect(await bed.store.instances.find(`app-${name}-1`)).toBeNull();
    expect((await bed.store.routes.find(name))?.target).toBeNull();
  });

  it('stops by name, once or again, and the row says so', async () => {
    const input = await placed('stopped', { health: { path: '/health' } });
    await start(input);
    const stop: StopInput = {
      ...input,
      revision: 20,
      pause: false,
      graceMs: 1_000,
      condition: { ...input.condition, wanted: 'asleep', phase: 'none', host: null },
    };
    const environment = () => new MockActivityEnvironment();
    await environment().run(activities.stopInstance, stop);
    await environment().run(activities.stopInstance, stop);
    expect(await runtime.inspect('app-stopped-1')).toBeNull();
    expect((await bed.store.apps.find('stopped'))?.condition).toMatchObject({ phase: 'none' });
  });
});
