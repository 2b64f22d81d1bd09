import type { AppCondition } from '../../../model/app-view.ts';
import type { StoreFigures } from '../../ports.ts';
import type { Database } from '../database.ts';

interface FiguresRow extends Record<string, unknown> {
  apps: { wanted: AppCondition['wanted']; phase: AppCondition['phase']; count: number }[] | null;
  operations: number;
  operations_oldest_ms: number;
  entries: number;
  entries_oldest_ms: number;
  events_lag_ms: number;
}

/** One statement, since it is asked for at every scrape. */
export async function readFigures(database: Database): Promise<StoreFigures> {
  const [row] = await database.query<FiguresRow>(
    'measure the database',
    `SELECT
       (SELECT jsonb_agg(counted) FROM (
         SELECT wanted, phase, count(*)::integer AS count FROM apps GROUP BY wanted, phase
       ) AS counted) AS apps,
       open.count AS operations, open.oldest_ms AS operations_oldest_ms,
       undelivered.count AS entries, undelivered.oldest_ms AS entries_oldest_ms,
       (SELECT ${ageMs('min(at)')} FROM events
        WHERE tx >= pg_snapshot_xmin(pg_current_snapshot())) AS events_lag_ms
     FROM
       (SELECT count(*)::integer AS count, ${ageMs('min(created_at)')} AS oldest_ms
        FROM operations WHERE state = 'accepted') AS open,
       (SELECT count(*)::integer AS count, ${ageMs('min(created_at)')} AS oldest_ms
        FROM outbox) AS undelivered`,
  );
  return {
    apps: row?.apps ?? [],
    operations: { unfinished: row?.operations ?? 0, oldestAgeMs: row?.operations_oldest_ms ?? 0 },
    outbox: { entries: row?.entries ?? 0, oldestAgeMs: row?.entries_oldest_ms ?? 0 },
    eventsLagMs: row?.events_lag_ms ?? 0,
  };
}

function ageMs(time: string): string {
  return `COALESCE(greatest(0, round(extract(epoch FROM now() - ${time}) * 1000)), 0)::float8`;
}
