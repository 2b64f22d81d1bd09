import { metricRing, mostMetrics, type MetricRing } from '../../../model/job-metrics.ts';
import type { JobProgress, JobStore } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';

export async function setJobDetail(
  database: Database,
  id: string,
  attempt: number,
  detail: string,
): Promise<void> {
  await database.query(
    `say what job/${id} does`,
    `UPDATE jobs SET detail = $3, updated_at = now()
     WHERE id = $1 AND attempt = $2 AND state IN ('preparing', 'running')`,
    [id, attempt, detail],
  );
}

/**
 * Progress and points in one statement. A slot is the time since the attempt began, in steps of the ring; steps double
 * as often as its slots would not reach, and just after that the slots in between go. Series of earlier attempts go too.
 */
export async function reportProgress(
  database: Database,
  reports: readonly JobProgress[],
  ring: MetricRing = metricRing,
): Promise<void> {
  if (reports.length === 0) return;
  await database.query(
    'write the progress of jobs',
    `WITH report AS MATERIALIZED (
       SELECT * FROM jsonb_to_recordset($1::jsonb)
         AS given (id text, attempt integer, progress jsonb, step float8, metrics jsonb)
     ), written AS (
       UPDATE jobs SET progress = report.progress, progress_at = now(), updated_at = now(),
         metric_names = ARRAY(
           SELECT name FROM unnest(jobs.metric_names
             || ARRAY(SELECT jsonb_object_keys(report.metrics))) WITH ORDINALITY AS told (name, place)
           GROUP BY name ORDER BY min(place) LIMIT $4)
       FROM report WHERE jobs.id = report.id AND jobs.attempt = report.attempt
         AND jobs.state IN ('preparing', 'running', 'stopping')
       RETURNING jobs.id, jobs.attempt, jobs.started_at, jobs.metric_names
     ), timed AS (
       SELECT written.*, report.step, report.metrics,
         floor(greatest(0, extract(epoch FROM now() - started_at) * 1000) / $2)::bigint AS steps
       FROM written JOIN report USING (id, attempt) WHERE started_at IS NOT NULL
     ), spaced AS (
       SELECT *, 1::bigint << greatest(0, ceil(ln((steps + 1)::numeric / $3) / ln(2.0)))::integer
         AS every
       FROM timed
     ), dropped AS (
       DELETE FROM job_metrics AS old USING spaced
       WHERE old.job = spaced.id AND (old.attempt < spaced.attempt
         OR (old.attempt = spaced.attempt AND spaced.every > 1 AND old.slot % spaced.every <> 0
           AND spaced.steps / spaced.every < $3 / 2 + 4))
     )
     INSERT INTO job_metrics (job, attempt, metric, slot, at, step, value)
     SELECT id, attempt, key, steps - steps % every, now(), step, value::float8
     FROM spaced CROSS JOIN LATERAL jsonb_each_text(metrics)
     WHERE key = ANY(metric_names)
     ON CONFLICT (job, attempt, metric, slot)
       DO UPDATE SET at = excluded.at, step = excluded.step, value = excluded.value`,
    [JSON.stringify(reports.map(rowOf)), ring.stepMs, ring.slots, mostMetrics],
  );
}

const rowOf = ({ id, attempt, progress, metrics }: JobProgress) => ({
  ...{ id, attempt, progress },
  step: metrics?.step ?? null,
  metrics: metrics?.values ?? {},
});

export async function readMetrics(query: Query, id: string): ReturnType<JobStore['metrics']> {
  const rows = await query<{
    attempt: number;
    metric: string;
    points: [string, number | null, number][];
  }>(
    `read the series of job/${id}`,
    `SELECT attempt, metric, jsonb_agg(jsonb_build_array(
       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), step, value) ORDER BY slot)
         AS points
     FROM job_metrics WHERE job = $1
       AND attempt = (SELECT max(attempt) FROM job_metrics WHERE job = $1)
     GROUP BY attempt, metric ORDER BY metric`,
    [id],
  );
  return rows.map(({ attempt, metric, points }) => ({
    attempt,
    name: metric,
    points: points.map(([at, step, value]) => ({ at, step, value })),
  }));
}
