import { appSpecSchema, type AppSpec } from '../../../model/app-spec.ts';
import type { Cause } from '../../../model/app-state.ts';
import { canonicalJson } from '../../../model/canonical-json.ts';
import { LabError } from '../../../model/failures.ts';
import { appEntity, deploymentEntity } from '../../../model/names.ts';
import type { DeploymentStore } from '../../deployment-ports.ts';
import type { App, Operation, OutboxEntry } from '../../ports.ts';
import { isBeingRemoved, lockApp, registerIn, type RegistrationLimits } from '../apps/register.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { operationColumns, toOperation, type OperationRow } from '../operations/find.ts';
import { findDeployment, findOpenDeployment } from './find.ts';

type Acceptance = Parameters<DeploymentStore['accept']>[0];
type Accepted = Awaited<ReturnType<DeploymentStore['accept']>>;

/** Deployments are rare and their acceptance is short, so they queue: ids, names and ports are unique. */
const deploymentsLockKey = 7_106_135;

export async function acceptDeployment(
  database: Database,
  input: Acceptance,
  limits: RegistrationLimits,
): Promise<Accepted> {
  const { externalId, family } = input.foreign;
  return database.transaction(`deploy ${family} ${externalId}`, async (query) => {
    await query('wait for others', 'SELECT pg_advisory_xact_lock($1)', [deploymentsLockKey]);
    const known = await findApp(query, input);
    if (known !== null) {
      const open = await findOpenDeployment(query, known);
      if (open !== null && canonicalJson(open.plan) === canonicalJson(input.plan)) {
        return { deployment: open, joined: true, operations: [open.operation] };
      }
    }
    await refuseTakenPort(query, known, input);
    const { name, operation: registration } = await ensureApp(query, input, known, limits);
    await overtake(query, name, input);
    const operation = await insert(query, name, input);
    const deployment = await findDeployment(query, operation.id);
    if (deployment === null) throw new Error(`deployment ${operation.id} vanished`);
    const operations = registration === null ? [operation] : [registration, operation];
    return { deployment, joined: false, operations };
  });
}

async function findApp(query: Query, { foreign }: Acceptance): Promise<string | null> {
  const [row] = await query<{ app: string }>(
    'find the app',
    'SELECT app FROM foreign_ids WHERE family = $1 AND external_id = $2',
    [foreign.family, foreign.externalId],
  );
  return row?.app ?? null;
}

async function refuseTakenPort(query: Query, app: string | null, input: Acceptance): Promise<void> {
  const { hostPort } = input.plan.changes;
  if (hostPort === undefined) return;
  const [taken] = await query<{ name: string }>(
    'look for others with this port',
    `SELECT COALESCE(external_id, holders.app) AS name FROM (
       SELECT name AS app FROM apps WHERE (spec ->> 'hostPort')::integer = $1
       UNION SELECT deployments.app FROM deployments
         JOIN operations ON operations.id = operation_id AND state = 'accepted'
         WHERE (plan -> 'changes' ->> 'hostPort')::integer = $1
     ) AS holders LEFT JOIN foreign_ids ON foreign_ids.app = holders.app AND family = $3
     WHERE holders.app IS DISTINCT FROM $2 ORDER BY 1 LIMIT 1`,
    [hostPort, app, input.foreign.family],
  );
  if (taken === undefined) return;
  throw new LabError('conflict', `port ${hostPort} of the host is used by ${taken.name}`, {
    details: { port: hostPort, takenBy: taken.name },
  });
}

/** The app behind the id: there already, brought back from its removal, or new. */
async function ensureApp(
  query: Query,
  input: Acceptance,
  known: string | null,
  limits: RegistrationLimits,
): Promise<{ name: string; operation: Operation | null }> {
  const { cause, operationId, owner, space, foreign, plan } = input;
  const register = async (name: string, to: Pick<App, 'space' | 'owner'>, spec: AppSpec) => {
    const given = { name, ...to, spec, actor: cause.actor, operationId: `${operationId}:app` };
    return (await registerIn(query, given, limits)).operation;
  };
  if (known !== null) {
    const app = await lockApp(query, known);
    if (app === null) throw new Error(`app/${known} vanished under its lock`);
    const goes = app.condition.wanted === 'gone' || (await isBeingRemoved(query, known));
    if (!goes) return { name: known, operation: null };
    const spec = appSpecSchema.parse({ ...app.spec, ...plan.changes });
    return { name: known, operation: await register(known, app, spec) };
  }
  const name = await firstFree(query, foreign.names);
  const operation = await register(name, { space, owner }, input.initial);
  await query(
    'write the id',
    `INSERT INTO foreign_ids (family, external_id, app, record) VALUES ($1, $2, $3, $4)`,
    [foreign.family, foreign.externalId, name, JSON.stringify(plan.foreign?.record ?? {})],
  );
  return { name, operation };
}

async function firstFree(query: Query, names: readonly string[]): Promise<string> {
  const [free] = await query<{ name: string }>(
    'choose a name',
    `SELECT name FROM unnest($1::text[]) WITH ORDINALITY AS wished (name, place)
     WHERE NOT EXISTS (SELECT FROM apps WHERE apps.name = wished.name) ORDER BY place LIMIT 1`,
    [[...names]],
  );
  if (free) return free.name;
  throw new LabError('conflict', `cannot register: the names ${names.join(', ')} are all taken`);
}

/** Whoever waits for an earlier one is told that it will not come. */
async function overtake(query: Query, app: string, { cause }: Acceptance): Promise<void> {
  await query(
    'overtake what is open',
    `UPDATE operations SET state = 'failed', finished_at = now(),
       detail = 'overtaken by a newer registration of ' || $2
     WHERE entity = $1 AND state = 'accepted'`,
    [deploymentEntity(app), cause.actor],
  );
}

async function insert(query: Query, app: string, input: Acceptance): Promise<Operation> {
  const { operationId, cause, plan } = input;
  const [row] = await query<OperationRow>(
    'write operation, deployment and outbox entry',
    `WITH operation AS (
       INSERT INTO operations (id, entity, verb, actor, why, traceparent)
       VALUES ($1, $2, 'deploy', $3, $4, $8)
       RETURNING ${operationColumns}
     ), deployment AS (
       INSERT INTO deployments (operation_id, app, plan) SELECT id, $5, $6::jsonb FROM operation
     ), entry AS (
       INSERT INTO outbox (entity, operation_id, payload)
       SELECT entity, id, $7::jsonb FROM operation
     )
     SELECT ${operationColumns} FROM operation`,
    [
      operationId,
      deploymentEntity(app),
      cause.actor,
      cause.why,
      app,
      JSON.stringify(plan),
      JSON.stringify(deploymentNews(operationId, cause)),
      cause.traceparent ?? null,
    ],
  );
  if (row === undefined) throw new Error(`operation ${operationId} was not written`);
  await insertEvent(query, appEntity(app), {
    actor: cause.actor,
    why: cause.why,
    what: 'deployment asked for',
    data: { image: plan.image, operation: operationId },
  });
  return toOperation(row);
}

/** What the workflow of deployments is told: there is news, the rows say which. */
export const deploymentNews = (operationId: string, cause: Cause): OutboxEntry['payload'] => ({
  operationId,
  command: 'deploy',
  cause,
  needsNewInstance: false,
});
