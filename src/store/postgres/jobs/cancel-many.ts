import type { Cause } from '../../../model/app-state.ts';
import type { Query } from '../database.ts';

/**
 * Ends all jobs of a sweep that wait, and asks for the end of those that run; the same for each as
 * cancelling it alone, in two statements. Answers those whose workflows are to be told.
 */
export async function cancelMany(
  query: Query,
  { sweep }: { sweep: string },
  { actor, why }: Cause,
): Promise<string[]> {
  await query(
    'end those that wait',
    `WITH ended AS (
       UPDATE jobs SET state = 'canceled', cause = 'canceled', finished_at = now(), since = now(),
         updated_at = now(), actor = $2, why = $3, detail = 'canceled by ' || $2 || ': ' || $3,
         cancel = ${evidence} || jsonb_build_object('goneAt', ${nowText})
       WHERE sweep = $1 AND state = 'queued' RETURNING id, attempt
     ), told AS (
       INSERT INTO outbox (entity, payload)
       SELECT 'job/' || id, jsonb_build_object('command', 'job', 'cause', ${cause},
         'news', '{"kind": "over"}'::jsonb) FROM ended WHERE attempt > 0
     )
     INSERT INTO events (entity, actor, what, why)
     SELECT 'job/' || id, $2, 'canceled', $3 FROM ended`,
    [sweep, actor, why],
  );
  const running = await query<{ id: string }>(
    'ask for the end of those that run',
    `WITH asked AS (
       UPDATE jobs SET state = 'stopping', since = now(), updated_at = now(), actor = $2, why = $3,
         detail = 'stopping: canceled by ' || $2 || ': ' || $3, cancel = ${evidence}
       WHERE sweep = $1 AND state IN ('preparing', 'running') AND cancel IS NULL RETURNING id
     ), told AS (
       INSERT INTO outbox (entity, payload)
       SELECT 'job/' || id, jsonb_build_object('command', 'job', 'cause', ${cause},
         'news', jsonb_build_object('kind', 'canceled', 'cause', ${cause})) FROM asked
     ), said AS (
       INSERT INTO events (entity, actor, what, why)
       SELECT 'job/' || id, $2, 'cancel asked for', $3 FROM asked
     )
     SELECT id FROM asked`,
    [sweep, actor, why],
  );
  return running.map(({ id }) => id);
}

const nowText = `to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const cause = "jsonb_build_object('actor', $2::text, 'why', $3::text)";
const evidence = `jsonb_build_object('actor', $2::text, 'why', $3::text, 'requestedAt', ${nowText},
  'signalledAt', NULL, 'killedAt', NULL, 'goneAt', NULL)`;
