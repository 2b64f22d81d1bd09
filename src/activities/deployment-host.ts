import { activityInfo, cancellationSignal, sleep } from '@temporalio/activity';
import { appEntity, instanceName } from '../model/names.ts';
import { isLabError, LabError } from '../model/failures.ts';
import type { App } from '../store/ports.ts';
import { appSecrets } from './app-secrets.ts';
import { withNamedFailures } from './named-failure.ts';
import type { HostPorts } from './ports.ts';

/** Effects of deployments on one host: queue `host/<name>`. */
export function createDeploymentEffects(ports: HostPorts) {
  const { store, host } = ports;
  const secrets = appSecrets(ports);
  return {
    /**
     * Gets the image as its registry has it now, looking again for one that is not there yet as long
     * as the plan says, and removes what an earlier system left. Tells whether the running instance
     * is made of that image already. Idempotent.
     */
    async prepareImage(input: { app: string; operationId: string }): Promise<{ serves: boolean }> {
      return withNamedFailures(() => prepare(input));
    },
  };

  async function prepare(input: {
    app: string;
    operationId: string;
  }): Promise<{ serves: boolean }> {
    const runtime = ports.runtimes.docker;
    if (!runtime) {
      throw new LabError('start_refused', `cannot get images on host ${host}: it has no Docker`);
    }
    const [app, deployment] = await Promise.all([
      store.apps.find(input.app),
      store.deployments.find(input.operationId),
    ]);
    if (app === null || deployment === null) {
      throw new LabError('not_found', `cannot go on with app ${input.app}: it was removed`);
    }
    const { plan } = deployment;
    const deadlineMs = activityInfo().scheduledTimestampMs + plan.imageWaitMs;
    const registryCredentials = () => secrets.registryCredentials(app);
    let imageId: string;
    for (let told = false; ; told = true) {
      try {
        const signal = cancellationSignal();
        ({ imageId } = await runtime.prepareImage(plan.image, { signal, registryCredentials }));
        break;
      } catch (error) {
        const mayCome = isLabError(error) && comesLate.has(error.type);
        const leftMs = deadlineMs - Date.now();
        if (!mayCome || leftMs <= 0) throw error;
        if (!told) await tellWaiting(app, plan.image, error.message);
        await sleep(Math.min(leftMs, plan.imageLookEveryMs));
      }
    }
    if (plan.leftover !== null) await clearLeftover(app, plan.leftover, plan.image);
    const running = await runtime.inspect(instanceName(app.name, app.condition.generation));
    return { serves: running?.phase === 'running' && running.imageId === imageId };
  }

  async function tellWaiting(app: App, image: string, why: string): Promise<void> {
    await store.events.append(appEntity(app.name), {
      actor: 'labkeeper',
      what: 'waiting for image',
      why,
      data: { image, host },
    });
  }

  async function clearLeftover(app: App, name: string, image: string): Promise<void> {
    if (!(await ports.runtimes.docker?.removeLeftover(name, image))) return;
    await store.events.append(appEntity(app.name), {
      actor: 'labkeeper',
      what: 'leftover removed',
      why: `the container ${name} of an earlier system made room`,
      data: { container: name, host },
    });
  }
}

/** A registry may not have it yet, and some say that they refuse it when they do not have it. */
const comesLate = new Set(['image_not_found', 'registry_refused']);
