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
       AND ($6::text IS NULL OR starts_with(entity, $6))
       AND ($7::text IS NULL OR what = $7)
       AND ($8::text IS NULL OR starts_with(actor, $8))
       AND ($9::float8 IS NULL OR at > now() - $9 * interval '1 ms')
     ORDER BY tx DESC, id DESC LIMIT $4`,
    [
      page.entity ?? null,
      before?.tx ?? null,
      before?.id ?? null,
      page.limit,
      page.spaces ?? null,
      page.kind === undefined ? null : `${page.kind}/`,
      page.what ?? null,
      page.actor ?? null,
      page.sinceMs ?? null,
    ],
  );
  return rows.map(toEvent);
}

const choiceEvents = 2_000;
const maxChoices = 100;

/** Among the newest only: all of them may be millions. */
export async function eventChoices(
  database: Database,
  spaces: readonly string[] | null,
): ReturnType<EventStore['choices']> {
  const distinct = (column: string) =>
    `ARRAY(SELECT DISTINCT ${column} FROM recent ORDER BY 1 LIMIT $3)`;
  const [row] = await database.query<{ whats: string[]; actors: string[] }>(
    'find what events can be told apart by',
    `WITH recent AS MATERIALIZED (
       SELECT what, actor FROM events WHERE ($1::text[] IS NULL OR space = ANY ($1))
       ORDER BY tx DESC, id DESC LIMIT $2
     )
     SELECT ${distinct('what')} AS whats, ${distinct('actor')} AS actors`,
    [spaces, choiceEvents, maxChoices],
  );
  return row ?? { whats: [], actors: [] };
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
