import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../dependencies.ts';
import { Problem } from '../problem.ts';

/** Lets only holders of the internal secret pass; without a secret nobody does. */
export function internalToken(token: string | null): MiddlewareHandler<ApiEnv> {
  const expected = token === null ? null : digest(`Bearer ${token}`);
  return async (context, next) => {
    const given = digest(context.req.header('authorization') ?? '');
    if (expected === null || !timingSafeEqual(given, expected)) {
      throw new Problem(
        'unauthenticated',
        'internal calls need the secret of LABKEEPER_INTERNAL_TOKEN_FILE as bearer token',
        { headers: { 'www-authenticate': 'Bearer' } },
      );
    }
    context.set('actor', 'gateway');
    await next();
  };
}

/** Equal lengths, whatever was sent: the comparison tells nothing by its time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
