import type { Cause, Command } from '../../../model/app-state.ts';
import { LabError } from '../../../model/failures.ts';
import type { Operation } from '../../ports.ts';
import type { Database, Query } from '../database.ts';
import { acceptOperation } from '../operations/accept.ts';
import { requirePlace } from './place.ts';
import {
  findOperation,
  operationColumns,
  toOperation,
  type OperationRow,
} from '../operations/find.ts';

interface CommandInput {
  name: string;
  verb: Command;
  cause: Cause;
  operationId: string;
}

/**
 * A unique index lets one wake of many through, and the others join it. After a sleep or a removal
 * was accepted, an earlier wake cannot be joined any more: it may lose, and the later wish must not.
 */
export async function commandApp(database: Database, input: CommandInput): Promise<Operation> {
  for (let tries = 1; tries <= 10; tries += 1) {
    const accepted = await accept(database, input);
    if (accepted !== null) return accepted;
    const earlier = await earlierOperation(database.query, input);
    if (earlier !== null) return earlier;
    // The wake that stood in the way ended meanwhile.
  }
  throw new Error(`cannot ${input.verb} app/${input.name}: others command it all the time`);
}

async function accept(database: Database, input: CommandInput): Promise<Operation | null> {
  if (input.verb === 'wake' || input.verb === 'restart') return acceptWake(database, input);
  if (input.verb !== 'sleep' && input.verb !== 'remove') return insert(database.query, input);
  return database.transaction(`${input.verb} app/${input.name}`, async (query) => {
    // Waits for wakes that are being accepted, and makes later ones wait.
    await query('lock', 'SELECT FROM apps WHERE name = $1 FOR UPDATE', [input.name]);
    const operation = await insert(query, input);
    if (operation === null) return null;
    await query(
      'close earlier wakes',
      "UPDATE operations SET joinable = false WHERE entity = $1 AND state = 'accepted' AND joinable",
      [`app/${input.name}`],
    );
    return operation;
  });
}

/** Only where the app's space has a quota of apps awake, its places are looked at. */
async function acceptWake(database: Database, input: CommandInput): Promise<Operation | null> {
  const attempt = `${input.verb} app/${input.name}`;
  const find = (query: Query, lock: string) =>
    query<{ space: string; max_awake_apps: number | null }>(
      'find its space',
      `SELECT space, max_awake_apps FROM apps JOIN spaces ON spaces.name = space
       WHERE apps.name = $1 ${lock}`,
      [input.name],
    );
  const [app] = await find(database.query, '');
  if (app === undefined || app.max_awake_apps === null) return insert(database.query, input);
  return database.transaction(attempt, async (query) => {
    // The app before its space, as a registration does that moves it.
    const [now] = await find(query, 'FOR SHARE OF apps');
    if (now === undefined) return null;
    if ((await findOperation(query, input.operationId)) !== null) return null;
    await requirePlace(query, { name: input.name, space: now.space, attempt });
    return insert(query, input);
  });
}

async function insert(query: Query, input: CommandInput): Promise<Operation | null> {
  const { name, verb, cause, operationId } = input;
  return acceptOperation(query, {
    id: operationId,
    app: name,
    verb,
    ...cause,
    joinable: verb === 'wake',
    payload: { operationId, command: verb, cause, needsNewInstance: false },
    event: { what: `${verb} asked for`, data: {} },
  });
}

/** What stood in the way: the same id, or an open wake. Null when neither does any more. */
async function earlierOperation(query: Query, input: CommandInput): Promise<Operation | null> {
  const { name, verb, operationId } = input;
  const same = await findOperation(query, operationId);
  if (same !== null) {
    if (same.entity === `app/${name}` && same.verb === verb) return same;
    throw new LabError(
      'conflict',
      `cannot ${verb} app/${name}: operation ${operationId} was ${same.verb} ${same.entity}; use a new id for a new command`,
      { details: { operation: operationId } },
    );
  }
  const [wake] = await query<OperationRow>(
    `find the open wake of app/${name}`,
    `SELECT ${operationColumns} FROM operations
     WHERE entity = $1 AND state = 'accepted' AND joinable AND $2 = 'wake'`,
    [`app/${name}`, verb],
  );
  if (wake !== undefined) return toOperation(wake);
  const [app] = await query('find app', 'SELECT FROM apps WHERE name = $1', [name]);
  if (app === undefined) {
    throw new LabError('not_found', `cannot ${verb} app/${name}: there is no such app`);
  }
  return null;
}
