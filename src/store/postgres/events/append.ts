import type { EntityName } from '../../../model/names.ts';
import type { NewEvent } from '../../ports.ts';
import type { Query } from '../database.ts';

export async function insertEvent(
  query: Query,
  entity: EntityName,
  event: NewEvent,
): Promise<void> {
  await query(
    `write an event of ${entity}`,
    'INSERT INTO events (entity, actor, what, why, data) VALUES ($1, $2, $3, $4, $5::jsonb)',
    [entity, event.actor, event.what, event.why, JSON.stringify(event.data ?? {})],
  );
}
