import { LabError } from '../../../model/failures.ts';
import type { Secret, SecretKey } from '../../secret-ports.ts';
import type { Database } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { inWords, secretColumns, toSecret, type SecretRow } from './row.ts';

/** So many are named in a refusal. */
const named = 5;

export async function removeSecret(
  database: Database,
  key: SecretKey,
  actor: string,
): Promise<Secret> {
  const { space, kind, name } = key;
  const what = inWords(key);
  return database.transaction(`remove the ${what}`, async (query) => {
    const [row] = await query<SecretRow>(
      'lock',
      `SELECT ${secretColumns} FROM secrets
       WHERE space = $1 AND kind = $2 AND name = $3 FOR UPDATE`,
      [space, kind, name],
    );
    if (row === undefined) {
      throw new LabError('not_found', `there is no ${what} in the space ${space}`);
    }
    const secret = toSecret(row);
    refuseUsed(secret, what);
    await query('delete', 'DELETE FROM secrets WHERE space = $1 AND kind = $2 AND name = $3', [
      space,
      kind,
      name,
    ]);
    await insertEvent(query, `space/${space}`, {
      actor,
      what: kind === 'registry' ? 'registry credentials removed' : 'secret removed',
      why: name,
      data: { kind, name, version: secret.version },
    });
    return secret;
  });
}

function refuseUsed({ usedBy }: Secret, what: string): void {
  if (usedBy.length === 0) return;
  const more = usedBy.length > named ? ` and ${usedBy.length - named} more` : '';
  const who = usedBy.slice(0, named).map((app) => `app/${app}`);
  throw new LabError(
    'conflict',
    `cannot remove the ${what}: ${who.join(', ')}${more} ${usedBy.length === 1 ? 'uses' : 'use'} it. Register them without it first`,
    { details: { usedBy } },
  );
}
