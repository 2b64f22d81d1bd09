import type { EntityName } from '../../../model/names.ts';
import type { CommandPayload } from '../../ports.ts';
import type { Database } from '../database.ts';

/** More than anybody waits for at once; the rest stays accepted and is told to the next life. */
const maxUnfinished = 200;

/** A registration reaches its workflow as the command `replace`, whether it was the first or not. */
export async function listUnfinished(
  database: Database,
  entity: EntityName,
): Promise<CommandPayload[]> {
  const rows = await database.query<{ payload: CommandPayload }>(
    `read unfinished commands of ${entity}`,
    `SELECT jsonb_build_object(
       'operationId', id,
       'command', CASE verb WHEN 'register' THEN 'replace' ELSE verb END,
       'cause', jsonb_strip_nulls(
         jsonb_build_object('actor', actor, 'why', why, 'traceparent', traceparent)),
       'needsNewInstance', verb = 'replace') AS payload
     FROM operations WHERE entity = $1 AND state = 'accepted' ORDER BY place LIMIT $2`,
    [entity, maxUnfinished],
  );
  return rows.map(({ payload }) => payload);
}
