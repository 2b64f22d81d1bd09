import { opevaOwner, type OpevaRecord } from '../../../model/opeva.ts';
import type { SharedJob, SharedJobStore } from '../../shared-job-ports.ts';
import type { Database } from '../database.ts';
import { jobColumns, toJob, type JobRow } from '../jobs/row.ts';

type SharedRow = JobRow & { record: OpevaRecord };

const columns = `${jobColumns}, shared_jobs.record`;
const tables = 'shared_jobs JOIN jobs ON jobs.id = shared_jobs.job';

export async function findShared(database: Database, id: string): Promise<SharedJob | null> {
  const [row] = await database.query<SharedRow>(
    `find job/${id} of an old client`,
    `SELECT ${columns} FROM ${tables} WHERE shared_jobs.job = $1`,
    [id],
  );
  return row === undefined ? null : toShared(row);
}

export async function listShared(
  database: Database,
  { limit, before, states }: Parameters<SharedJobStore['list']>[0],
): ReturnType<SharedJobStore['list']> {
  const rows = await database.query<SharedRow>(
    'list jobs of old clients',
    `SELECT ${columns} FROM ${tables}
     WHERE ($1::bigint IS NULL OR jobs.number < $1) AND ($2::text[] IS NULL OR jobs.state = ANY($2))
     ORDER BY jobs.number DESC LIMIT $3`,
    [before ?? null, states ?? null, limit],
  );
  const [count] = await database.query<{ total: number }>(
    'count jobs of old clients',
    `SELECT count(*)::integer AS total FROM ${tables}
     WHERE $1::text[] IS NULL OR jobs.state = ANY($1)`,
    [states ?? null],
  );
  return { rows: rows.map(toShared).reverse(), total: count?.total ?? 0 };
}

export async function findAllShared(
  database: Database,
  ids: readonly string[],
): Promise<SharedJob[]> {
  const rows = await database.query<SharedRow>(
    'find jobs of old clients',
    `SELECT ${columns} FROM ${tables} WHERE shared_jobs.job = ANY($1)`,
    [ids],
  );
  return rows.map(toShared);
}

export async function findByKey(database: Database, key: string): Promise<SharedJob | null> {
  const [row] = await database.query<SharedRow>(
    'find the job of a key',
    `SELECT ${columns} FROM ${tables} WHERE jobs.owner = $1 AND jobs.idempotency_key = $2`,
    [opevaOwner, key],
  );
  return row === undefined ? null : toShared(row);
}

export async function sharedConfig(database: Database, id: string): Promise<string | null> {
  const [row] = await database.query<{ config: string }>(
    `read the configuration of job/${id}`,
    'SELECT config FROM shared_jobs WHERE job = $1',
    [id],
  );
  return row?.config ?? null;
}

const toShared = ({ record, ...row }: SharedRow): SharedJob => ({
  job: toJob(row),
  record,
});
