import type { ImportedJob } from '../../shared-job-ports.ts';
import type { Database } from '../database.ts';

interface ImportedRow extends Record<string, unknown> {
  id: string;
  record: Record<string, unknown>;
  imported_at: Date;
}

/** Whoever writes the source first imports; others find it and change nothing. */
export async function importOnce(
  database: Database,
  source: string,
  jobs: readonly Omit<ImportedJob, 'importedAt'>[],
): Promise<boolean> {
  return database.transaction(`take over the jobs of ${source}`, async (query) => {
    const first = await query(
      'be the first',
      'INSERT INTO imports (source) VALUES ($1) ON CONFLICT DO NOTHING RETURNING source',
      [source],
    );
    if (first.length === 0) return false;
    await query(
      'write them',
      `INSERT INTO imported_jobs (id, family, record)
       SELECT one ->> 'id', $1, one -> 'record'
       FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY AS given (one, place)
       ORDER BY place ON CONFLICT DO NOTHING`,
      [source, JSON.stringify(jobs)],
    );
    return true;
  });
}

export async function findImported(database: Database, id: string): Promise<ImportedJob | null> {
  const [row] = await database.query<ImportedRow>(
    `find the old job ${id}`,
    'SELECT id, record, imported_at FROM imported_jobs WHERE id = $1',
    [id],
  );
  return row === undefined ? null : toImported(row);
}

export async function listImported(
  database: Database,
  limit: number,
): Promise<{ rows: ImportedJob[]; total: number }> {
  const rows = await database.query<ImportedRow & { total: number }>(
    'list old jobs',
    `SELECT id, record, imported_at, count(*) OVER ()::integer AS total
     FROM imported_jobs ORDER BY number DESC LIMIT $1`,
    [limit],
  );
  return { rows: rows.map(toImported).reverse(), total: rows[0]?.total ?? 0 };
}

const toImported = (row: ImportedRow): ImportedJob => ({
  id: row.id,
  record: row.record,
  importedAt: row.imported_at.toISOString(),
});
