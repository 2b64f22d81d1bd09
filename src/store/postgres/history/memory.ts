import type { MemoryRing } from '../../../model/memory-ring.ts';
import type { MemorySample } from '../../ports.ts';
import type { Database } from '../database.ts';

/**
 * One statement a batch, two rows an app. What a slot had a day, or thirty days, ago is written over;
 * within its time it gathers mean and peak.
 */
export async function reportMemory(
  database: Database,
  samples: readonly MemorySample[],
  ring: MemoryRing,
): Promise<void> {
  if (samples.length === 0) return;
  await database.query(
    'note the memory of running apps',
    `WITH given AS MATERIALIZED (
       SELECT apps.name AS app, sum(bytes)::bigint AS bytes
       FROM jsonb_to_recordset($1::jsonb) AS sample (app text, bytes bigint)
       JOIN apps ON apps.name = sample.app GROUP BY apps.name
     ), rings (step, step_ms, slots) AS (
       VALUES ('fine', $2::bigint, $3::bigint), ('coarse', $4::bigint, $5::bigint)
     ), turn AS (
       SELECT *, floor(extract(epoch FROM now()) * 1000 / step_ms)::bigint AS number FROM rings
     )
     INSERT INTO app_memory AS stored (app, step, slot, at, samples, mean_bytes, peak_bytes)
     SELECT app, step, number % slots, to_timestamp(number * step_ms / 1000.0), 1, bytes, bytes
     FROM given CROSS JOIN turn ORDER BY app, step
     ON CONFLICT (app, step, slot) DO UPDATE SET
       at = excluded.at,
       samples = CASE WHEN stored.at = excluded.at THEN stored.samples + 1 ELSE 1 END,
       mean_bytes = CASE WHEN stored.at = excluded.at
         THEN (stored.mean_bytes * stored.samples + excluded.mean_bytes) / (stored.samples + 1)
         ELSE excluded.mean_bytes END,
       peak_bytes = CASE WHEN stored.at = excluded.at
         THEN greatest(stored.peak_bytes, excluded.peak_bytes) ELSE excluded.peak_bytes END`,
    [
      JSON.stringify(samples.map(({ app, memoryBytes }) => ({ app, bytes: memoryBytes }))),
      ring.fine.stepMs,
      ring.fine.slots,
      ring.coarse.stepMs,
      ring.coarse.slots,
    ],
  );
}
