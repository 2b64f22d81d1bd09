import { appSpecSchema } from '../../../model/app-spec.ts';
import type { DeploymentStore } from '../../deployment-ports.ts';
import { isBeingRemoved, lockApp, registerIn, type RegistrationLimits } from '../apps/register.ts';
import type { Database } from '../database.ts';
import { findOperation } from '../operations/find.ts';
import { findDeployment } from './find.ts';

export async function applyDeployment(
  database: Database,
  operationId: string,
  limits: RegistrationLimits,
): ReturnType<DeploymentStore['apply']> {
  return database.transaction(`apply deployment ${operationId}`, async (query) => {
    const planned = await findDeployment(query, operationId);
    if (planned === null) return null;
    const { plan } = planned;
    const app = await lockApp(query, planned.app);
    if (app === null) return null;
    // Looked at again under the lock: a newer one or a removal may have come in between.
    const current = await findDeployment(query, operationId);
    if (current?.operation.state !== 'accepted') return null;
    if (app.condition.wanted === 'gone' || (await isBeingRemoved(query, app.name))) return null;
    const changeId = `${operationId}:definition`;
    const earlier = await findOperation(query, changeId);
    if (earlier !== null) return { app, operation: earlier };
    const registered = await registerIn(
      query,
      {
        name: app.name,
        space: app.space,
        owner: app.owner,
        spec: appSpecSchema.parse({ ...app.spec, ...plan.changes }),
        actor: planned.operation.actor,
        operationId: changeId,
      },
      limits,
    );
    if (plan.foreign !== null) {
      await query(
        'write what the family shows',
        'UPDATE foreign_ids SET record = $3 WHERE app = $1 AND family = $2',
        [app.name, plan.foreign.family, JSON.stringify(plan.foreign.record)],
      );
    }
    return { app: registered.app, operation: registered.operation };
  });
}
