import { needsNewInstance, type AppSpec } from '../../../model/app-spec.ts';
import { canonicalJson } from '../../../model/canonical-json.ts';
import { LabError } from '../../../model/failures.ts';
import { appEntity } from '../../../model/names.ts';
import type { App, Operation, Registered, Registration } from '../../ports.ts';
import type { Database, Query } from '../database.ts';
import { acceptOperation } from '../operations/accept.ts';
import { requirePlace } from './place.ts';
import { makeVolumesOf } from '../volumes/for-entity.ts';
import type { VolumeLimits } from '../volumes/make.ts';
import { appColumns, toApp, type AppRow } from './row.ts';

/** Registrations that make a new app queue here, so that the limit holds among them. */
const newAppsLockKey = 7_106_134;

export type RegistrationLimits = VolumeLimits & { maxApps: number };

export async function registerApp(
  database: Database,
  input: Registration,
  limits: RegistrationLimits,
): Promise<Registered> {
  return database.transaction(`register app/${input.name}`, (query) =>
    registerIn(query, input, limits),
  );
}

/** All or none, in the order of names: of two that meet, one is over before the other begins. */
export async function registerApps(
  database: Database,
  inputs: readonly Registration[],
  limits: RegistrationLimits,
): Promise<Registered[]> {
  return database.transaction(`register ${inputs.length} apps`, async (query) => {
    await waitForNewApps(query);
    const registered = new Map<string, Registered>();
    for (const input of inputs.toSorted(byName)) {
      registered.set(input.name, await registerIn(query, input, limits));
    }
    return inputs.flatMap(({ name }) => registered.get(name) ?? []);
  });
}

const byName = (one: Registration, other: Registration) => (one.name < other.name ? -1 : 1);

const waitForNewApps = (query: Query) =>
  query('wait for others', 'SELECT pg_advisory_xact_lock($1)', [newAppsLockKey]);

/** The same within a transaction that does more. */
export async function registerIn(
  query: Query,
  input: Registration,
  limits: RegistrationLimits,
): Promise<Registered> {
  const existing = await lockApp(query, input.name);
  if (existing !== null) return replace(query, input, existing, limits);
  await waitForNewApps(query);
  const winner = await lockApp(query, input.name);
  if (winner !== null) return replace(query, input, winner, limits);
  return create(query, input, limits);
}

/** The app's row, kept from other writers until the transaction ends. */
export async function lockApp(query: Query, name: string): Promise<App | null> {
  const [row] = await query<AppRow>(
    'lock',
    `SELECT ${appColumns} FROM apps WHERE name = $1 FOR NO KEY UPDATE`,
    [name],
  );
  return row === undefined ? null : toApp(row);
}

async function create(
  query: Query,
  input: Registration,
  limits: RegistrationLimits,
): Promise<Registered> {
  input.check?.(null);
  const { maxApps } = limits;
  const { name, space, owner, spec, actor } = input;
  const [row] = await query<AppRow>(
    'insert',
    `INSERT INTO apps (name, space, owner, spec, actor, why)
     SELECT $1, spaces.name, $3, $4::jsonb, $5, 'registered' FROM spaces
     WHERE spaces.name = $2 AND (SELECT count(*) FROM apps) < $6
       AND (SELECT count(*) FROM apps WHERE space = $2) < COALESCE(max_apps, 2147483647)
     RETURNING ${appColumns}`,
    [name, space, owner, JSON.stringify(spec), actor, maxApps],
  );
  if (row === undefined) {
    await refuseUnknownSpace(query, name, space);
    await refuseFullSpace(query, name, space);
    throw new LabError(
      'quota_exceeded',
      `cannot register app/${name}: there are ${maxApps} apps already, the most LABKEEPER_MAX_APPS allows; remove one or raise it`,
      { details: { limit: maxApps } },
    );
  }
  // One that is always on wakes with its registration.
  if (spec.alwaysOn) await requirePlace(query, { name, space, attempt: `register app/${name}` });
  await makeVolumesOf(query, { entity: appEntity(input.name), ...input }, limits);
  const app = toApp(row);
  const operation = await accept(query, input, 'register', false, app.specRevision);
  return { outcome: 'created', app, operation };
}

