import type { SweepRow, SweepStore } from '../../sweep-ports.ts';
import type { Database } from '../database.ts';
import type { SubmissionLimits } from '../jobs/submit.ts';
import { cancelSweep, removeSweep, settleSweeps } from './end.ts';
import { findSweep, sweepColumns, toSweep, type SweepDatabaseRow } from './row.ts';
import { submitSweep } from './submit.ts';

/** Sweeps on PostgreSQL. */
export function sweepStore(database: Database, limits: SubmissionLimits): SweepStore {
  return {
    submit: (input) => submitSweep(database, input, limits),
    find: (id) => findSweep(database.query, id),
    async list({ spaces, before, limit }) {
      const rows = await database.query<SweepDatabaseRow>(
        'list sweeps',
        `SELECT ${sweepColumns} FROM sweeps
         WHERE ($1::text[] IS NULL OR space = ANY ($1)) AND ($2::bigint IS NULL OR number < $2)
         ORDER BY number DESC LIMIT $3`,
        [spaces, before ?? null, limit],
      );
      return rows.map(toSweep);
    },
    rows: (id, page) => listRows(database, id, page),
    cancel: (id, cause) => cancelSweep(database, id, cause),
    remove: (id, cause) => removeSweep(database, id, cause),
    settle: () => settleSweeps(database),
  };
}

async function listRows(
  database: Database,
  id: string,
  { after, limit }: { after: number; limit: number },
): Promise<SweepRow[]> {
  const rows = await database.query<
    Omit<SweepRow, 'startedAt' | 'finishedAt'> & {
      started_at: Date | null;
      finished_at: Date | null;
    }
  >(
    `list jobs of sweep/${id}`,
    `SELECT sweep_index AS index, id AS job, state, parameters, progress, result, detail, started_at,
       finished_at
     FROM jobs WHERE sweep = $1 AND sweep_index > $2 ORDER BY sweep_index LIMIT $3`,
    [id, after, limit],
  );
  return rows.map(({ started_at: startedAt, finished_at: finishedAt, ...row }) => ({
    ...row,
    startedAt: startedAt?.toISOString() ?? null,
    finishedAt: finishedAt?.toISOString() ?? null,
  }));
}
