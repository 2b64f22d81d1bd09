import { LabError } from '../../../model/failures.ts';
import type { Authenticated, By, Token, TokenStore } from '../../people-ports.ts';
import type { Database } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { personColumns, toPerson, type PersonRow } from '../people/row.ts';

interface TokenRow extends Record<string, unknown> {
  id: string;
  person: string;
  label: string;
  created_at: Date;
  created_by: string;
  expires_at: Date;
  revoked_at: Date | null;
  last_used_at: Date | null;
}

const tokenColumns =
  'id, person, label, created_at, created_by, expires_at, revoked_at, last_used_at';

export async function addToken(
  database: Database,
  maxTokens: number,
  ...[input, by]: Parameters<TokenStore['add']>
): Promise<Token> {
  const { id, digest, person, label, lastsMs } = input;
  return database.transaction(`make a token for ${person}`, async (query) => {
    const [known] = await query('lock', 'SELECT FROM people WHERE name = $1 FOR UPDATE', [person]);
    if (known === undefined) throw new LabError('not_found', `there is no person ${person}`);
    const [row] = await query<TokenRow>(
      'insert',
      `INSERT INTO tokens (id, digest, person, label, created_by, expires_at)
       SELECT $1, $2, $3, $4, $5, now() + $6 * interval '1 millisecond'
       WHERE (SELECT count(*) FROM tokens
         WHERE person = $3 AND revoked_at IS NULL AND expires_at > now()) < $7
       RETURNING ${tokenColumns}`,
      [id, digest, person, label, by.actor, lastsMs, maxTokens],
    );
    if (row === undefined) {
      throw new LabError(
        'quota_exceeded',
        `cannot make a token for ${person}: ${maxTokens} are in use, the most LABKEEPER_MAX_TOKENS allows; revoke one first`,
        { details: { limit: maxTokens } },
      );
    }
    await insertEvent(query, `person/${person}`, {
      actor: by.actor,
      what: 'token made',
      why: label,
      data: { token: id },
    });
    return toToken(row);
  });
}

export async function authenticateToken(
  database: Database,
  id: string,
  digest: Buffer,
): Promise<Authenticated | null> {
  const [row] = await database.query<PersonRow & { expires_at: Date; stale: boolean }>(
    'find whose token it is',
    `SELECT ${personColumns}, tokens.expires_at,
       tokens.last_used_at IS NULL OR tokens.last_used_at < now() - interval '1 minute' AS stale
     FROM tokens JOIN people ON people.name = tokens.person
     WHERE tokens.id = $1 AND digest = $2 AND revoked_at IS NULL AND expires_at > now()
       AND NOT disabled`,
    [id, digest],
  );
  if (row === undefined) return null;
  if (row.stale) {
    await database.query(
      'note that a token was used',
      `WITH used AS (UPDATE tokens SET last_used_at = now() WHERE id = $1 RETURNING person)
       UPDATE people SET last_seen_at = now() FROM used WHERE name = used.person`,
      [id],
    );
  }
  return { person: toPerson(row), credential: id, expiresAt: row.expires_at.toISOString() };
}

export async function listTokens(
  database: Database,
  page: { person?: string; limit: number },
): Promise<Token[]> {
  const rows = await database.query<TokenRow>(
    'list tokens',
    `SELECT ${tokenColumns} FROM tokens WHERE ($1::text IS NULL OR person = $1)
     ORDER BY created_at DESC, id LIMIT $2`,
    [page.person ?? null, page.limit],
  );
  return rows.map(toToken);
}

export async function findToken(database: Database, id: string): Promise<Token | null> {
  const [row] = await database.query<TokenRow>(
    'find a token',
    `SELECT ${tokenColumns} FROM tokens WHERE id = $1`,
    [id],
  );
  return row === undefined ? null : toToken(row);
}

export async function revokeToken(database: Database, id: string, by: By): Promise<Token> {
  return database.transaction(`revoke token ${id}`, async (query) => {
    const [row] = await query<TokenRow & { was_revoked: boolean }>(
      'update',
      `UPDATE tokens SET revoked_at = COALESCE(tokens.revoked_at, now())
       FROM (SELECT id, revoked_at IS NOT NULL AS was_revoked FROM tokens WHERE id = $1 FOR UPDATE) AS before
       WHERE tokens.id = before.id RETURNING tokens.*, was_revoked`,
      [id],
    );
    if (row === undefined) throw new LabError('not_found', `there is no token ${id}`);
    if (!row.was_revoked) {
      await insertEvent(query, `person/${row.person}`, {
        actor: by.actor,
        what: 'token revoked',
        why: row.label,
        data: { token: id },
      });
    }
    return toToken(row);
  });
}

function toToken(row: TokenRow): Token {
  return {
    id: row.id,
    person: row.person,
    label: row.label,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
    expiresAt: row.expires_at.toISOString(),
    revokedAt: row.revoked_at?.toISOString() ?? null,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
  };
}
