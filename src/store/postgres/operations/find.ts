import type { EntityName } from '../../../model/names.ts';
import type { Operation } from '../../ports.ts';
import type { Query } from '../database.ts';

export interface OperationRow extends Record<string, unknown> {
  id: string;
  entity: EntityName;
  verb: string;
  state: Operation['state'];
  actor: string;
  why: string;
  detail: string | null;
  created_at: Date;
  finished_at: Date | null;
}

export const operationColumns =
  'id, entity, verb, state, actor, why, detail, created_at, finished_at';

export async function findOperation(query: Query, id: string): Promise<Operation | null> {
  const [row] = await query<OperationRow>(
    `find operation ${id}`,
    `SELECT ${operationColumns} FROM operations WHERE id = $1`,
    [id],
  );
  return row === undefined ? null : toOperation(row);
}

export function toOperation(row: OperationRow): Operation {
  const { created_at: createdAt, finished_at: finishedAt } = row;
  return {
    id: row.id,
    entity: row.entity,
    verb: row.verb,
    state: row.state,
    actor: row.actor,
    why: row.why,
    detail: row.detail,
    createdAt: createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  };
}
