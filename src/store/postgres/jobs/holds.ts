import type { Cause } from '../../../model/app-state.ts';
import { LabError } from '../../../model/failures.ts';
import { isEnded } from '../../../model/job-state.ts';
import { jobEntity, queueEntity, type EntityName } from '../../../model/names.ts';
import type { JobStore } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import type { JobRow } from './row.ts';

/** Keeps the whole queue, or what waits of one space, from starting; what runs goes on. */
export async function holdScope(
  database: Database,
  ...[scope, cause]: Parameters<JobStore['holdScope']>
): Promise<void> {
  await database.transaction(`hold ${scope}`, async (query) => {
    const added = await query(
      'hold',
      `INSERT INTO holds (scope, actor, why) SELECT $1, $2, $3
       WHERE $1 = 'queue' OR EXISTS (SELECT FROM spaces WHERE 'space/' || name = $1)
       ON CONFLICT (scope) DO NOTHING RETURNING 1`,
      [scope, cause.actor, cause.why],
    );
    if (added.length > 0) await tell(query, scope, 'queue held', cause);
  });
}

export async function releaseScope(
  database: Database,
  ...[scope, cause]: Parameters<JobStore['releaseScope']>
): Promise<void> {
  await database.transaction(`release ${scope}`, async (query) => {
    const gone = await query('release', 'DELETE FROM holds WHERE scope = $1 RETURNING 1', [scope]);
    if (gone.length > 0) await tell(query, scope, 'queue released', cause);
  });
}

/** The whole queue's own timeline is that of the installation: no space has it. */
async function tell(
  query: Query,
  scope: 'queue' | `space/${string}`,
  what: string,
  { actor, why }: Cause,
): Promise<void> {
  const entity: EntityName = scope === 'queue' ? queueEntity : scope;
  await insertEvent(query, entity, { actor, what, why });
}

export async function holdJob(
  database: Database,
  ...[id, cause]: Parameters<JobStore['hold']>
): Promise<void> {
  await database.transaction(`hold job/${id}`, async (query) => {
    const { state, hold } = await lock(query, id);
    if (hold !== null) return;
    if (state !== 'queued') {
      const why = isEnded(state) ? `it is over (${state})` : `it has started (${state})`;
      throw new LabError('conflict', `cannot hold job/${id}: ${why}`, { details: { state } });
    }
    const { actor, why } = cause;
    await query('hold', 'UPDATE jobs SET hold = $2::jsonb, updated_at = now() WHERE id = $1', [
      id,
      JSON.stringify({ actor, why }),
    ]);
    await insertEvent(query, jobEntity(id), { actor, what: 'held', why });
  });
}

export async function releaseJob(
  database: Database,
  ...[id, cause]: Parameters<JobStore['release']>
): Promise<void> {
  await database.transaction(`release job/${id}`, async (query) => {
    const { hold } = await lock(query, id);
    if (hold === null) return;
    const { actor, why } = cause;
    await query('release', 'UPDATE jobs SET hold = NULL, updated_at = now() WHERE id = $1', [id]);
    await insertEvent(query, jobEntity(id), { actor, what: 'released', why });
  });
}

async function lock(query: Query, id: string) {
  const [row] = await query<{ state: JobRow['state']; hold: object | null }>(
    'lock',
    'SELECT state, hold FROM jobs WHERE id = $1 FOR NO KEY UPDATE',
    [id],
  );
  if (row === undefined) throw new LabError('not_found', `there is no job ${id}`);
  return row;
}
