import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import {
  bundleWorkflowCode,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { Command } from '../../src/model/app-state.ts';
import { hostQueue } from '../../src/model/names.ts';
import {
  appStart,
  appWorkflowType,
  commandSignal,
  instanceExitedSignal,
} from '../../src/workflows/messages.ts';
import { eventually } from '../beds/eventually.ts';
import { connectTemporal, type TemporalBed } from '../beds/temporal.ts';
import { quiet } from './quiet.ts';
import { hostOf, type World } from './world.ts';

/** One app's workflow among activities of a world, on the run's real Temporal server. */
export interface Scene {
  world: World;
  handle: WorkflowHandle;
  /** The app's name, of no other scene. */
  name: string;
  /** `byOthers`: started, if it is, as an older version or another client does. */
  say(
    command: Command,
    options?: { needsNewInstance?: boolean; id?: string; byOthers?: boolean },
  ): Promise<string>;
  exited(generation: number): Promise<void>;
}

export interface Stage {
  /** Runs `play` with workers of its own; the workflow is gone afterwards. */
  play(world: World, play: (scene: Scene) => Promise<void>): Promise<void>;
  bed(): TemporalBed;
}

const person = { actor: 'ada', why: 'a visit' };
const crash = { exitCode: 3, signal: null, outOfMemory: false };

/** The run's Temporal server, and workers for a test's own queues. */
export interface Workshop {
  bed(): TemporalBed;
  /** Runs `act` with a worker for workflows and one for a host, both of `activities`. */
  withWorkers(
    queues: { control: string; host: string },
    activities: object,
    act: () => Promise<void>,
  ): Promise<void>;
}

/** Opened before and closed after the tests of the suite that calls it. */
export function useWorkshop(): Workshop {
  Runtime.install({ logger: quiet });
  let bed: TemporalBed;
  let workflowBundle: WorkflowBundleWithSourceMap;
  beforeAll(async () => {
    bed = await connectTemporal();
    workflowBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url)),
      logger: quiet,
    });
  }, 60_000);
  afterAll(async () => {
    await bed.close();
  });

  return {
    bed: () => bed,
    async withWorkers(queues, activities, act) {
      const shared = {
        connection: bed.nativeConnection,
        namespace: bed.namespace,
        activities,
        maxHeartbeatThrottleInterval: '50 ms',
      };
      const control = await Worker.create({ ...shared, taskQueue: queues.control, workflowBundle });
      const host = await Worker.create({ ...shared, taskQueue: queues.host });
      await control.runUntil(() => host.runUntil(act));
    },
  };
}

/** Opened before and closed after the tests of the suite that calls it. */
export function useStage(): Stage {
  const { bed, withWorkers } = useWorkshop();
  return {
    bed,
    async play(world, play) {
      const name = `t-${randomUUID().slice(0, 8)}`;
      const { client } = bed();
      const taskQueue = `control-of-${name}`;
      const start = appStart(name);
      const handle = client.workflow.getHandle(start.workflowId);
      const say: Scene['say'] = async (command, options = {}) => {
        const { id: operationId = randomUUID(), needsNewInstance = false } = options;
        const { typedSearchAttributes, ...bare } = start;
        await client.workflow.signalWithStart(appWorkflowType, {
          ...bare,
          ...(options.byOthers ? {} : { typedSearchAttributes }),
          taskQueue,
          signal: commandSignal,
          signalArgs: [{ operationId, command, cause: person, needsNewInstance }],
        });
        return operationId;
      };
      const exited = (generation: number) =>
        handle.signal(instanceExitedSignal, { generation, exit: crash });
      const queues = { control: taskQueue, host: hostQueue(hostOf(name)) };
      await withWorkers(queues, world.activities, async () => {
        try {
          await play({ world, handle, name, say, exited });
        } finally {
          await handle.terminate('the test is over').catch(() => undefined);
        }
      });
    },
  };
}

/** Waits until the row has a phase. */
export const phase = (world: World, expected: string): Promise<void> =>
  eventually(() => expect(world.row?.phase).toBe(expected), { deadlineMs: 20_000 });

/** Waits for the end of an operation, and gives it. */
export const finished = (world: World, id: string): Promise<{ state: string; detail: string }> =>
  eventually(
    () => {
      const end = world.finished.get(id);
      if (!end) throw new Error(`operation ${id} is not over`);
      return end;
    },
    { deadlineMs: 20_000 },
  );
