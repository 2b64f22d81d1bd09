import type { JobProgress } from '../../job-ports.ts';
import type { Database } from '../database.ts';

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

export async function reportProgress(
  database: Database,
  reports: readonly JobProgress[],
): Promise<void> {
  if (reports.length === 0) return;
  await database.query(
    'write the progress of jobs',
    `UPDATE jobs SET progress = report.progress, progress_at = now(), updated_at = now()
     FROM jsonb_to_recordset($1::jsonb) AS report (id text, attempt integer, progress jsonb)
     WHERE jobs.id = report.id AND jobs.attempt = report.attempt
       AND jobs.state IN ('preparing', 'running', 'stopping')`,
    [JSON.stringify(reports)],
  );
}
