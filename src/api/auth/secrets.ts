import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits: nothing to guess, so a plain digest of it is safe to keep. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** What is kept of a secret, and looked up by. */
export const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** `lk_<id>_<secret>`: the prefix lets scanners of leaked secrets find it, the id names it in lists. */
export function newToken(): { id: string; text: string; digest: Buffer } {
  const id = randomBytes(6).toString('hex');
  const secret = newSecret();
  return { id, text: `lk_${id}_${secret}`, digest: digestOf(secret) };
}

/** Null when it is not one of our tokens. */
export function parseToken(text: string): { id: string; digest: Buffer } | null {
  const [, id, secret] = /^lk_([0-9a-f]{12})_([\w-]{43})$/.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, digest: digestOf(secret) };
}
