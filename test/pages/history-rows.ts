import { runSql } from '../store/sql.ts';

/**
 * A month of an app's life as its own statements would have left it: awake on working days, twenty wakes of which
 * one was slow, memory of this day with a gap at night.
 */
export async function fillHistory(databaseUrl: string, app: string): Promise<void> {
  await runSql(
    databaseUrl,
    `INSERT INTO app_days (app, day, awake_ms, wakes)
     SELECT '${app}', (now() AT TIME ZONE 'UTC')::date - back,
       CASE WHEN back % 7 IN (2, 3) THEN 0 ELSE 3600000 * (1 + (back * 5) % 8) END,
       CASE WHEN back % 7 IN (2, 3) THEN 0 ELSE 1 + back % 3 END
     FROM generate_series(0, 29) AS back
     ON CONFLICT (app, day) DO NOTHING`,
  );
  await runSql(
    databaseUrl,
    `INSERT INTO app_wakes (app, generation, host, asked_at, ready_at, place_ms, pull_ms, start_ms,
       probe_ms, publish_ms)
     SELECT '${app}', number, 'local', asked, asked + interval '1 ms' *
       (40 + 8 + CASE number WHEN 9 THEN 2900 ELSE 0 END + 120 + 600 + number * 15 + 5), 8,
       CASE number WHEN 9 THEN 2900 ELSE 0 END, 120, 600 + number * 15, 5
     FROM (SELECT number, now() - (21 - number) * interval '30 hours' AS asked
       FROM generate_series(1, 20) AS number) AS wakes`,
  );
  await runSql(
    databaseUrl,
    `INSERT INTO app_memory (app, step, slot, at, samples, mean_bytes, peak_bytes)
     SELECT '${app}', 'fine', minute, now() - minute * interval '1 minute', 1,
       (60 + 25 * sin(minute / 90.0)) * 1048576, (70 + 30 * sin(minute / 90.0)) * 1048576
     FROM generate_series(0, 1400) AS minute WHERE minute NOT BETWEEN 500 AND 900
     ON CONFLICT DO NOTHING`,
  );
}
