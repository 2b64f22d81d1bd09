import type { HistoryStore } from '../../ports.ts';
import type { Database } from '../database.ts';

/** More than a chart shows; older ones go when a new one comes. */
const keptWakes = 50;

/**
 * It was asked for when the oldest command was accepted that still waits for it; a start after a
 * crash was asked for by nobody. A repeat finds the row of the first try.
 */
export async function wakePlaced(
  database: Database,
  wake: Parameters<HistoryStore['wakePlaced']>[0],
): Promise<void> {
  await database.query(
    `note that app/${wake.app} is placed`,
    `WITH dropped AS (
       DELETE FROM app_wakes WHERE app = $1 AND id <= (
         SELECT id FROM app_wakes WHERE app = $1 ORDER BY id DESC OFFSET $5 - 1 LIMIT 1)
     )
     INSERT INTO app_wakes (app, generation, host, asked_at, place_ms)
     SELECT name, $2, $3, COALESCE((
         SELECT min(created_at) FROM operations
         WHERE entity = 'app/' || name AND state = 'accepted' AND verb NOT IN ('sleep', 'remove')
       ), now() - $4::float8 * interval '1 ms'), $4
     FROM apps WHERE name = $1 AND NOT EXISTS (
       SELECT FROM app_wakes WHERE app = $1 AND generation = $2 AND ready_at IS NULL)`,
    [wake.app, wake.generation, wake.host, wake.placeMs, keptWakes],
  );
}

/** Only of a start that was placed: an instance that a stop left and a wake adopted did not wake. */
export async function wakeReady(
  database: Database,
  wake: Parameters<HistoryStore['wakeReady']>[0],
): Promise<void> {
  const { pullMs, startMs, probeMs, publishMs } = wake;
  await database.query(
    `note that app/${wake.app} is awake`,
    `UPDATE app_wakes SET ready_at = now(), pull_ms = $3, start_ms = $4, probe_ms = $5,
       publish_ms = $6
     WHERE app = $1 AND generation = $2 AND ready_at IS NULL`,
    [wake.app, wake.generation, pullMs, startMs, probeMs, publishMs],
  );
}
