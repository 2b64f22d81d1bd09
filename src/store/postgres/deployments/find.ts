import type { FailureType } from '../../../model/failures.ts';
import type { DeploymentPlan } from '../../../model/deployment.ts';
import { deploymentEntity } from '../../../model/names.ts';
import type { Deployment } from '../../deployment-ports.ts';
import type { Database, Query } from '../database.ts';
import { operationColumns, toOperation, type OperationRow } from '../operations/find.ts';

export interface DeploymentRow extends OperationRow {
  app: string;
  plan: DeploymentPlan;
  failure: FailureType | null;
}

export const deploymentColumns = `deployments.app, deployments.plan, deployments.failure,
  ${operationColumns}`;

export const deploymentTables = `deployments
  JOIN operations ON operations.id = deployments.operation_id`;

export async function findDeployment(
  query: Query,
  operationId: string,
): Promise<Deployment | null> {
  const [row] = await query<DeploymentRow>(
    `find deployment ${operationId}`,
    `SELECT ${deploymentColumns} FROM ${deploymentTables} WHERE operation_id = $1`,
    [operationId],
  );
  return row === undefined ? null : toDeployment(row);
}

export async function findOpenDeployment(query: Query, app: string): Promise<Deployment | null> {
  const [row] = await query<DeploymentRow>(
    `find the open deployment of app/${app}`,
    `SELECT ${deploymentColumns} FROM ${deploymentTables}
     WHERE entity = $1 AND state = 'accepted' ORDER BY place DESC LIMIT 1`,
    [deploymentEntity(app)],
  );
  return row === undefined ? null : toDeployment(row);
}

export async function listOpenDeployments(database: Database): Promise<string[]> {
  const rows = await database.query<{ app: string }>(
    'list open deployments',
    `SELECT DISTINCT app FROM ${deploymentTables} WHERE state = 'accepted' ORDER BY app`,
  );
  return rows.map(({ app }) => app);
}

export function toDeployment(row: DeploymentRow): Deployment {
  const { app, plan, failure } = row;
  return { app, plan, failure, operation: toOperation(row) };
}
