import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/**
 * Text that somebody keeps for us and cannot change: `<body>.<signature>`, for one purpose each and until an
 * end. It is signed, not sealed: whoever holds it can read it.
 */
export interface SignedText {
  /** Throws without a secret. `endsAtMs` is since the epoch. */
  sign(value: unknown, endsAtMs: number): string;
  /** What was signed; null when it was changed, signed for something else, or has ended. */
  open(text: string): { value: unknown; endsAtMs: number } | null;
}

/** The key is derived from the internal secret (HKDF, RFC 5869), so that nothing else has to be kept. */
export function signedText(options: { secret: string | null; purpose: string }): SignedText {
  const { secret, purpose } = options;
  const key = Buffer.from(hkdfSync('sha256', secret ?? '', '', `labkeeper ${purpose}`, 32));
  const signatureOf = (body: string) => createHmac('sha256', key).update(body).digest();
  return {
    sign(value, endsAtMs) {
      if (secret === null)
        throw new Error(`cannot sign for ${purpose}: there is no internal secret`);
      const body = Buffer.from(JSON.stringify([endsAtMs, value])).toString('base64url');
      return `${body}.${signatureOf(body).toString('base64url')}`;
    },
    open(text) {
      const [body = '', signature = '', more] = text.split('.', 3);
      const given = Buffer.from(signature, 'base64url');
      const expected = signatureOf(body);
      if (secret === null || more !== undefined || given.length !== expected.length) return null;
      if (!timingSafeEqual(given, expected)) return null;
      const signed: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
      const [endsAtMs, value] = signed as [number, unknown];
      return Date.now() >= endsAtMs ? null : { value, endsAtMs };
    },
  };
}
