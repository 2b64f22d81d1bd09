import type { MiddlewareHandler } from 'hono';
import type { ApiEnv } from '../dependencies.ts';

/**
 * Says who asks. Loopback is open to its one user; login, tokens and roles take this place when
 * they come, and nothing behind it changes.
 */
export const localUser: MiddlewareHandler<ApiEnv> = async (context, next) => {
  context.set('actor', 'local user');
  await next();
};
