import type { UseStore } from '../../ports.ts';
import type { Database } from '../database.ts';

/** A gateway not heard for longer holds no connections any more, as far as the idle clocks go. */
const gatewayLivesMs = 30_000;

interface UseRow extends Record<string, unknown> {
  idle_ms: number;
  disconnected_ms: number | null;
  awake_ms: number;
  in_flight: number;
  open_sockets: number;
  reason: string | null;
}

/**
 * A socket of a gateway that fell silent ended when that gateway was last seen. Before the app is
 * ready all ages count from now.
 */
export async function readUse(database: Database, app: string): ReturnType<UseStore['read']> {
  const [row] = await database.query<UseRow>(
    `read the use of app/${app}`,
    `WITH connections AS (
       SELECT in_flight, open_sockets, disconnected_at, seen_at,
         seen_at > now() - $2::float8 * interval '1 ms' AS lives
       FROM app_connections JOIN gateways ON gateways.id = gateway WHERE app = $1
     ), total AS (
       SELECT COALESCE(sum(in_flight) FILTER (WHERE lives), 0)::integer AS in_flight,
         COALESCE(sum(open_sockets) FILTER (WHERE lives), 0)::integer AS open_sockets,
         max(CASE WHEN open_sockets > 0 AND NOT lives THEN seen_at ELSE disconnected_at END)
           AS disconnected_at
       FROM connections
     ), known AS (
       SELECT COALESCE(ready_at, now()) AS ready_at, last_use_at, reason, total.in_flight,
         total.open_sockets, greatest(total.disconnected_at, app_use.disconnected_at) AS ended_at
       FROM apps CROSS JOIN total LEFT JOIN routes ON routes.app = name
         LEFT JOIN app_use ON app_use.app = name
       WHERE name = $1
     )
     SELECT in_flight, open_sockets, reason,
       ${sinceMs('greatest(last_use_at, ready_at)')} AS idle_ms,
       ${sinceMs('ready_at')} AS awake_ms,
       CASE WHEN open_sockets > 0 THEN 0 WHEN ended_at >= ready_at THEN ${sinceMs('ended_at')} END
         AS disconnected_ms
     FROM known`,
    [app, gatewayLivesMs],
  );
  if (row === undefined) return null;
  return {
    idleMs: row.idle_ms,
    disconnectedMs: row.disconnected_ms,
    awakeMs: row.awake_ms,
    inFlight: row.in_flight,
    openSockets: row.open_sockets,
    reason: row.reason,
  };
}

function sinceMs(time: string): string {
  return `greatest(0, round(extract(epoch FROM now() - ${time}) * 1000))::float8`;
}
