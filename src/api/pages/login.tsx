import { Hono, type Context } from 'hono';
import { openSession, placeOf } from '../auth/open-session.ts';
import { digestOf } from '../auth/secrets.ts';
import { endedSessionCookie } from '../auth/session-cookie.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { deviceLoginPages } from './login-device.tsx';
import { loginFrame, refusedPage } from './login-frame.tsx';
import { oidcLogin } from './login-oidc.tsx';

const refusals = {
  unknown: 'This link is not one of ours, or it is older than a day.',
  used: 'This link was used before. Each one works once.',
  expired: 'This link has expired.',
  disabled: 'This person may not log in any more.',
} as const;

type LoginDependencies = Pick<
  ApiDependencies,
  'store' | 'settings' | 'identityProvider' | 'internalToken' | 'log'
>;

/** Logging in, by a one-time link or the identity provider, and out again. */
export function login(deps: LoginDependencies): Hono<ApiEnv> {
  const { store, settings, identityProvider } = deps;
  return new Hono<ApiEnv>()
    .use('/login', neverKept)
    .use('/login/*', neverKept)
    .get('/login', (context) => {
      const { person } = context.get('identity').caller;
      const to = placeOf(context.req.query('to'));
      if (person !== null) return context.redirect(to, 303);
      return context.html(loginPage(identityProvider?.title ?? null, to));
    })
    .get('/login/link', (context) =>
      context.html(
        linkPage({
          code: (context.req.query('code') ?? '').slice(0, 100),
          to: placeOf(context.req.query('to')),
        }),
      ),
    )
    .post('/login/link', async (context) => {
      const { code, to } = await context.req.parseBody();
      const used = await store.sessions.useLoginLink(
        digestOf(typeof code === 'string' ? code : ''),
      );
      if ('refused' in used) {
        return context.html(refusedPage(`${refusals[used.refused]} Ask for a new one.`), 403);
      }
      await openSession(context, deps, { person: used.person, via: 'login link' });
      return context.redirect(placeOf(to), 303);
    })
    .post('/logout', async (context) => {
      const { caller, credential, via } = context.get('identity');
      if (via === 'session' && caller.person !== null) {
        await store.sessions.end(caller.person, credential, { actor: caller.person });
      }
      context.header('set-cookie', endedSessionCookie(settings), { append: true });
      return context.redirect('/login', 303);
    })
    .route('/', oidcLogin(deps))
    .route('/', deviceLoginPages(deps));
}

const neverKept = async (context: Context<ApiEnv>, next: () => Promise<void>): Promise<void> => {
  await next();
  context.header('cache-control', 'no-store');
};

function loginPage(provider: string | null, to: string) {
  return loginFrame({
    title: 'Log in',
    children: (
      <>
        {provider !== null && (
          <p class="actions">
            <a class="button primary" href={`/login/oidc?to=${encodeURIComponent(to)}`}>
              Log in with {provider}
            </a>
          </p>
        )}
        <p>
          {provider === null ? 'Ask' : 'Or ask'} whoever runs this labkeeper for a login link. On
          its machine <code>labkeeper login-link NAME</code> makes one.
        </p>
      </>
    ),
  });
}

function linkPage({ code, to }: { code: string; to: string }) {
  return loginFrame({
    title: 'Log in',
    children: (
      <>
        <p>This link logs you in on this browser. It works once.</p>
        <form method="post" action="/login/link">
          <input type="hidden" name="code" value={code} />
          <input type="hidden" name="to" value={to} />
          <button class="primary">Log in here</button>
        </form>
      </>
    ),
  });
}
