import { createHash } from 'node:crypto';
import type { AppCookie, Opening, Proof } from '../../model/access.ts';

/**
 * What a visitor has shown for one app, and what it was last found to be worth. Requests, streams and
 * WebSockets that came in with it hold on to it: when it falls they end.
 */
export interface Pass {
  readonly app: string;
  /** Null for the local user of an open installation, and for visitors of an app for everyone. */
  readonly proof: Proof | null;
  /** What the control plane last said; null before it said anything. */
  opening: Opening | null;
  /** What its own signature says of it, while the control plane has said nothing. */
  readonly vouched: Pick<AppCookie, 'role'> | null;
  /** When that was, by `performance.now()`, and how many changes of access were heard of by then. */
  checkedAtMs: number;
  epoch: number;
  /** Its end, in milliseconds since the epoch. */
  endsAtMs: number;
}

export function newPass(
  app: string,
  proof: Proof | null,
  more: Partial<Pick<Pass, 'vouched' | 'opening' | 'endsAtMs'>> = {},
): Pass {
  return {
    ...{ app, proof, opening: null, vouched: null },
    ...{ checkedAtMs: Number.NEGATIVE_INFINITY, epoch: -1, endsAtMs: Number.POSITIVE_INFINITY },
    ...more,
  };
}

/** Equal for all that prove the same: two cookies of one session share what is known of it. */
export function keyOf(app: string, proof: Proof): string {
  const id = 'id' in proof ? proof.id : proof.person;
  return `${app} ${proof.kind} ${id} ${'digest' in proof ? proof.digest : ''}`;
}

/** Who a pass says its visitor is; null for visitors, with a link or without. */
export function whoIs(pass: Pass): { person: string; role: string | null } | null {
  const { opening, proof, vouched } = pass;
  if (opening?.verdict === 'open') {
    const { person, role } = opening;
    return person === null ? null : { person, role };
  }
  if (vouched === null || proof === null || !('person' in proof)) return null;
  return { person: proof.person, role: vouched.role };
}

/** Null when it is not one of our tokens: then it is the app's own business. */
export function bearerOf(authorization: string): Proof | 'malformed' | null {
  const [, text] = ourToken.exec(authorization) ?? [];
  if (text === undefined) return null;
  const [, id, secret] = /^lk_([0-9a-f]{12})_([\w-]{43})$/.exec(text) ?? [];
  if (id === undefined || secret === undefined) return 'malformed';
  return { kind: 'bearer', id, digest: createHash('sha256').update(secret).digest('hex') };
}

/** Whether this is a token of ours, good or bad: no app ever sees one. */
export const isOurToken = (authorization: string): boolean => ourToken.test(authorization);

const ourToken = /^bearer +(lk_\S*)\s*$/i;
