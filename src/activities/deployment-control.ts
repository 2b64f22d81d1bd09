import { activityInfo, sleep } from '@temporalio/activity';
import { LabError, type FailureType } from '../model/failures.ts';
import type { Operation } from '../store/ports.ts';
import { chooseHost } from './choose-host.ts';
import type { AppliedDeployment, DeploymentStep, OpenDeployment } from './deployment-inputs.ts';
import { withNamedFailures } from './named-failure.ts';
import type { ControlPorts } from './ports.ts';

/** Operations are looked at this often while somebody waits for their end. */
const lookEveryMs = { least: 20, share: 0.02, most: 500 } as const;

/** Effects of deployments on rows: the control queue. All may be repeated. */
export function createDeploymentControl(
  ports: Pick<ControlPorts, 'store'> & {
    /** Hands a command to its workflow soon; what fails is left to the sweeper. */
    deliver: (operation: Operation) => Promise<void>;
  },
) {
  const { store, deliver } = ports;
  return {
    /** The one to be carried out now; null when none is open. */
    async openDeployment(input: { app: string }): Promise<OpenDeployment | null> {
      const open = await store.deployments.findOpen(input.app);
      if (open === null) return null;
      return { operationId: open.operation.id, image: open.plan.image };
    },

    /** The host of the running instance, else one that would be chosen. Fails when there is none. */
    async placeDeployment(input: { app: string }): Promise<string> {
      return withNamedFailures(async () => {
        const [app, hosts] = await Promise.all([store.apps.find(input.app), store.hosts.list()]);
        if (app === null) throw new LabError('not_found', `app ${input.app} was removed`);
        const names = app.spec.volumes.map(({ volume }) => volume);
        const volumes = names.length === 0 ? [] : await store.volumes.findAll(names);
        const choice = chooseHost(hosts, app.spec, { frozenOn: app.condition.host, volumes });
        if (choice.outcome === 'away') throw new LabError('host_unreachable', choice.reason);
        if (choice.outcome === 'placed') return choice.host;
        throw new LabError('no_capacity', choice.reason);
      });
    },

    /** Null when it is over already, or its app goes. */
    async applyDeployment(input: {
      operationId: string;
      serves: boolean;
    }): Promise<AppliedDeployment | null> {
      return withNamedFailures(async () => {
        const { operationId, serves } = input;
        const applied = await store.deployments.apply(operationId);
        const deployment = await store.deployments.find(operationId);
        if (applied === null || deployment === null) return null;
        const { operation } = applied;
        if (operation !== null) await deliver(operation);
        // A changed definition brings its new instance itself; another image under the same tag does not.
        const steps: DeploymentStep[] =
          operation === null ? [serves ? 'wake' : 'restart'] : ['replace', 'wake'];
        return { steps, readyWithinMs: deployment.plan.readyWithinMs };
      });
    },

    /** The operation whose end the step waits for. */
    async commandDeployed(input: {
      app: string;
      operationId: string;
      step: DeploymentStep;
    }): Promise<string> {
      return withNamedFailures(async () => {
        const { app, operationId, step } = input;
        if (step === 'replace') return `${operationId}:definition`;
        return command(app, step, operationId);
      });
    },

    /** Null when it is not over `withinMs` after this was first asked. */
    async awaitOperation(input: {
      operationId: string;
      withinMs: number;
    }): Promise<{ state: 'succeeded' | 'failed'; detail: string } | null> {
      const beganMs = activityInfo().scheduledTimestampMs;
      for (;;) {
        const found = await store.operations.find(input.operationId);
        if (found === null) return { state: 'failed', detail: 'its command is forgotten' };
        const { state, detail } = found;
        if (state !== 'accepted') return { state, detail: detail ?? state };
        const passedMs = Date.now() - beganMs;
        if (passedMs > input.withinMs) return null;
        const { least, share, most } = lookEveryMs;
        await sleep(Math.min(Math.max(passedMs * share, least), most));
      }
    },

    /** What is not ready in time shall not come up later, when nobody counts on it any more. */
    async stopDeployed(input: { app: string; operationId: string; why: string }): Promise<void> {
      return withNamedFailures(async () => {
        await command(input.app, 'sleep', input.operationId, input.why);
      });
    },

    async finishDeployment(input: {
      operationId: string;
      state: 'succeeded' | 'failed';
      detail: string;
      failure: FailureType | null;
    }): Promise<void> {
      const { operationId, ...end } = input;
      await store.deployments.finish(operationId, end);
    },
  };

  /** Its id is made from the deployment's, so that a repeat does it once. */
  async function command(
    app: string,
    verb: 'wake' | 'restart' | 'sleep',
    deployment: string,
    why?: string,
  ): Promise<string> {
    const asked = (await store.deployments.find(deployment))?.operation;
    const operation = await store.apps.command({
      name: app,
      verb,
      cause: { actor: asked?.actor ?? 'labkeeper', why: why ?? asked?.why ?? 'deployed' },
      operationId: `${deployment}:${verb}`,
    });
    await deliver(operation);
    return operation.id;
  }
}
