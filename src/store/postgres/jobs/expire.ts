import type { Database } from '../database.ts';

/** The workflow of a job comes first, since it says the same with less delay. */
const graceMs = 5_000;
const atOnce = 1_000;

export async function expireJobs(database: Database): Promise<number> {
  const rows = await database.query(
    'end jobs that waited too long',
    `WITH due AS MATERIALIZED (
       SELECT id FROM jobs WHERE state = 'queued'
         AND queue_deadline_at < now() - $1::float8 * interval '1 ms'
       ORDER BY number LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
     ), ended AS (
       UPDATE jobs SET state = 'expired', cause = 'queue_deadline', finished_at = now(),
         since = now(), updated_at = now(),
         detail = 'it was not started before its queue deadline'
       FROM due WHERE jobs.id = due.id RETURNING jobs.id, attempt
     ), told AS (
       INSERT INTO outbox (entity, payload)
       SELECT 'job/' || id, '{"command": "job", "news": {"kind": "over"},
         "cause": {"actor": "queue deadline", "why": "it waited too long"}}'::jsonb
       FROM ended WHERE attempt > 0
     )
     INSERT INTO events (entity, actor, what, why)
     SELECT 'job/' || id, 'queue deadline', 'expired', 'it was not started before its queue deadline'
     FROM ended RETURNING 1`,
    [graceMs, atOnce],
  );
  return rows.length;
}
