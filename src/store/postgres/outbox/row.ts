import type { EntityName } from '../../../model/names.ts';
import type { OutboxEntry } from '../../ports.ts';

export interface OutboxRow extends Record<string, unknown> {
  id: string;
  entity: EntityName;
  payload: OutboxEntry['payload'];
  attempts: number;
}

export const outboxColumns = 'outbox.id, outbox.entity, outbox.payload, outbox.attempts';

export function toEntry(row: OutboxRow): OutboxEntry {
  const { id, entity, payload, attempts } = row;
  return { id, entity, payload, attempts };
}
