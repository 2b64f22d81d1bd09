import type { Cause } from '../../../model/app-state.ts';
import type { JobNews } from '../../../model/job-state.ts';
import { jobEntity } from '../../../model/names.ts';
import type { Query } from '../database.ts';

/** Leaves word for a job's workflow in the outbox, within the transaction that made it true. */
export async function tellJob(
  query: Query,
  id: string,
  news: JobNews,
  cause: { actor: string; why: string; traceparent?: string | undefined },
): Promise<void> {
  const { actor, why, traceparent } = cause;
  const told: Cause = { actor, why, ...(traceparent === undefined ? {} : { traceparent }) };
  await query(`tell job/${id}`, 'INSERT INTO outbox (entity, payload) VALUES ($1, $2::jsonb)', [
    jobEntity(id),
    JSON.stringify({ command: 'job', news, cause: told }),
  ]);
}
