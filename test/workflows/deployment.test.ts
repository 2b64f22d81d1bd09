import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentStep } from '../../src/activities/deployment-inputs.ts';
import type {
  createDeploymentControl,
  createDeploymentEffects,
} from '../../src/activities/index.ts';
import { hostQueue } from '../../src/model/names.ts';
import {
  deploymentSignal,
  deploymentStart,
  deploymentWorkflowType,
} from '../../src/workflows/messages.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { connectTemporal, type TemporalBed } from '../beds/temporal.ts';
import { saveHistory } from './histories.ts';
import { quiet } from './quiet.ts';

type DeploymentActivities = ReturnType<typeof createDeploymentControl> &
  ReturnType<typeof createDeploymentEffects>;

interface World {
  /** Deployments that are not over, newest last. */
  open: string[];
  ledger: string[];
  /** What the next preparation does; it gives an image that does not serve yet when absent. */
  prepare: (() => Promise<{ serves: boolean }>) | null;
  /** What comes of the app's commands; null when they take too long. */
  outcome: { state: 'succeeded' | 'failed'; detail: string } | null;
  /** The definition changes with the deployment. */
  changes: boolean;
  /** The app was removed while the image was looked for. */
  removed: boolean;
}

const world = (given: Partial<World> = {}): World => ({
  open: ['first'],
  ledger: [],
  prepare: null,
  outcome: { state: 'succeeded', detail: 'ready as generation 1' },
  changes: true,
  removed: false,
  ...given,
});

function activitiesOf(state: World, host: string): DeploymentActivities {
  const say = (line: string) => void state.ledger.push(line);
  return {
    async openDeployment() {
      const operationId = state.open.at(-1);
      return operationId === undefined ? null : { operationId, image: 'lab:latest' };
    },
    placeDeployment: async () => host,
    async prepareImage({ operationId }) {
      say(`prepare ${operationId}`);
      const prepare = state.prepare;
      state.prepare = null;
      return prepare === null ? { serves: false } : prepare();
    },
    async applyDeployment({ serves }) {
      if (state.removed) {
        state.open = [];
        return null;
      }
      const steps: DeploymentStep[] = state.changes
        ? ['replace', 'wake']
        : [serves ? 'wake' : 'restart'];
      return { steps, readyWithinMs: 1000 };
    },
    async commandDeployed({ operationId, step }) {
      say(`${step} ${operationId}`);
      return `${operationId}:${step}`;
    },
    awaitOperation: async () => state.outcome,
    async stopDeployed({ operationId, why }) {
      say(`stop ${operationId}: ${why}`);
    },
    async finishDeployment({ operationId, state: end, detail, failure }) {
      say(`${end} ${operationId}: ${detail}${failure === null ? '' : ` (${failure})`}`);
      state.open = state.open.filter((open) => open !== operationId);
    },
  };
}

Runtime.install({ logger: quiet });

describe.runIf(requirePart('temporal'))('the deployment workflow', () => {
  let bed: TemporalBed;
  let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;
  beforeAll(async () => {
    bed = await connectTemporal();
    workflowBundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url)),
      logger: quiet,
    });
  }, 60_000);
  afterAll(() => bed.close());

  async function play(
    state: World,
    act: (scene: { handle: WorkflowHandle; tell: () => Promise<void> }) => Promise<void>,
  ): Promise<void> {
    const app = `t-${randomUUID().slice(0, 8)}`;
    const taskQueue = `control-of-${app}`;
    const host = `host-of-${app}`;
    const activities = activitiesOf(state, host);
    const shared = {
      connection: bed.nativeConnection,
      namespace: bed.namespace,
      maxHeartbeatThrottleInterval: '50 ms',
    };
    const control = await Worker.create({ ...shared, taskQueue, workflowBundle, activities });
    const effects = await Worker.create({ ...shared, taskQueue: hostQueue(host), activities });
    const start = { ...deploymentStart(app), taskQueue };
    const tell = async () => {
      await bed.client.workflow.signalWithStart(deploymentWorkflowType, {
        ...start,
        signal: deploymentSignal,
        signalArgs: [],
      });
    };
    const handle = bed.client.workflow.getHandle(start.workflowId);
    await control.runUntil(() =>
      effects.runUntil(async () => {
        try {
          await tell();
          await act({ handle, tell });
        } finally {
          await handle.terminate('the test is over').catch(() => undefined);
        }
      }),
    );
  }

  it('gets the image, changes the definition, wakes the app and says so; then it ends', async () => {
    const state = world();
    await play(state, async ({ handle }) => {
      await handle.result();
      expect(state.ledger).toEqual([
        'prepare first',
        'replace first',
        'wake first',
        'succeeded first: ready with lab:latest',
      ]);
      await saveHistory(handle, 'deployed');
    });
  });

  it('restarts nothing that is made of that image already, and what is made of an older one', async () => {
    const same = world({ changes: false, prepare: async () => ({ serves: true }) });
    await play(same, ({ handle }) => handle.result());
    expect(same.ledger).toContain('wake first');
    const moved = world({ changes: false });
    await play(moved, ({ handle }) => handle.result());
    expect(moved.ledger).toContain('restart first');
  });

  it('says why there is no image, and leaves the app as it is', async () => {
    const missing = async () => {
      throw ApplicationFailure.create({
        type: 'image_not_found',
        message: 'cannot get image lab:latest',
        nonRetryable: true,
      });
    };
    const state = world({ prepare: missing });
    await play(state, ({ handle }) => handle.result());
    expect(state.ledger).toEqual([
      'prepare first',
      'failed first: cannot get image lab:latest (image_not_found)',
    ]);
  });

  it('says why the app does not start, and stops one that is not ready in time', async () => {
    const crashing = world({ outcome: { state: 'failed', detail: 'exited with code 3' } });
    await play(crashing, ({ handle }) => handle.result());
    expect(crashing.ledger.at(-1)).toBe('failed first: exited with code 3');
    const slow = world({ outcome: null });
    await play(slow, ({ handle }) => handle.result());
    expect(slow.ledger.slice(-2)).toEqual([
      'stop first: it was not ready within 1000 ms',
      'failed first: it was not ready within 1000 ms (not_ready_in_time)',
    ]);
  });

  it('drops the one under way for a newer one', async () => {
    let reached = () => {};
    const begun = new Promise<void>((resolve) => (reached = resolve));
    const state = world({
      async prepare() {
        reached();
        // Heartbeats bring the cancellation.
        const beat = setInterval(() => Context.current().heartbeat(), 20);
        try {
          await Context.current().cancelled;
        } finally {
          clearInterval(beat);
        }
        throw new CancelledFailure('never reached');
      },
    });
    await play(state, async ({ handle, tell }) => {
      await begun;
      state.open = ['second'];
      await tell();
      await handle.result();
      expect(state.ledger).toEqual([
        'prepare first',
        'prepare second',
        'replace second',
        'wake second',
        'succeeded second: ready with lab:latest',
      ]);
      await saveHistory(handle, 'deployment-overtaken');
    });
  });

  it('ends without a word when its app was removed meanwhile', async () => {
    const state = world({ removed: true });
    await play(state, ({ handle }) => handle.result());
    expect(state.ledger).toEqual(['prepare first']);
  });

  it('takes a deployment that is accepted while the last one ends', async () => {
    const state = world();
    await play(state, async ({ handle, tell }) => {
      await eventually(() => expect(state.ledger).toContain('wake first'));
      state.open.push('second');
      await tell();
      await eventually(() =>
        expect(state.ledger).toContain('succeeded second: ready with lab:latest'),
      );
      await handle.result();
    });
  });
});
