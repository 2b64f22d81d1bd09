import type { EntityName } from '../../../model/names.ts';
import type { Operation, OutboxEntry } from '../../ports.ts';
import type { Query } from '../database.ts';
import { operationColumns, toOperation, type OperationRow } from './find.ts';

/**
 * Operation, outbox entry and event in one statement: accepted as soon as it is committed. Null,
 * and nothing written, when the id was used before, a wake that can be joined is open, or the app
 * is not there.
 */
export async function acceptOperation(
  query: Query,
  operation: {
    id: string;
    app: string;
    verb: string;
    actor: string;
    why: string;
    traceparent?: string | undefined;
    joinable: boolean;
    payload: OutboxEntry['payload'];
    event: { what: string; data: Record<string, unknown> };
  },
): Promise<Operation | null> {
  const entity: EntityName = `app/${operation.app}`;
  const [row] = await query<OperationRow>(
    `${operation.verb} ${entity}`,
    `WITH app AS (
       SELECT name FROM apps WHERE name = $1 FOR KEY SHARE
     ), operation AS (
       INSERT INTO operations (id, entity, verb, actor, why, joinable, traceparent)
       SELECT $2, 'app/' || name, $3, $4, $5, $6, $10 FROM app
       ON CONFLICT DO NOTHING
       RETURNING ${operationColumns}
     ), entry AS (
       INSERT INTO outbox (entity, operation_id, payload)
       SELECT entity, id, $7::jsonb FROM operation
     ), event AS (
       INSERT INTO events (entity, actor, what, why, data)
       SELECT entity, actor, $8, why, $9::jsonb FROM operation
     )
     SELECT ${operationColumns} FROM operation`,
    [
      operation.app,
      operation.id,
      operation.verb,
      operation.actor,
      operation.why,
      operation.joinable,
      JSON.stringify(operation.payload),
      operation.event.what,
      JSON.stringify({ ...operation.event.data, operation: operation.id }),
      operation.traceparent ?? null,
    ],
  );
  return row === undefined ? null : toOperation(row);
}
