import { LabError } from '../../../model/failures.ts';
import type { By } from '../../people-ports.ts';
import type { Database } from '../database.ts';
import { insertEvent } from '../events/append.ts';

export async function addIdentity(
  database: Database,
  identity: { issuer: string; subject: string; person: string },
  by: By,
): Promise<void> {
  const { issuer, subject, person } = identity;
  await database.transaction(`tie ${issuer} to person/${person}`, async (query) => {
    const added = await query(
      'insert',
      'INSERT INTO identities (issuer, subject, person) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING person',
      [issuer, subject, person],
    );
    if (added.length > 0) {
      await insertEvent(query, `person/${person}`, {
        actor: by.actor,
        what: 'identity added',
        why: `logs in through ${issuer}`,
        data: { issuer },
      });
      return;
    }
    const [row] = await query<{ person: string }>(
      'find whose',
      'SELECT person FROM identities WHERE issuer = $1 AND subject = $2',
      [issuer, subject],
    );
    if (row?.person === person) return;
    throw new LabError(
      'conflict',
      `cannot tie an identity of ${issuer} to ${person}: it belongs to somebody else`,
    );
  });
}
