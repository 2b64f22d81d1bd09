import type { Sealed, SecretKey, SecretKind } from '../../secret-ports.ts';
import type { Database } from '../database.ts';
import { inWords } from './row.ts';

export async function secretsSealedOtherwise(
  database: Database,
  keyId: string,
  limit: number,
): Promise<(SecretKey & { version: number; sealed: Sealed })[]> {
  const rows = await database.query<{
    space: string;
    kind: SecretKind;
    name: string;
    version: number;
    key_id: string;
    sealed: Buffer;
  }>(
    'find what other keys have sealed',
    `SELECT space, kind, name, version, key_id, sealed FROM secrets
     WHERE key_id <> $1 ORDER BY space, kind, name LIMIT $2`,
    [keyId, limit],
  );
  return rows.map(({ key_id: keyId, sealed: bytes, ...row }) => ({
    ...row,
    sealed: { keyId, bytes },
  }));
}

export async function resealSecret(
  database: Database,
  key: SecretKey,
  version: number,
  sealed: Sealed,
): Promise<boolean> {
  const rows = await database.query(
    `seal the ${inWords(key)} anew`,
    `UPDATE secrets SET key_id = $5, sealed = $6
     WHERE space = $1 AND kind = $2 AND name = $3 AND version = $4 RETURNING name`,
    [key.space, key.kind, key.name, version, sealed.keyId, Buffer.from(sealed.bytes)],
  );
  return rows.length > 0;
}
