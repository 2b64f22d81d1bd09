import type { UseReport } from '../../ports.ts';
import type { Database } from '../database.ts';

/**
 * One statement a batch. Apps that are gone are passed over; in the order of names, so that the
 * batches of two gateways never wait for each other crosswise. The gateway and the apps are locked
 * before their rows of use, as whoever removes one of them locks: written the other way round, the
 * foreign keys of new rows would wait for a removal that waits for the old ones.
 */
export async function reportUse(
  database: Database,
  gateway: string,
  reports: readonly UseReport[],
): Promise<void> {
  if (reports.length === 0) return;
  await database.query(
    `report use seen by gateway ${gateway}`,
    `WITH reporter AS MATERIALIZED (
       SELECT id FROM gateways WHERE id = $1 FOR KEY SHARE
     ), given AS MATERIALIZED (
       SELECT * FROM jsonb_to_recordset($2::jsonb) AS line
         (app text, ago_ms float8, reason text, in_flight integer, open_sockets integer)
     ), kept AS MATERIALIZED (
       SELECT name FROM apps WHERE name IN (SELECT app FROM given) ORDER BY name FOR KEY SHARE
     ), report AS MATERIALIZED (
       SELECT DISTINCT ON (app) given.* FROM given JOIN kept ON kept.name = app
       ORDER BY app, ago_ms NULLS LAST
     ), used AS (
       INSERT INTO app_use AS stored (app, last_use_at, reason)
       SELECT app, now() - ago_ms * interval '1 ms', reason FROM report
       WHERE ago_ms IS NOT NULL ORDER BY app
       ON CONFLICT (app) DO UPDATE
         SET last_use_at = excluded.last_use_at, reason = excluded.reason
         WHERE stored.last_use_at IS NULL OR stored.last_use_at < excluded.last_use_at
     )
     INSERT INTO app_connections AS stored (app, gateway, in_flight, open_sockets)
     SELECT app, reporter.id, in_flight, open_sockets
     FROM report CROSS JOIN reporter ORDER BY app
     ON CONFLICT (app, gateway) DO UPDATE SET in_flight = excluded.in_flight,
       open_sockets = excluded.open_sockets,
       disconnected_at = CASE
         WHEN excluded.open_sockets > 0 THEN NULL
         WHEN stored.open_sockets > 0 THEN now()
         ELSE stored.disconnected_at END`,
    [gateway, JSON.stringify(reports.map(toRow))],
  );
}

const toRow = (report: UseReport) => ({
  app: report.app,
  ago_ms: report.lastUseAgoMs,
  reason: report.reason,
  in_flight: report.inFlight,
  open_sockets: report.openSockets,
});
