import { Hono, type Context } from 'hono';
import { isLabError, LabError } from '../../model/failures.ts';
import type { LoginAttempt } from '../../outbound/identity-provider.ts';
import { admit } from '../auth/admit.ts';
import { openSession, placeOf } from '../auth/open-session.ts';
import { signedText } from '../../signed-text.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { refusedPage } from './login-frame.tsx';

const attemptCookie = 'labkeeper_login';
/** From leaving for the provider to coming back. */
const attemptLastsMs = 10 * 60 * 1000;

type OidcDependencies = Pick<
  ApiDependencies,
  'store' | 'settings' | 'identityProvider' | 'internalToken' | 'log'
>;

/** To the identity provider and back. What the attempt must remember waits in the browser, signed. */
export function oidcLogin(deps: OidcDependencies): Hono<ApiEnv> {
  const { identityProvider: provider, internalToken, log, settings } = deps;
  const attempts = signedText({ secret: internalToken, purpose: 'login attempt' });
  const secure = settings.publicConsoleUrl.startsWith('https:') ? '; Secure' : '';
  const remember = (context: Context<ApiEnv>, value: string, seconds: number) =>
    context.header(
      'set-cookie',
      `${attemptCookie}=${value}; Path=/login/oidc; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`,
      { append: true },
    );
  const silent = (context: Context<ApiEnv>, error: unknown) => {
    log.warn({ err: error, requestId: context.get('requestId') }, 'identity provider unreachable');
    const sentence = `${provider?.title ?? 'The identity provider'} does not answer at the moment. Try again in a minute; login links work all the same.`;
    return context.html(refusedPage(sentence), 503);
  };

  return new Hono<ApiEnv>()
    .get('/login/oidc', async (context) => {
      if (provider === null) throw new LabError('not_found', 'no identity provider is configured');
      try {
        const { url, attempt } = await provider.begin();
        const to = placeOf(context.req.query('to'));
        const signed = attempts.sign({ ...attempt, to }, Date.now() + attemptLastsMs);
        remember(context, signed, attemptLastsMs / 1000);
        return context.redirect(url, 303);
      } catch (error) {
        return silent(context, error);
      }
    })
    .get('/login/oidc/back', async (context) => {
      if (provider === null) throw new LabError('not_found', 'no identity provider is configured');
      const attempt = attempts.open(cookieOf(context))?.value as
        | (LoginAttempt & { to: string })
        | undefined;
      remember(context, '', 0);
      if (attempt === undefined) {
        const sentence = 'This login was not begun on this browser, or took too long. Begin again.';
        return context.html(refusedPage(sentence), 403);
      }
      const { searchParams } = new URL(context.req.url);
      let person: Awaited<ReturnType<typeof admit>>;
      try {
        person = await admit(await provider.finish(searchParams, attempt), deps);
      } catch (error) {
        if (!isLabError(error)) return silent(context, error);
        log.info({ why: error.message, requestId: context.get('requestId') }, 'login refused');
        return context.html(refusedPage(`${provider.title} did not log you in. Begin again.`), 403);
      }
      if ('refused' in person) return context.html(refusedPage(person.refused), 403);
      await openSession(context, deps, { person: person.name, via: provider.title });
      return context.redirect(placeOf(attempt.to), 303);
    });
}

function cookieOf(context: Context<ApiEnv>): string {
  const parts = (context.req.header('cookie') ?? '').split(';').map((part) => part.trim());
  return (
    parts.find((part) => part.startsWith(`${attemptCookie}=`))?.slice(attemptCookie.length + 1) ??
    ''
  );
}
