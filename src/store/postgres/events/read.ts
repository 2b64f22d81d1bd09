import { LabError } from '../../../model/failures.ts';
import type { EntityName } from '../../../model/names.ts';
import type { EventStore, TimelineEvent } from '../../ports.ts';
import type { Database } from '../database.ts';

interface EventRow extends Record<string, unknown> {
  transaction: string;
  id: string;
  entity: EntityName;
  at: Date;
  actor: string;
  what: string;
  why: string;
  data: Record<string, unknown>;
  space: string | null;
}

/** As text, since the driver has no type for it; under a name that no ORDER BY takes for the column. */
const columns = 'tx::text AS transaction, id, entity, at, actor, what, why, data, space';

export async function listEvents(
  database: Database,
  page: Parameters<EventStore['list']>[0],
): Promise<TimelineEvent[]> {
  const before = page.before === undefined ? null : parsePosition(page.before);
  const rows = await database.query<EventRow>(
    'list events',
    `SELECT ${columns} FROM events
     WHERE ($1::text IS NULL OR entity = $1)
       AND ($2::text IS NULL OR (tx, id) < ($2::text::xid8, $3::bigint))
       AND ($5::text[] IS NULL OR space = ANY ($5))
     ORDER BY tx DESC, id DESC LIMIT $4`,
    [page.entity ?? null, before?.tx ?? null, before?.id ?? null, page.limit, page.spaces ?? null],
  );
  return rows.map(toEvent);
}

/**
 * In the order (tx, id), below the oldest open transaction: whatever commits later comes after. A
 * position ahead of this server's transactions is from before a restore, whose events all became
 * transaction 1 (see migrate.ts).
 */
export async function eventsSince(
  database: Database,
  page: Parameters<EventStore['since']>[0],
): Promise<TimelineEvent[]> {
  const after = parsePosition(page.after);
  const rows = await database.query<EventRow>(
    'read new events',
    `WITH edge AS (
       SELECT pg_snapshot_xmin(pg_current_snapshot()) AS lowest_open,
         CASE WHEN $2::text::xid8 >= pg_snapshot_xmax(pg_current_snapshot())
           THEN '1'::xid8 ELSE $2::text::xid8 END AS after_tx
     )
     SELECT ${columns} FROM events
     WHERE ($1::text IS NULL OR entity = $1)
       AND (tx, id) > ((SELECT after_tx FROM edge), $3::bigint)
       AND tx < (SELECT lowest_open FROM edge)
       AND ($5::text[] IS NULL OR space = ANY ($5))
     ORDER BY tx, id LIMIT $4`,
    [page.entity ?? null, after.tx, after.id, page.limit, page.spaces ?? null],
  );
  return rows.map(toEvent);
}

export async function latestEventId(database: Database): Promise<string> {
  const [row] = await database.query<{ transaction: string; id: string }>(
    'find the newest event',
    `SELECT tx::text AS transaction, id FROM events
     WHERE tx < pg_snapshot_xmin(pg_current_snapshot())
     ORDER BY tx DESC, id DESC LIMIT 1`,
  );
  return row === undefined ? '0' : `${row.transaction}-${row.id}`;
}

function toEvent(row: EventRow): TimelineEvent {
  return {
    id: `${row.transaction}-${row.id}`,
    entity: row.entity,
    at: row.at.toISOString(),
    actor: row.actor,
    what: row.what,
    why: row.why,
    data: row.data,
    space: row.space,
  };
}

/** `<transaction>-<id>`, or `0` for the very beginning. */
function parsePosition(text: string): { tx: string; id: string } {
  const [, tx, id] = /^(\d{1,19})(?:-(\d{1,18}))?$/.exec(text) ?? [];
  if (tx !== undefined) return { tx, id: id ?? '0' };
  throw new LabError('invalid', `cannot read events after ${text}: that is no event id`);
}
