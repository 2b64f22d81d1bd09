import type { Acknowledgement, RouteStore } from '../../ports.ts';
import type { Database } from '../database.ts';

/**
 * The stop protocol. Each step is one statement that checks state and id of the row it locks, so
 * of a reopening and a finishing that race exactly one finds its row.
 */
export async function beginClosing(
  database: Database,
  app: string,
  generation: number,
  closeId: string,
): Promise<boolean> {
  const rows = await database.query(
    `close the route of app/${app}`,
    `UPDATE routes SET state = 'closing', close_id = $3 WHERE app = $1 AND generation = $2
     RETURNING app`,
    [app, generation, closeId],
  );
  return rows.length > 0;
}

/** Kept only while the route closes under this id: a word said too late must not count later. */
export async function acknowledge(
  database: Database,
  app: string,
  closeId: string,
  word: Acknowledgement,
): Promise<void> {
  await database.query(
    `acknowledge the closing of app/${app}`,
    `INSERT INTO route_words (app, close_id, gateway, in_flight, open_sockets, last_use_at)
     SELECT routes.app, $2, gateways.id, $4, $5, now() - $6::float8 * interval '1 ms'
     FROM routes JOIN gateways ON gateways.id = $3
     WHERE routes.app = $1 AND routes.state = 'closing' AND routes.close_id = $2
     FOR SHARE OF routes
     ON CONFLICT (app, close_id, gateway) DO UPDATE SET in_flight = excluded.in_flight,
       open_sockets = excluded.open_sockets, last_use_at = excluded.last_use_at, said_at = now()`,
    [app, closeId, word.gateway, word.inFlight, word.openSockets, word.lastUseAgoMs],
  );
}

/** Reopening is use, and what gateways said before it is void. */
export async function reopen(database: Database, app: string, closeId: string): Promise<boolean> {
  const [row] = await database.query<{ reopened: boolean }>(
    `reopen the route of app/${app}`,
    `WITH reopened AS (
       UPDATE routes SET state = 'open', close_id = NULL
       WHERE app = $1 AND state = 'closing' AND close_id = $2
       RETURNING app
     ), forgotten AS (
       DELETE FROM route_words WHERE app IN (SELECT app FROM reopened)
     ), used AS (
       INSERT INTO app_use (app, last_use_at, reason)
       SELECT app, now(), 'used while it was about to sleep' FROM reopened
       ON CONFLICT (app) DO UPDATE SET last_use_at = now(), reason = excluded.reason
     )
     SELECT EXISTS (SELECT FROM reopened) AS reopened`,
    [app, closeId],
  );
  if (row?.reopened === true) return true;
  // Another gateway was faster, or nothing is left to reopen. A statement of its own sees which.
  const rows = await database.query(
    `look for the route of app/${app}`,
    'SELECT FROM routes WHERE app = $1',
    [app],
  );
  return rows.length > 0;
}

/** True also when there is no route any more: then an earlier try went through. */
export async function finishClosing(
  database: Database,
  app: string,
  closeId: string,
): Promise<boolean> {
  const closed = await database.query(
    `take away the route of app/${app}`,
    `WITH closed AS (
       DELETE FROM routes WHERE app = $1 AND state = 'closing' AND close_id = $2 RETURNING app
     ), forgotten AS (
       DELETE FROM route_words WHERE app IN (SELECT app FROM closed)
     )
     SELECT app FROM closed`,
    [app, closeId],
  );
  if (closed.length > 0) return true;
  const left = await database.query(
    `look for the route of app/${app}`,
    'SELECT FROM routes WHERE app = $1',
    [app],
  );
  return left.length === 0;
}

interface WordRow extends Record<string, unknown> {
  state: 'open' | 'closing';
  gateway: string;
  in_flight: number | null;
  open_sockets: number | null;
  last_use_ago_ms: number | null;
  seen_ago_ms: number;
}

export async function closingProgress(
  database: Database,
  app: string,
  closeId: string,
): ReturnType<RouteStore['closingProgress']> {
  const [route] = await database.query<{ closing: boolean; said: WordRow[] }>(
    `ask how far the closing of app/${app} is`,
    `SELECT routes.state = 'closing' AND routes.close_id = $2 AS closing, COALESCE((
       SELECT jsonb_agg(jsonb_build_object(
         'gateway', gateways.id,
         'in_flight', word.in_flight,
         'open_sockets', word.open_sockets,
         'last_use_ago_ms', ${agoMs('word.last_use_at')},
         'seen_ago_ms', ${agoMs('gateways.seen_at')}) ORDER BY gateways.id)
       FROM gateways LEFT JOIN route_words AS word
         ON word.gateway = gateways.id AND word.app = $1 AND word.close_id = $2), '[]') AS said
     FROM routes WHERE app = $1`,
    [app, closeId],
  );
  if (route === undefined) return { state: 'gone', words: [], silent: [] };
  const words: Acknowledgement[] = [];
  const silent: { gateway: string; seenAgoMs: number }[] = [];
  for (const { gateway, ...said } of route.said) {
    if (said.in_flight === null || said.open_sockets === null) {
      silent.push({ gateway, seenAgoMs: said.seen_ago_ms });
    } else {
      words.push({
        gateway,
        inFlight: said.in_flight,
        openSockets: said.open_sockets,
        lastUseAgoMs: said.last_use_ago_ms,
      });
    }
  }
  return { state: route.closing ? 'closing' : 'open', words, silent };
}

/** Whole milliseconds since a time by the database's clock, as an expression; NULL stays NULL. */
function agoMs(column: string): string {
  const ago = `greatest(0, round(extract(epoch FROM clock_timestamp() - ${column}) * 1000))`;
  return `CASE WHEN ${column} IS NOT NULL THEN ${ago} END`;
}
