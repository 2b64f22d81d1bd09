import type { Context } from 'hono';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { digestOf, newSecret } from './secrets.ts';
import { sessionCookie } from './session-cookie.ts';

/** Logs a person in on the browser that asks: a row with the digest, a cookie with the secret. */
export async function openSession(
  context: Context<ApiEnv>,
  { store, settings }: Pick<ApiDependencies, 'store' | 'settings'>,
  { person, via }: { person: string; via: string },
): Promise<void> {
  const secret = newSecret();
  await store.sessions.open({
    digest: digestOf(secret),
    person,
    via,
    agent: context.req.header('user-agent') ?? '',
    lastsMs: settings.sessionMs,
  });
  context.header('set-cookie', sessionCookie(secret, settings), { append: true });
}

/** A page of ours to go to behind the login; nothing leads elsewhere. */
export function placeOf(to: unknown): string {
  const fits = typeof to === 'string' && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,2000}$/.test(to);
  return fits ? to : '/';
}
