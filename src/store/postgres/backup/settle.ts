import { timeInWords } from '../../../model/in-words.ts';
import { queryOn, type Query } from '../database.ts';
import { meaningOf } from '../failures.ts';
import { ephemeralTables } from './ephemeral.ts';
import { beginSession, quoted, type BackupDatabase } from './session.ts';

export interface RestoreFacts {
  /** Of this restore, so that one that was cut off after its commit is known again. */
  id: string;
  /** Name of the host that restores, and of the one whose files these were. */
  host: string;
  formerHost: string;
  /** The backup's moment: ISO 8601 in UTC. */
  takenAt: string;
}

/**
 * Restored rows meet a world without the old machine: nothing that ran is known here. An app that
 * ran sleeps until somebody opens it, one that is always on starts anew, a removal goes on; each is
 * told in its timeline. Runs in the transaction of the caller.
 */
export async function settleRestored(query: Query, facts: RestoreFacts): Promise<void> {
  const actor = 'labkeeper restore';
  const why = `restored from the backup of ${timeInWords(facts.takenAt)}`;
  // What served then served until then: its awake time is counted so (see count_awake_time).
  await query('end routes', 'UPDATE routes SET ready_at = $1::timestamptz', [facts.takenAt]);
  await query(
    'forget the old machine',
    `TRUNCATE ${Object.keys(ephemeralTables).map(quoted).join(', ')}`,
  );
  await query(
    'put to sleep what ran',
    `WITH was AS (
       SELECT name, phase, wanted, generation, host,
         phase NOT IN ('none', 'failed') OR wanted = 'awake' AND phase <> 'failed' AS live
       FROM apps FOR UPDATE
     ), settled AS (
       UPDATE apps SET host = NULL, restart_at = NULL, sleeps_at = NULL,
         phase = CASE WHEN live THEN 'none' ELSE apps.phase END,
         wanted = CASE WHEN apps.wanted = 'awake' AND NOT (live AND ${isAlwaysOn})
           THEN 'asleep' ELSE apps.wanted END,
         since = CASE WHEN live THEN now() ELSE since END,
         actor = CASE WHEN live AND apps.wanted <> 'gone' THEN $1 ELSE actor END,
         why = CASE WHEN live AND apps.wanted <> 'gone' THEN $2 ELSE why END,
         detail = CASE WHEN live THEN NULL ELSE detail END,
         updated_at = CASE WHEN live THEN now() ELSE updated_at END
       FROM was WHERE apps.name = was.name
     )
     INSERT INTO events (entity, actor, what, why, data)
     SELECT 'app/' || name, $1, 'restored',
       $2 || '; what ran then is not known here',
       jsonb_build_object('phase', phase, 'generation', generation, 'host', host)
     FROM was WHERE live ORDER BY name`,
    [actor, why],
  );
  await query(
    'end jobs that ran',
    `WITH ended AS (
       UPDATE jobs SET state = 'failed', cause = 'host_lost', finished_at = now(), since = now(),
         updated_at = now(), detail = 'it ran on a machine that is not here any more'
       WHERE state IN ('preparing', 'running', 'stopping')
       RETURNING id, attempt, host
     )
     INSERT INTO events (entity, actor, what, why, data)
     SELECT 'job/' || id, $1, 'failed', $2 || '; what ran then is not known here',
       jsonb_build_object('attempt', attempt, 'host', host)
     FROM ended ORDER BY id`,
    [actor, why],
  );
  await query(
    'move volumes to the host that has their folders now',
    'UPDATE volumes SET host = $2 WHERE host = $1',
    [facts.formerHost, facts.host],
  );
  await raiseGenerations(query, facts.takenAt);
  await query(
    'say that it was restored',
    `INSERT INTO events (entity, actor, what, why, data)
     VALUES ('host/' || $1, $2, 'restored', $3, jsonb_build_object('restore', $4::text))`,
    [facts.host, actor, why, facts.id],
  );
}

/** Whether the restore with this id was committed in the database. */
export async function isRestored(database: BackupDatabase, id: string): Promise<boolean> {
  const client = await beginSession(database, 'labkeeper restore', 'BEGIN READ ONLY').catch(
    (error: unknown) => {
      throw meaningOf(error, 'look at the database');
    },
  );
  try {
    const query = queryOn(client);
    const [events] = await query<{ there: boolean }>(
      'look for events',
      "SELECT to_regclass('events') IS NOT NULL AS there",
    );
    if (events?.there !== true) return false;
    const rows = await query(
      'look for the restore',
      `SELECT FROM events WHERE entity LIKE 'host/%' AND what = 'restored'
         AND data ->> 'restore' = $1`,
      [id],
    );
    return rows.length > 0;
  } finally {
    await client.end();
  }
}

const isAlwaysOn = `COALESCE((apps.spec ->> 'alwaysOn')::boolean, false)`;

/**
 * After the backup the old world went on and named instances that these rows know nothing of; such a name
 * must not be given again, or what is left of it would be taken for ours. A generation takes
 * longer than a second, so as many seconds later its number is beyond any that was used.
 */
async function raiseGenerations(query: Query, takenAt: string): Promise<void> {
  await query(
    'leave out generations that may have been used',
    `INSERT INTO lives AS known (entity, generation)
     SELECT entity, generation + greatest(1, ceil(extract(epoch FROM now() - $1::timestamptz)))
     FROM (SELECT entity, generation FROM lives
       UNION ALL SELECT 'app/' || name, generation FROM apps
       WHERE 'app/' || name NOT IN (SELECT entity FROM lives)) AS used
     ON CONFLICT (entity) DO UPDATE SET generation = excluded.generation`,
    [takenAt],
  );
}
