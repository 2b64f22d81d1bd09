import type { Database } from '../database.ts';

export async function gatewaySeen(
  database: Database,
  gateway: { id: string; listener: string; host: string },
): Promise<void> {
  await database.query(
    `say that gateway ${gateway.id} lives`,
    `INSERT INTO gateways (id, listener, host) VALUES ($1, $2, $3)
     ON CONFLICT (id) DO UPDATE SET seen_at = now(), listener = excluded.listener,
       host = excluded.host`,
    [gateway.id, gateway.listener, gateway.host],
  );
}

export async function gatewayGone(database: Database, id: string): Promise<void> {
  await forget(database, 'id = $1', [id]);
}

export async function dropGateways(
  database: Database,
  listener: string,
  exceptIds: readonly string[],
): Promise<void> {
  await forget(database, 'listener = $1 AND id <> ALL ($2::text[])', [listener, [...exceptIds]]);
}

/**
 * Sockets that were open in a gateway end with it; when they ended is kept with the app. The apps
 * are locked before their rows, as in `reportUse`.
 */
async function forget(
  database: Database,
  condition: string,
  values: readonly unknown[],
): Promise<void> {
  await database.query(
    'forget gateways',
    `WITH gone AS MATERIALIZED (
       SELECT id FROM gateways WHERE ${condition} FOR UPDATE
     ), held AS MATERIALIZED (
       SELECT name FROM apps
       WHERE name IN (
         SELECT app FROM app_connections WHERE gateway IN (SELECT id FROM gone))
       ORDER BY name FOR KEY SHARE
     ), ended AS (
       SELECT app, max(CASE WHEN open_sockets > 0 THEN now() ELSE disconnected_at END) AS at
       FROM app_connections JOIN held ON held.name = app
       WHERE gateway IN (SELECT id FROM gone) GROUP BY app
     ), kept AS (
       INSERT INTO app_use (app, disconnected_at)
       SELECT app, at FROM ended WHERE at IS NOT NULL ORDER BY app
       ON CONFLICT (app) DO UPDATE
         SET disconnected_at = greatest(app_use.disconnected_at, excluded.disconnected_at)
     )
     DELETE FROM gateways WHERE id IN (SELECT id FROM gone)`,
    values,
  );
}
