import type { Client } from '@temporalio/client';
import {
  appStart,
  appWorkflowType,
  commandSignal,
  deploymentSignal,
  deploymentStart,
  deploymentWorkflowType,
  jobNewsSignal,
  jobStart,
  jobWorkflowType,
} from './workflows/messages.ts';
import type { Log } from './log.ts';
import type { EntityName } from './model/names.ts';
import type { Operation, Outbox, OutboxEntry } from './store/ports.ts';

/**
 * Delivers an entry as `signalWithStart` to the entity's workflow: one atomic action that makes
 * sure it runs and tells it. Repeats are harmless, the workflow knows operations by their id.
 * Rejects after `deadlineMs`.
 */
export function temporalDelivery(options: {
  client: Client;
  deadlineMs: number;
}): (entry: OutboxEntry) => Promise<void> {
  const { client, deadlineMs } = options;
  return async ({ entity, payload }) => {
    const [kind, name = ''] = entity.split('/', 2);
    await client.withDeadline(Date.now() + deadlineMs, async () => {
      if (payload.command === 'job') {
        await client.workflow.signalWithStart(jobWorkflowType, {
          ...jobStart(name),
          signal: jobNewsSignal,
          signalArgs: [payload.news],
        });
        return;
      }
      const { command, ...rest } = payload;
      if (kind === 'app' && command !== 'deploy') {
        await client.workflow.signalWithStart(appWorkflowType, {
          ...appStart(name),
          signal: commandSignal,
          signalArgs: [{ ...rest, command }],
        });
      } else if (kind === 'deployment') {
        await client.workflow.signalWithStart(deploymentWorkflowType, {
          ...deploymentStart(name),
          signal: deploymentSignal,
          signalArgs: [],
        });
      } else throw new Error(`cannot deliver ${command} to ${entity}: no workflow takes it`);
    });
  };
}

/**
 * Hands what an operation left in the outbox to its workflow at once. What fails stays in the outbox
 * for the API's sweeper; never rejects because of Temporal.
 */
export function deliverNow(options: {
  outbox: Outbox;
  client: Client;
  deadlineMs: number;
  log: Log;
}): (operation: Pick<Operation, 'id'>) => Promise<void> {
  const { outbox, log } = options;
  const deliver = temporalDelivery(options);
  return async ({ id }) => {
    const entry = await outbox.claim(id);
    if (entry === null) return;
    try {
      await deliver(entry);
      await outbox.delivered(entry.id);
    } catch (error) {
      log.warn({ operation: id, err: error }, 'not delivered; the sweeper goes on');
    }
  };
}

/** The same for what is left for an entity that no operation speaks of, as its row came to be. */
export function deliverNews(options: {
  outbox: Outbox;
  client: Client;
  deadlineMs: number;
  log: Log;
}): (entity: EntityName) => Promise<void> {
  const { outbox, log } = options;
  const deliver = temporalDelivery(options);
  return async (entity) => {
    try {
      for (;;) {
        const entry = await outbox.claimNext(entity);
        if (entry === null) return;
        await deliver(entry);
        await outbox.delivered(entry.id);
      }
    } catch (error) {
      log.warn({ entity, err: error }, 'news not delivered; the sweeper goes on');
    }
  };
}
