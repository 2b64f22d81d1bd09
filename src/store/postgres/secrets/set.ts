import { LabError } from '../../../model/failures.ts';
import type { Secret, SecretStore } from '../../secret-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { inWords, secretColumns, toSecret, type SecretRow } from './row.ts';

type Input = Parameters<SecretStore['set']>[0];

export async function setSecret(
  database: Database,
  input: Input,
): Promise<{ outcome: 'created' | 'replaced'; secret: Secret }> {
  return database.transaction(`set the ${inWords(input)}`, async (query) => {
    await lockSpace(query, input);
    const secret = (await replace(query, input)) ?? (await create(query, input));
    const outcome = secret.version === 1 ? 'created' : 'replaced';
    await insertEvent(query, `space/${input.space}`, {
      actor: input.actor,
      what: input.kind === 'registry' ? 'registry credentials set' : 'secret set',
      why: `version ${secret.version} of ${input.name}`,
      data: { kind: input.kind, name: input.name, version: secret.version },
    });
    return { outcome, secret };
  });
}

/** Setters of one space queue here, so that the limit holds among them. */
async function lockSpace(query: Query, input: Input): Promise<void> {
  const [space] = await query('lock', 'SELECT FROM spaces WHERE name = $1 FOR NO KEY UPDATE', [
    input.space,
  ]);
  if (space !== undefined) return;
  throw new LabError(
    'invalid',
    `cannot set the ${inWords(input)}: there is no space named ${input.space}`,
    { details: { space: input.space } },
  );
}

async function replace(query: Query, input: Input): Promise<Secret | null> {
  const { space, kind, name, sealed, actor } = input;
  const [row] = await query<SecretRow>(
    'update',
    `UPDATE secrets SET version = version + 1, key_id = $4, sealed = $5, changed_by = $6,
       changed_at = now()
     WHERE space = $1 AND kind = $2 AND name = $3 RETURNING ${secretColumns}`,
    [space, kind, name, sealed.keyId, Buffer.from(sealed.bytes), actor],
  );
  return row === undefined ? null : toSecret(row);
}

async function create(query: Query, input: Input): Promise<Secret> {
  const { space, kind, name, sealed, actor, limit } = input;
  const [row] = await query<SecretRow>(
    'insert',
    `INSERT INTO secrets (space, kind, name, owner, key_id, sealed, changed_by)
     SELECT $1, $2, $3, $6, $4, $5, $6
     WHERE (SELECT count(*) FROM secrets WHERE space = $1) < $7
     RETURNING ${secretColumns}`,
    [space, kind, name, sealed.keyId, Buffer.from(sealed.bytes), actor, limit],
  );
  if (row !== undefined) return toSecret(row);
  throw new LabError(
    'quota_exceeded',
    `cannot set the ${inWords(input)}: the space ${space} keeps ${limit} secrets already, the most LABKEEPER_MAX_SECRETS allows; remove one or raise it`,
    { details: { limit } },
  );
}
