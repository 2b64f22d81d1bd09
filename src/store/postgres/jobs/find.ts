import type { Job, JobSelection, JobStore } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';
import { jobColumns, toJob, type JobRow } from './row.ts';

export async function findJob(query: Query, id: string): Promise<Job | null> {
  const [row] = await query<JobRow>(
    `find job/${id}`,
    `SELECT ${jobColumns} FROM jobs WHERE id = $1`,
    [id],
  );
  return row === undefined ? null : toJob(row);
}

export async function listJobs(
  database: Database,
  page: JobSelection & { before?: number; limit: number },
): Promise<Job[]> {
  const { where, values } = conditionsOf(page);
  values.push(page.before ?? null, page.limit);
  const rows = await database.query<JobRow>(
    'list jobs',
    `SELECT ${jobColumns} FROM jobs
     WHERE ${where} AND ($${values.length - 1}::bigint IS NULL OR number < $${values.length - 1})
     ORDER BY number DESC LIMIT $${values.length}`,
    values,
  );
  return rows.map(toJob);
}

export async function tallyJobs(
  database: Database,
  selection: JobSelection,
): ReturnType<JobStore['tally']> {
  const { where, values } = conditionsOf(selection);
  return database.query(
    'count jobs',
    `SELECT state, count(*)::integer AS count FROM jobs WHERE ${where} GROUP BY state`,
    values,
  );
}

export async function listLiveJobs(
  database: Database,
  { after = 0, limit }: { after?: number; limit: number },
): ReturnType<JobStore['listLive']> {
  const rows = await database.query<{ id: string; number: string }>(
    'list jobs that are not over',
    `SELECT id, number FROM jobs WHERE finished_at IS NULL AND number > $1
       AND NOT (state = 'queued' AND attempt = 0 AND sweep IS NOT NULL)
     ORDER BY number LIMIT $2`,
    [after, limit],
  );
  return rows.map(({ id, number }) => ({ id, number: Number(number) }));
}

/** Only what was asked for becomes a condition, so that each list has an index to go by. */
function conditionsOf(selection: JobSelection): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const parts: string[] = [];
  const add = (sql: string, value: unknown) => {
    values.push(value);
    parts.push(sql.replaceAll('$', `$${values.length}`));
  };
  const { spaces, space, owner, type, states, host, tags, search, idPrefix } = selection;
  if (spaces !== undefined && spaces !== null) add('space = ANY($)', spaces);
  if (space !== undefined) add('space = $', space);
  if (owner !== undefined) add('owner = $', owner);
  if (type !== undefined) add('type = $', type);
  if (states !== undefined) add('state = ANY($)', states);
  if (host !== undefined) add('host = $', host);
  if (idPrefix !== undefined) add('id LIKE $', `${idPrefix.replaceAll(/[\\%_]/g, '\\$&')}%`);
  if (tags !== undefined) add("spec -> 'tags' @> $::jsonb", JSON.stringify(tags));
  if (search !== undefined) {
    add(
      `(position(lower($) IN lower(id)) > 0
      OR position(lower($) IN lower(COALESCE(spec ->> 'title', ''))) > 0)`,
      search,
    );
  }
  return { where: parts.length === 0 ? 'true' : parts.join(' AND '), values };
}
