import { expect } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import type { JobNews } from '../../src/model/job-state.ts';
import { hostQueue } from '../../src/model/names.ts';
import {
  instanceExitedSignal,
  jobNewsSignal,
  jobStart,
  jobWorkflowType,
} from '../../src/workflows/messages.ts';
import { eventually } from '../beds/eventually.ts';
import type { JobWorld } from './job-world.ts';
import { useWorkshop } from './stage.ts';

/** The workflow of one job among activities of a world, on the run's real Temporal server. */
export interface JobScene {
  world: JobWorld;
  handle: WorkflowHandle;
  /** Delivers news as the outbox does: starts the workflow where none is open. */
  tell(news: JobNews | null): Promise<void>;
  /** An operator ends the workflow; what it was told is lost. */
  terminate(): Promise<void>;
  /** The instance ends, and its host says so. */
  exits(attempt: number, exitCode: number): Promise<void>;
  /** A host says that an instance is over, whatever is true. */
  sayExited(attempt: number): Promise<void>;
  state(expected: string): Promise<void>;
}

export function useJobStage() {
  const { bed, withWorkers } = useWorkshop();
  /** Runs `play` with workers of its own; whatever broke a promise fails it. */
  return async (world: JobWorld, play: (scene: JobScene) => Promise<void>): Promise<void> => {
    const { client } = bed();
    const id = world.host;
    const taskQueue = `control-of-${id}`;
    const handle = client.workflow.getHandle(jobStart(id).workflowId);
    const sayExited = (attempt: number) =>
      handle.signal(instanceExitedSignal, {
        generation: attempt,
        exit: { exitCode: null, signal: null, outOfMemory: false },
      });
    const scene: JobScene = {
      world,
      handle,
      async tell(news) {
        if (news === null) return;
        await client.workflow.signalWithStart(jobWorkflowType, {
          ...{ ...jobStart(id), taskQueue },
          signal: jobNewsSignal,
          signalArgs: [news],
        });
      },
      async terminate() {
        await handle.terminate('by an operator');
      },
      async exits(attempt, exitCode) {
        world.instances.set(attempt, { exitCode, signal: null, outOfMemory: false });
        await sayExited(attempt);
      },
      sayExited,
      state: (expected) =>
        eventually(() => expect(world.row.state).toBe(expected), { deadlineMs: 20_000 }),
    };
    const queues = { control: taskQueue, host: hostQueue(world.host) };
    await withWorkers(queues, world.activities, async () => {
      try {
        await play(scene);
      } finally {
        world.isOver.letGo();
        await handle.terminate('the test is over').catch(() => undefined);
      }
    });
    expect(world.broken).toEqual([]);
  };
}
