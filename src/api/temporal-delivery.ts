import type { Client } from '@temporalio/client';
import type { EntityName } from '../model/names.ts';
import {
  appStart,
  appWorkflowType,
  commandSignal,
  type AppCommand,
} from '../workflows/messages.ts';
import type { Deliver } from './dependencies.ts';

/**
 * Delivers an entry as `signalWithStart` to the entity's workflow: one atomic action that makes
 * sure it runs and tells it. Repeats are harmless, the workflow knows operations by their id.
 * Rejects after `deadlineMs`.
 */
export function temporalDelivery(options: { client: Client; deadlineMs: number }): Deliver {
  const { client, deadlineMs } = options;
  return async ({ entity, payload }) => {
    const name = appNameOf(entity);
    const command: AppCommand = payload;
    await client.withDeadline(Date.now() + deadlineMs, () =>
      client.workflow.signalWithStart(appWorkflowType, {
        ...appStart(name),
        signal: commandSignal,
        signalArgs: [command],
      }),
    );
  };
}

function appNameOf(entity: EntityName): string {
  const [kind, name] = entity.split('/', 2);
  if (kind !== 'app' || name === undefined) {
    throw new Error(`cannot deliver to ${entity}: there is no workflow for this kind`);
  }
  return name;
}
