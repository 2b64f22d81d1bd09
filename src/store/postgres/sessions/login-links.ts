import { LabError } from '../../../model/failures.ts';
import type { By, SessionStore } from '../../people-ports.ts';
import type { Database } from '../database.ts';
import { insertEvent } from '../events/append.ts';

export async function addLoginLink(
  database: Database,
  input: { digest: Buffer; person: string; lastsMs: number },
  by: By,
): Promise<void> {
  const { digest, person, lastsMs } = input;
  await database.transaction(`make a login link for ${person}`, async (query) => {
    const made = await query(
      'insert',
      `INSERT INTO login_links (digest, person, created_by, expires_at)
       SELECT $1, name, $3, now() + $4 * interval '1 millisecond' FROM people WHERE name = $2
       RETURNING 1`,
      [digest, person, by.actor, lastsMs],
    );
    if (made.length === 0) throw new LabError('not_found', `there is no person ${person}`);
    await insertEvent(query, `person/${person}`, {
      actor: by.actor,
      what: 'login link made',
      why: `made by ${by.actor}`,
    });
  });
}

/** The update is the judge: of two who use one link at once, one logs in. */
export async function useLoginLink(
  database: Database,
  digest: Buffer,
): ReturnType<SessionStore['useLoginLink']> {
  const [used] = await database.query<{ person: string }>(
    'use a login link',
    `UPDATE login_links SET used_at = now() FROM people
     WHERE digest = $1 AND used_at IS NULL AND expires_at > now()
       AND people.name = person AND NOT disabled RETURNING person`,
    [digest],
  );
  if (used !== undefined) return { person: used.person };
  const [row] = await database.query<{ used_at: Date | null; expired: boolean }>(
    'find why a login link is refused',
    'SELECT used_at, expires_at <= now() AS expired FROM login_links WHERE digest = $1',
    [digest],
  );
  if (row === undefined) return { refused: 'unknown' };
  if (row.used_at !== null) return { refused: 'used' };
  return { refused: row.expired ? 'expired' : 'disabled' };
}
