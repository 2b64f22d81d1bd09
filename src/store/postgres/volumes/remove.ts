import { LabError } from '../../../model/failures.ts';
import { volumeEntity } from '../../../model/names.ts';
import type { Operation } from '../../ports.ts';
import type { VolumeStore } from '../../volume-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import {
  findOperation,
  operationColumns,
  toOperation,
  type OperationRow,
} from '../operations/find.ts';
import { namesVolume } from './row.ts';

type Input = Parameters<VolumeStore['remove']>[0];

/** Registrations lock the volumes they name, so none begins to use what is removed here. */
export async function removeVolume(database: Database, input: Input): Promise<Operation> {
  const { name } = input;
  return database.transaction(`remove volume/${name}`, async (query) => {
    const [row] = await query<{ host: string | null; removal: string | null }>(
      'lock',
      'SELECT host, removal FROM volumes WHERE name = $1 FOR UPDATE',
      [name],
    );
    // Behind the lock: the first of two at once has written it by now.
    const same = await findOperation(query, input.operationId);
    if (same !== null) return sameRemoval(same, input);
    if (row === undefined) {
      throw new LabError('not_found', `cannot remove volume/${name}: there is no such volume`);
    }
    const open = row.removal === null ? null : await findOperation(query, row.removal);
    if (open !== null) return open;
    await refuseWhileNamed(query, name);
    const accepted = await accept(query, input);
    if (row.host === null) {
      await query('delete', 'DELETE FROM volumes WHERE name = $1', [name]);
      return finish(query, accepted.id, input.actor, 'removed; it was never used');
    }
    await query(
      'want it gone',
      `UPDATE volumes SET removal = $2, deleted_at = now(), due_at = now(), hindrance = NULL
       WHERE name = $1`,
      [name, accepted.id],
    );
    return accepted;
  });
}

export async function volumeRemoved(database: Database, name: string, host: string): Promise<void> {
  await database.transaction(`forget volume/${name}`, async (query) => {
    const [row] = await query<{ removal: string }>(
      'delete',
      `DELETE FROM volumes WHERE name = $1 AND host = $2 AND deleted_at IS NOT NULL
       RETURNING removal`,
      [name, host],
    );
    if (row === undefined) return;
    await finish(query, row.removal, `agent of ${host}`, 'removed with everything in it');
  });
}

function sameRemoval(operation: Operation, { name, operationId }: Input): Operation {
  if (operation.entity === volumeEntity(name) && operation.verb === 'remove') return operation;
  throw new LabError(
    'conflict',
    `cannot remove volume/${name}: operation ${operationId} was ${operation.verb} ${operation.entity}; use a new id for a new command`,
    { details: { operation: operationId } },
  );
}

async function refuseWhileNamed(query: Query, name: string): Promise<void> {
  const rows = await query<{ name: string }>(
    'find apps',
    `SELECT 'app/' || name AS name FROM apps WHERE ${namesVolume('$1::text')}
     UNION ALL SELECT 'job/' || id FROM jobs WHERE finished_at IS NULL
       AND spec -> 'volumes' @> jsonb_build_array(jsonb_build_object('volume', $1::text))
     ORDER BY name LIMIT 6`,
    [name],
  );
  if (rows.length === 0) return;
  const apps = rows.map((row) => row.name);
  const more = apps.length > 5 ? ' and others' : '';
  throw new LabError(
    'conflict',
    `cannot remove volume/${name}: ${apps.slice(0, 5).join(', ')}${more} ${apps.length === 1 ? 'names' : 'name'} it. Remove it or take the volume out of its definition first`,
    { details: { namedBy: apps } },
  );
}

async function accept(query: Query, { name, actor, why, operationId }: Input): Promise<Operation> {
  const [row] = await query<OperationRow>(
    'accept',
    `INSERT INTO operations (id, entity, verb, actor, why) VALUES ($1, $2, 'remove', $3, $4)
     RETURNING ${operationColumns}`,
    [operationId, volumeEntity(name), actor, why],
  );
  if (row === undefined) throw new Error(`the removal of volume/${name} was not written`);
  await insertEvent(query, volumeEntity(name), {
    actor,
    what: 'remove asked for',
    why,
    data: { operation: operationId },
  });
  return toOperation(row);
}

async function finish(
  query: Query,
  operationId: string,
  actor: string,
  detail: string,
): Promise<Operation> {
  const [row] = await query<OperationRow>(
    'finish',
    `UPDATE operations SET state = 'succeeded', detail = $2, finished_at = now()
     WHERE id = $1 RETURNING ${operationColumns}`,
    [operationId, detail],
  );
  if (row === undefined) throw new Error(`operation ${operationId} is gone`);
  await insertEvent(query, row.entity, { actor, what: 'removed', why: row.why });
  return toOperation(row);
}
