import { jobEntity } from '../../../model/names.ts';
import { isEnded } from '../../../model/job-state.ts';
import type { JobChange, JobStore } from '../../job-ports.ts';
import type { Mark } from '../../ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { jobColumns, toJob, type JobRow } from './row.ts';

export async function beginJob(database: Database, id: string): ReturnType<JobStore['begin']> {
  const [row] = await database.query<JobRow>(
    `begin a life of job/${id}`,
    `UPDATE jobs SET life = life + 1, revision = 0, updated_at = now()
     WHERE id = $1 AND finished_at IS NULL RETURNING ${jobColumns}`,
    [id],
  );
  return row === undefined ? null : toJob(row);
}

export async function advanceJob(
  database: Database,
  id: string,
  mark: Mark,
  change: JobChange,
): Promise<boolean> {
  return database.transaction(`write a step of job/${id}`, async (query) => {
    const order = await compareMark(query, id, mark);
    if (order !== 'newer') return order === 'equal';
    if (change.ofAttempt !== undefined) {
      const held = await query('look', 'SELECT FROM leases WHERE job = $1 AND attempt = $2', [
        id,
        change.ofAttempt,
      ]);
      if (held.length === 0) return false;
    }
    await writeChange(query, id, mark, change);
    if (change.release === true) {
      await query('give capacity back', 'DELETE FROM leases WHERE job = $1', [id]);
    }
    if (change.event !== undefined) await insertEvent(query, jobEntity(id), change.event);
    return true;
  });
}

export async function leaveQueue(
  database: Database,
  ...[id, mark, end]: Parameters<JobStore['leaveQueue']>
): Promise<boolean> {
  return database.transaction(`end job/${id} in the queue`, async (query) => {
    const order = await compareMark(query, id, mark);
    if (order !== 'newer') return order === 'equal';
    const [row] = await query<{ state: string }>('look', 'SELECT state FROM jobs WHERE id = $1', [
      id,
    ]);
    if (row?.state !== 'queued') return false;
    const { state, cause, detail, event } = end;
    await writeChange(query, id, mark, { state, cause, detail, now: ['finishedAt'] });
    await insertEvent(query, jobEntity(id), event);
    return true;
  });
}

/** How `mark` stands to the row's, whose lock is taken. A job that is over is past every mark but its last. */
async function compareMark(
  query: Query,
  id: string,
  mark: Mark,
): Promise<'older' | 'equal' | 'newer'> {
  const [row] = await query<{ life: string; revision: string; state: JobRow['state'] }>(
    'lock',
    'SELECT life, revision, state FROM jobs WHERE id = $1 FOR NO KEY UPDATE',
    [id],
  );
  if (row === undefined) return 'older';
  const ahead = mark.life - Number(row.life) || mark.revision - Number(row.revision);
  if (ahead === 0) return 'equal';
  return ahead > 0 && !isEnded(row.state) ? 'newer' : 'older';
}

/** What was seen of an end is kept once; without an asking there is none. */
const evidence = `cancel = cancel || jsonb_build_object($::text, COALESCE(
  NULLIF(cancel -> $::text, 'null'), to_jsonb(to_char(now() AT TIME ZONE 'UTC',
    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))))`;

export async function noteEnd(
  database: Database,
  ...[id, attempt, seen]: Parameters<JobStore['noteEnd']>
): Promise<void> {
  await database.query(
    `note the end of job/${id}`,
    `UPDATE jobs SET ${evidence.replaceAll('$', '$3')}, updated_at = now()
     WHERE id = $1 AND attempt = $2 AND cancel IS NOT NULL AND finished_at IS NULL`,
    [id, attempt, seen],
  );
}

async function writeChange(query: Query, id: string, mark: Mark, change: JobChange): Promise<void> {
  const values: unknown[] = [id, mark.life, mark.revision];
  const sets: string[] = [];
  const set = (sql: string, value: unknown) => {
    values.push(value);
    sets.push(sql.replaceAll('$', `$${values.length}`));
  };
  const { state, cause, detail, exit, imageDigest, lastLogLines, result, progress } = change;
  if (state !== undefined) {
    // What is to end does not look as if it went on.
    const goesOn = state === 'preparing' || state === 'running';
    const next = goesOn ? "(CASE WHEN cancel IS NULL THEN $ ELSE 'stopping' END)" : '$';
    set(`since = CASE WHEN state <> ${next} THEN now() ELSE since END, state = ${next}`, state);
  }
  if (cause !== undefined) set('cause = $', cause);
  if (detail !== undefined) set('detail = $', detail);
  if (exit !== undefined) set('exit = $::jsonb', exit === null ? null : JSON.stringify(exit));
  if (imageDigest !== undefined) set('image_digest = $', imageDigest);
  if (lastLogLines !== undefined) set('last_log_lines = $::jsonb', JSON.stringify(lastLogLines));
  if (result !== undefined) set('result = $::jsonb', JSON.stringify(result));
  if (progress !== undefined) {
    set('progress_at = now(), progress = $::jsonb', JSON.stringify(progress));
  }
  if (change.runDeadlineInMs !== undefined) {
    set("run_deadline_at = now() + $::float8 * interval '1 ms'", change.runDeadlineInMs);
  }
  if (change.queue !== undefined) {
    const { readyInMs, deadlineInMs } = change.queue;
    sets.push('queued_at = now(), started_at = NULL, run_deadline_at = NULL');
    set("ready_at = now() + $::float8 * interval '1 ms'", readyInMs);
    set("queue_deadline_at = now() + $::float8 * interval '1 ms'", deadlineInMs);
  }
  if (change.release === true) sets.push('lost = NULL');
  if (change.counts === 'host_loss') sets.push('host_losses = host_losses + 1');
  if (change.counts === 'recall') sets.push('recalls = recalls + 1');
  const { now = [] } = change;
  if (now.includes('startedAt')) sets.push('started_at = now()');
  if (now.includes('finishedAt')) sets.push('finished_at = now()');
  if (now.includes('goneAt')) set(evidence, 'goneAt');
  await query(
    'write it',
    `UPDATE jobs SET life = $2, revision = $3, updated_at = now()
       ${sets.map((sql) => `, ${sql}`).join('')} WHERE id = $1`,
    values,
  );
}
