import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AgentPorts } from '../../src/agent/ports.ts';
import { createReconciler } from '../../src/agent/reconcile.ts';
import { appSpecSchema } from '../../src/model/app-spec.ts';
import { memoryRing } from '../../src/model/memory-ring.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { workerMetrics } from '../../src/metrics/worker-metrics.ts';
import { labels } from '../../src/model/instance-labels.ts';
import type { Containers } from '../../src/runtime/containers.ts';
import { processContainers } from '../../src/runtime/process/index.ts';
import { jobFolders } from '../../src/runtime/job-folders/index.ts';
import { sharedJobFolders } from '../../src/runtime/shared-job-folders/index.ts';
import { volumeFolders } from '../../src/runtime/volume-folders/index.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { readyChange, startedApp } from '../store/registration.ts';

const spec = appSpecSchema.parse({ command: ['sleep', '600'] });

describe.runIf(requirePart('postgres'))('the reconciler of a host', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  let folder: string;
  let runtime: Containers;
  const told: { entity: string; generation: number }[] = [];
  beforeAll(async () => {
    bed = await openTestStore();
    folder = await mkdtemp(join(tmpdir(), 'reconcile-'));
    runtime = processContainers({
      installation: 'reconcile-test',
      folder,
      log: pino({ level: 'silent' }),
    });
  });
  afterEach(async () => {
    for (const { name } of await runtime.list()) await runtime.remove(name);
    told.length = 0;
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  function reconciler(changes: Partial<AgentPorts> = {}) {
    return createReconciler({
      host: 'local',
      store: bed.store,
      runtimes: { process: runtime },
      missingRuntimes: {},
      runtimeNotes: {},
      tellExited: async (entity, { generation }) => {
        told.push({ entity, generation });
      },
      facts: async () => {
        throw new Error('a reconciler asks for no facts');
      },
      volumes: {
        folders: volumeFolders({ folder: join(folder, 'volumes') }),
        lookEveryMs: 60_000,
        measureEveryMs: 60_000,
      },
      jobs: {
        folders: jobFolders({ folder: join(folder, 'jobs'), installation: 'test' }),
        shared: sharedJobFolders({
          root: join(folder, 'shared'),
          inContainer: '/data',
          configOf: async () => null,
        }),
        progressEveryMs: 60_000,
        tidyEveryMs: 60_000,
        keepFiles: { succeededMs: 60_000, otherMs: 60_000 },
        measureEveryMs: 60_000,
        tell: async () => undefined,
        giveOut: async () => undefined,
        tellNews: async () => undefined,
        lookEveryMs: 60_000,
      },
      heartbeatIntervalMs: 60_000,
      reconcileIntervalMs: 60_000,
      memory: memoryRing(60_000, 10),
      metrics: createMetrics(workerMetrics),
      log: pino({ level: 'silent' }),
      ...changes,
    });
  }

  async function run(name: string, more: Record<string, string> = {}, command = spec.command) {
    const [, app = '', generation = ''] = /^app-(.+)-(\d+)$/.exec(name) ?? [];
    return runtime.ensure({
      name,
      labels: {
        [labels.installation]: 'reconcile-test',
        [labels.entity]: `app/${app}`,
        [labels.generation]: generation,
        ...more,
      },
      ...(command ? { command } : {}),
      basePath: '',
      environment: () => ({}),
      limits: spec.limits,
      log: spec.log,
    });
  }

  it('removes what nobody wants, but never at the first look', async () => {
    await run('app-orphan-1');
    const { now } = reconciler();
    await now();
    expect(await runtime.inspect('app-orphan-1')).toMatchObject({ phase: 'running' });
    await now();
    expect(await runtime.inspect('app-orphan-1')).toBeNull();
  });

  it('leaves alone what carries the protect label', async () => {
    await run('app-kept-1', { [labels.protect]: 'true' });
    const { now } = reconciler();
    await now();
    await now();
    expect(await runtime.inspect('app-kept-1')).toMatchObject({ phase: 'running' });
  });

  it('leaves alone what is wanted', async () => {
    const { name, mark } = await startedApp(bed.store);
    await bed.store.apps.advance(name, mark(), readyChange(name, 1));
    await run(`app-${name}-1`);
    const { now } = reconciler();
    await now();
    await now();
    expect(await runtime.inspect(`app-${name}-1`)).toMatchObject({ phase: 'running' });
    expect(told).toEqual([]);
  });

  it('tells the owner of a wanted instance that has exited', async () => {
    const { name, mark } = await startedApp(bed.store);
    await bed.store.apps.advance(name, mark(), readyChange(name, 1));
    await run(`app-${name}-1`, {}, ['true']);
    await eventually(async () =>
      expect(await runtime.inspect(`app-${name}-1`)).toMatchObject({ phase: 'exited' }),
    );
    await reconciler().now();
    await eventually(() => expect(told).toEqual([{ entity: `app/${name}`, generation: 1 }]));
  });

  it('tells the owner of a ready instance that is not there at two looks', async () => {
    const { name, mark } = await startedApp(bed.store);
    await bed.store.apps.advance(name, mark(), readyChange(name, 1));
    const { now } = reconciler();
    await now();
    expect(told.filter(({ entity }) => entity === `app/${name}`)).toEqual([]);
    await now();
    expect(told).toContainEqual({ entity: `app/${name}`, generation: 1 });
  });

  it('decides nothing when a runtime cannot be listed', async () => {
    const { name, mark } = await startedApp(bed.store);
    await bed.store.apps.advance(name, mark(), readyChange(name, 1));
    const broken: Containers = {
      ...runtime,
      list: () => Promise.reject(new Error('the engine does not answer')),
    };
    const { now } = reconciler({ runtimes: { process: broken } });
    await now();
    await now();
    expect(told).toEqual([]);
  });
});
