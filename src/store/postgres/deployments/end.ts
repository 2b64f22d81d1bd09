import type { Cause } from '../../../model/app-state.ts';
import { appEntity, deploymentEntity } from '../../../model/names.ts';
import type { DeploymentStore } from '../../deployment-ports.ts';
import type { Operation } from '../../ports.ts';
import type { Database } from '../database.ts';
import { deploymentNews } from './accept.ts';
import { insertEvent } from '../events/append.ts';
import { operationColumns, toOperation, type OperationRow } from '../operations/find.ts';

export async function finishDeployment(
  database: Database,
  operationId: string,
  end: Parameters<DeploymentStore['finish']>[1],
): Promise<void> {
  await database.transaction(`finish deployment ${operationId}`, async (query) => {
    const [over] = await query<{ app: string; actor: string }>(
      'finish',
      `WITH over AS (
         UPDATE operations SET state = $2, detail = $3, finished_at = now()
         WHERE id = $1 AND state = 'accepted' RETURNING id, actor
       )
       UPDATE deployments SET failure = $4 FROM over WHERE operation_id = over.id
       RETURNING app, over.actor`,
      [operationId, end.state, end.detail, end.failure],
    );
    if (over === undefined) return;
    await insertEvent(query, appEntity(over.app), {
      actor: over.actor,
      what: end.state === 'succeeded' ? 'deployed' : 'deployment failed',
      why: end.detail,
      data: { operation: operationId, ...(end.failure ? { failure: end.failure } : {}) },
    });
  });
}

/** The entry in the outbox may have been delivered: a new one for the same operation takes its place. */
export async function cancelDeployment(
  database: Database,
  app: string,
  cause: Cause,
): Promise<Operation | null> {
  const [row] = await database.query<OperationRow>(
    `cancel the deployment of app/${app}`,
    `WITH over AS (
       UPDATE operations SET state = 'failed', finished_at = now(), detail = 'canceled: ' || $2
       WHERE entity = $1 AND state = 'accepted' RETURNING ${operationColumns}
     ), entry AS (
       INSERT INTO outbox (entity, operation_id, payload)
       SELECT entity, id, $3::jsonb || jsonb_build_object('operationId', id) FROM over
       ON CONFLICT (operation_id) DO NOTHING
     )
     SELECT ${operationColumns} FROM over`,
    [
      deploymentEntity(app),
      `${cause.why} by ${cause.actor}`,
      JSON.stringify(deploymentNews('', cause)),
    ],
  );
  return row === undefined ? null : toOperation(row);
}
