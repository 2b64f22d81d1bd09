import { createHmac, timingSafeEqual } from 'node:crypto';

/** Text that a browser keeps for us and cannot change: `<body>.<signature>`, for one purpose each. */
export interface SignedText {
  sign(value: unknown): string;
  /** What was signed; null when it was changed, signed for something else, or is too old. */
  open(text: string): unknown;
}

/** The key is derived from the internal secret, so that nothing else has to be kept. */
export function signedText(options: {
  secret: string | null;
  purpose: string;
  lastsMs: number;
}): SignedText {
  const { secret, purpose, lastsMs } = options;
  const key = createHmac('sha256', secret ?? '')
    .update(`labkeeper ${purpose}`)
    .digest();
  const signatureOf = (body: string) => createHmac('sha256', key).update(body).digest();
  return {
    sign(value) {
      if (secret === null)
        throw new Error(`cannot sign for ${purpose}: there is no internal secret`);
      const body = Buffer.from(JSON.stringify({ value, at: Date.now() })).toString('base64url');
      return `${body}.${signatureOf(body).toString('base64url')}`;
    },
    open(text) {
      const [body = '', signature = ''] = text.split('.', 2);
      const given = Buffer.from(signature, 'base64url');
      const expected = signatureOf(body);
      if (secret === null || given.length !== expected.length) return null;
      if (!timingSafeEqual(given, expected)) return null;
      const { value, at } = JSON.parse(Buffer.from(body, 'base64url').toString()) as {
        value: unknown;
        at: number;
      };
      return Date.now() - at > lastsMs ? null : value;
    },
  };
}
