import type { AppHistory, HistoryStore } from '../../ports.ts';
import type { Database } from '../database.ts';

interface DayRow extends Record<string, unknown> {
  day: string;
  awake_ms: number;
  wakes: number;
}

interface WakeRow extends Record<string, unknown> {
  generation: number;
  host: string;
  asked_at: Date;
  ready_at: Date;
  total_ms: number;
  place_ms: number;
  pull_ms: number;
  start_ms: number;
  probe_ms: number;
  publish_ms: number;
}

interface MemoryRow extends Record<string, unknown> {
  at: Date;
  mean_bytes: string;
  peak_bytes: string;
}

export async function readHistory(
  database: Database,
  app: string,
  wanted: Parameters<HistoryStore['read']>[1],
): Promise<AppHistory> {
  const [days, memory, wakes] = await Promise.all([
    readDays(database, app, wanted.days),
    readMemory(database, app, wanted.step, wanted.ring[wanted.step]),
    readWakes(database, app, wanted.wakes),
  ]);
  return { days, memory, wakes };
}

/** Every day, with what is counted already and what of the stretch that goes on falls into it. */
async function readDays(
  database: Database,
  app: string,
  count: number,
): Promise<AppHistory['days']> {
  const rows = await database.query<DayRow>(
    `read the awake time of app/${app}`,
    `WITH calendar AS (
       SELECT begins, (begins AT TIME ZONE 'UTC')::date AS day
       FROM generate_series(date_trunc('day', now(), 'UTC') - ($2 - 1) * interval '24 hours',
         now(), '24 hours') AS begins
     )
     SELECT calendar.day::text AS day, COALESCE(wakes, 0) AS wakes,
       round(COALESCE(awake_ms, 0) + CASE WHEN ready_at IS NULL THEN 0 ELSE
         greatest(0, extract(epoch FROM
           least(now(), begins + interval '24 hours') - greatest(ready_at, begins)) * 1000)
         END)::float8 AS awake_ms
     FROM calendar LEFT JOIN app_days ON app_days.app = $1 AND app_days.day = calendar.day
       LEFT JOIN routes ON routes.app = $1
     ORDER BY calendar.day`,
    [app, count],
  );
  return rows.map((row) => ({ day: row.day, awakeMs: row.awake_ms, wakes: row.wakes }));
}

async function readMemory(
  database: Database,
  app: string,
  step: 'fine' | 'coarse',
  { stepMs, slots }: { stepMs: number; slots: number },
): Promise<AppHistory['memory']> {
  const rows = await database.query<MemoryRow>(
    `read the memory of app/${app}`,
    `SELECT at, mean_bytes, peak_bytes FROM app_memory
     WHERE app = $1 AND step = $2 AND at > now() - $3::float8 * interval '1 ms' ORDER BY at`,
    [app, step, stepMs * slots],
  );
  return rows.map((row) => ({
    at: row.at.toISOString(),
    meanBytes: Number(row.mean_bytes),
    peakBytes: Number(row.peak_bytes),
  }));
}

async function readWakes(
  database: Database,
  app: string,
  count: number,
): Promise<AppHistory['wakes']> {
  const rows = await database.query<WakeRow>(
    `read the wakes of app/${app}`,
    `SELECT generation, host, asked_at, ready_at, place_ms, pull_ms, start_ms, probe_ms, publish_ms,
       greatest(0, extract(epoch FROM ready_at - asked_at) * 1000)::float8 AS total_ms
     FROM app_wakes WHERE app = $1 AND ready_at IS NOT NULL ORDER BY id DESC LIMIT $2`,
    [app, count],
  );
  return rows.reverse().map(toWake);
}

/** What no phase explains is waiting: for Temporal, a worker, a retry. */
function toWake(row: WakeRow): AppHistory['wakes'][number] {
  const phases = {
    placeMs: row.place_ms,
    pullMs: row.pull_ms,
    startMs: row.start_ms,
    probeMs: row.probe_ms,
    publishMs: row.publish_ms,
  };
  const explainedMs = Object.values(phases).reduce((sum, ms) => sum + ms, 0);
  return {
    generation: row.generation,
    host: row.host,
    askedAt: row.asked_at.toISOString(),
    readyAt: row.ready_at.toISOString(),
    totalMs: Math.max(row.total_ms, explainedMs),
    waitMs: Math.max(0, row.total_ms - explainedMs),
    ...phases,
  };
}
