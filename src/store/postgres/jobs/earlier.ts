import { LabError } from '../../../model/failures.ts';
import type { Query, Row } from '../database.ts';

interface Repeatable {
  id: string;
  owner: string;
  idempotencyKey?: string | undefined;
  bodyDigest: string;
}

interface Kept extends Row {
  id: string;
  owner: string;
  body_digest: string;
}

/**
 * The row that has the id, or that the owner's key was used for; null when there is none. Throws `conflict` for
 * another body or owner, which is a new submission under a name that is taken.
 */
export async function findEarlierRow<Found extends Kept>(
  query: Query,
  kind: 'job' | 'sweep',
  columns: string,
  { id, owner, idempotencyKey, bodyDigest }: Repeatable,
): Promise<Found | null> {
  const [row] = await query<Found>(
    'look for an earlier one',
    `SELECT ${columns} FROM ${kind}s
     WHERE id = $1 OR (owner = $2 AND idempotency_key = $3) ORDER BY id = $1 DESC LIMIT 1`,
    [id, owner, idempotencyKey ?? null],
  );
  if (row === undefined) return null;
  if (row.body_digest === bodyDigest && row.owner === owner) return row;
  const by = row.id === id ? 'its id' : `the key ${idempotencyKey}`;
  throw new LabError(
    'conflict',
    `cannot submit ${kind}/${id}: ${by} was used for ${kind}/${row.id} with another definition; use a new one for a new ${kind}`,
    { details: { [kind]: row.id } },
  );
}
