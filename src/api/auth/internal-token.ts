import { timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import { digestOf } from './secrets.ts';

/** Lets only holders of the internal secret pass; without a secret nobody does. */
export function internalToken(token: string | null): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const given = /^Bearer (.*)$/.exec(context.req.header('authorization') ?? '')?.[1] ?? '';
    if (!isInternalSecret(given, token)) {
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
export function isInternalSecret(given: string, secret: string | null): boolean {
  return secret !== null && timingSafeEqual(digestOf(given), digestOf(secret));
}
