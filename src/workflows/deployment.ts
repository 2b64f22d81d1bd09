import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { OpenDeployment } from '../activities/deployment-inputs.ts';
import type { FailureType } from '../model/failures.ts';
import { reasonOf } from './failures.ts';
import { deploymentSignal, type DeploymentWorkflowInput } from './messages.ts';
import { polling, preparing, quick } from './options.ts';

const control = proxyActivities<Activities>(quick);
const patient = proxyActivities<Activities>(polling);

/**
 * Brings what was asked for to an app's visitors, one deployment after the other, until none is open:
 * id `deployment/<app>`. A newer one, or a removal, ends the one under way; what the app itself does
 * is decided by its own workflow.
 */
export async function deployment({ app }: DeploymentWorkflowInput): Promise<void> {
  let news = 0;
  setHandler(
    deploymentSignal,
    () => {
      news += 1;
    },
    { description: 'A deployment was accepted, overtaken or canceled' },
  );
  for (;;) {
    const seen = news;
    const next = await control.openDeployment.executeWithOptions(
      { summary: `look what to deploy as ${app}` },
      [{ app }],
    );
    if (next === null) {
      if (news === seen) return;
      continue;
    }
    await deployUnlessOvertaken(app, next, () => news);
  }
}

async function deployUnlessOvertaken(
  app: string,
  open: OpenDeployment,
  news: () => number,
): Promise<void> {
  const scope = new CancellationScope();
  let over = false;
  const work = scope.run(() => deploy(app, open));
  const end = () => {
    over = true;
  };
  work.then(end, end);
  for (let seen = news(); !over; seen = news()) {
    await condition(() => over || news() !== seen);
    if (over) break;
    const now = await control.openDeployment.executeWithOptions({ summary: 'look again' }, [
      { app },
    ]);
    if (now?.operationId !== open.operationId) scope.cancel();
  }
  try {
    await work;
  } catch (error) {
    if (!isCancellation(error)) throw error;
    log.info('overtaken', { app });
  }
}

/** Image, definition, wake, ready: each step an activity, the end a row that the caller waits for. */
async function deploy(app: string, { operationId, image }: OpenDeployment): Promise<void> {
  const fail = (failure: FailureType | null, detail: string) =>
    control.finishDeployment.executeWithOptions({ summary: 'say that it failed' }, [
      { operationId, state: 'failed', failure, detail },
    ]);
  try {
    setCurrentDetails(`Looking for the image ${image} of ${app}.`);
    const host = await control.placeDeployment.executeWithOptions(
      { summary: `find a host for ${image}` },
      [{ app }],
    );
    const prepared = await proxyActivities<Activities>(
      preparing(host),
    ).prepareImage.executeWithOptions({ summary: `get ${image}` }, [{ app, operationId }]);
    setCurrentDetails(`Changing ${app} to ${image}.`);
    const applied = await control.applyDeployment.executeWithOptions(
      { summary: 'change the definition' },
      [{ operationId, serves: prepared.serves }],
    );
    // A removal, or a newer deployment, which has ended this one in its row.
    if (applied === null) return;
    for (const step of applied.steps) {
      setCurrentDetails(`Waiting until ${app} is ready with ${image}.`);
      const accepted = await control.commandDeployed.executeWithOptions(
        { summary: `${step} ${app}` },
        [{ app, operationId, step }],
      );
      const ended = await patient.awaitOperation.executeWithOptions(
        { summary: `wait until it is ready` },
        [{ operationId: accepted, withinMs: applied.readyWithinMs }],
      );
      if (ended === null) {
        const detail = `it was not ready within ${applied.readyWithinMs} ms`;
        await control.stopDeployed.executeWithOptions({ summary: `stop ${app}` }, [
          { app, operationId, why: detail },
        ]);
        await fail('not_ready_in_time', detail);
        return;
      }
      if (ended.state === 'failed') {
        await fail(null, ended.detail);
        return;
      }
    }
    await control.finishDeployment.executeWithOptions({ summary: 'say that it is ready' }, [
      { operationId, state: 'succeeded', failure: null, detail: `ready with ${image}` },
    ]);
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    const { cause } = error;
    const type = cause instanceof ApplicationFailure ? cause.type : null;
    await fail((type ?? null) as FailureType | null, reasonOf(error));
  }
}