async function replace(
  query: Query,
  input: Registration,
  before: App,
  limits: VolumeLimits,
): Promise<Registered> {
  input.check?.(before);
  const { name, space, spec, actor } = input;
  const isRemoved = before.condition.wanted === 'gone' || (await isBeingRemoved(query, name));
  const isSame = space === before.space && isSameSpec(before.spec, spec);
  if (isSame && !isRemoved) return { outcome: 'unchanged', app: before, operation: null };
  await refuseUnknownSpace(query, name, space);
  if (space !== before.space) {
    await waitForNewApps(query);
    await refuseFullSpace(query, name, space);
  }
  if (spec.alwaysOn || space !== before.space) {
    const attempt = `register app/${name}`;
    await requirePlace(query, { name, space, attempt, onlyIfAwake: !spec.alwaysOn });
  }
  await makeVolumesOf(query, { entity: appEntity(input.name), ...input }, limits);
  const renews = needsNewInstance(before.spec, spec);
  const [row] = await query<AppRow>(
    'update',
    `UPDATE apps SET spec = $2::jsonb, spec_revision = spec_revision + $3, space = $4,
       updated_at = now(), learned = CASE WHEN $6 THEN NULL ELSE learned END,
       wanted = CASE wanted WHEN 'gone' THEN 'asleep' ELSE wanted END,
       since = CASE wanted WHEN 'gone' THEN now() ELSE since END,
       actor = CASE wanted WHEN 'gone' THEN $5 ELSE actor END,
       why = CASE wanted WHEN 'gone' THEN 'registered again' ELSE why END
     WHERE name = $1 RETURNING ${appColumns}`,
    [name, JSON.stringify(spec), isSame ? 0 : 1, space, actor, renews],
  );
  if (row === undefined) throw new Error(`app/${name} vanished under its lock`);
  const app = toApp(row);
  const operation = await accept(query, input, 'replace', renews, app.specRevision);
  return { outcome: 'replaced', app, operation };
}

function isSameSpec(before: AppSpec, after: AppSpec): boolean {
  return canonicalJson(before) === canonicalJson(after);
}

/** Accepted, although the workflow has not said so in the row yet. */
export async function isBeingRemoved(query: Query, name: string): Promise<boolean> {
  const rows = await query(
    'look for a removal',
    "SELECT FROM operations WHERE entity = $1 AND state = 'accepted' AND verb = 'remove'",
    [`app/${name}`],
  );
  return rows.length > 0;
}

async function refuseUnknownSpace(query: Query, name: string, space: string): Promise<void> {
  const [found] = await query('find space', 'SELECT FROM spaces WHERE name = $1', [space]);
  if (found !== undefined) return;
  throw new LabError('invalid', `cannot register app/${name}: there is no space named ${space}`, {
    details: { space },
  });
}

async function refuseFullSpace(query: Query, name: string, space: string): Promise<void> {
  const [full] = await query<{ max_apps: number }>(
    'look for room in the space',
    `SELECT max_apps FROM spaces
     WHERE name = $1 AND (SELECT count(*) FROM apps WHERE space = $1) >= max_apps`,
    [space],
  );
  if (full === undefined) return;
  throw new LabError(
    'quota_exceeded',
    `cannot register app/${name} in the space ${space}: its quota is ${full.max_apps} apps; remove one, or ask an operator to raise it`,
    { details: { space, limit: full.max_apps } },
  );
}

async function accept(
  query: Query,
  input: Registration,
  verb: 'register' | 'replace',
  needsNew: boolean,
  specRevision: number,
): Promise<Operation> {
  const { name, actor, operationId, traceparent } = input;
  const why = `definition ${specRevision}`;
  const cause = { actor, why, ...(traceparent === undefined ? {} : { traceparent }) };
  const operation = await acceptOperation(query, {
    id: operationId,
    app: name,
    verb,
    ...cause,
    joinable: false,
    payload: { operationId, command: 'replace', cause, needsNewInstance: needsNew },
    event: {
      what: verb === 'register' ? 'registered' : 'replaced',
      data: { specRevision, needsNewInstance: needsNew },
    },
  });
  if (operation !== null) return operation;
  throw new LabError(
    'conflict',
    `cannot register app/${name}: operation ${operationId} was used before; use a new id for a new command`,
    { details: { operation: operationId } },
  );
}
