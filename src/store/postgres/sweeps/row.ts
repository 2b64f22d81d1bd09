import type { Query } from '../database.ts';
import type { Sweep } from '../../sweep-ports.ts';

export interface SweepDatabaseRow extends Record<string, unknown> {
  id: string;
  number: string;
  space: string;
  owner: string;
  title: string | null;
  type: string | null;
  body_digest: string;
  parameters: string[];
  total: number;
  max_parallel: number | null;
  fail_fast: boolean;
  state: Sweep['state'];
  actor: string;
  why: string;
  detail: string | null;
  tally: Sweep['tally'];
  submitted_at: Date;
  since: Date;
  finished_at: Date | null;
}

/** With how its jobs stand, counted now. */
export const sweepColumns = `sweeps.*, (
  SELECT jsonb_build_object(
    'queued', count(*) FILTER (WHERE state = 'queued'),
    'active', count(*) FILTER (WHERE state IN ('preparing', 'running', 'stopping')),
    'succeeded', count(*) FILTER (WHERE state = 'succeeded'),
    'failed', count(*) FILTER (WHERE state IN ('failed', 'expired')),
    'canceled', count(*) FILTER (WHERE state = 'canceled'))
  FROM jobs WHERE jobs.sweep = sweeps.id) AS tally`;

export function toSweep(row: SweepDatabaseRow): Sweep {
  return {
    id: row.id,
    number: Number(row.number),
    space: row.space,
    owner: row.owner,
    title: row.title,
    type: row.type,
    parameters: row.parameters,
    total: row.total,
    maxParallel: row.max_parallel,
    failFast: row.fail_fast,
    state: row.state,
    actor: row.actor,
    why: row.why,
    detail: row.detail,
    tally: row.tally,
    submittedAt: row.submitted_at.toISOString(),
    since: row.since.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}

export async function findSweep(query: Query, id: string, lock = ''): Promise<Sweep | null> {
  const [row] = await query<SweepDatabaseRow>(
    `find sweep/${id}`,
    `SELECT ${sweepColumns} FROM sweeps WHERE id = $1 ${lock}`,
    [id],
  );
  return row === undefined ? null : toSweep(row);
}
