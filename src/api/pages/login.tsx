import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { digestOf, newSecret } from '../auth/secrets.ts';
import { endedSessionCookie, sessionCookie, sessionSecrets } from '../auth/session-cookie.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { shell } from './shell.tsx';

const refusals = {
  unknown: 'This link is not one of ours, or it is older than a day.',
  used: 'This link was used before. Each one works once.',
  expired: 'This link has expired.',
  disabled: 'This person may not log in any more.',
} as const;

/** Logging in by a one-time link, and logging out. Other ways to log in have buttons here. */
export function login({
  store,
  settings,
}: Pick<ApiDependencies, 'store' | 'settings'>): Hono<ApiEnv> {
  const open = async (context: Context<ApiEnv>, person: string, via: string): Promise<void> => {
    const secret = newSecret();
    await store.sessions.open({
      digest: digestOf(secret),
      person,
      via,
      agent: context.req.header('user-agent') ?? '',
      lastsMs: settings.sessionMs,
    });
    context.header('set-cookie', sessionCookie(secret, settings), { append: true });
  };

  return new Hono<ApiEnv>()
    .use('/login/*', neverKept)
    .use('/login', neverKept)
    .use('/login/*', bodyLimit({ maxSize: 8_192 }))
    .get('/login', (context) => {
      const { person } = context.get('identity').caller;
      const to = placeOf(context.req.query('to'));
      if (person !== null) return context.redirect(to, 303);
      return context.html(loginPage());
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
      const used = await store.sessions.useLoginLink(digestOf(String(code)));
      if ('refused' in used) return context.html(refusedPage(refusals[used.refused]), 403);
      await open(context, used.person, 'login link');
      return context.redirect(placeOf(typeof to === 'string' ? to : undefined), 303);
    })
    .post('/logout', async (context) => {
      const { caller, credential, via } = context.get('identity');
      if (
        via === 'session' &&
        caller.person !== null &&
        sessionSecrets(context, settings).length > 0
      ) {
        await store.sessions.end(caller.person, credential, { actor: caller.person });
      }
      context.header('set-cookie', endedSessionCookie(settings), { append: true });
      return context.redirect('/login', 303);
    });
}

/** A page of ours to go to behind the login; nothing leads elsewhere. */
export function placeOf(to: string | undefined): string {
  const fits =
    to !== undefined && /^\/(?![/\\])[\x21-\x7e]{0,2000}$/.test(to) && !to.includes('\\');
  return fits ? to : '/';
}

const neverKept = async (context: Context<ApiEnv>, next: () => Promise<void>): Promise<void> => {
  await next();
  context.header('cache-control', 'no-store');
};

function loginPage() {
  return shell({
    title: 'Log in',
    section: null,
    actor: '',
    children: (
      <div class="panel">
        <h1>Log in</h1>
        <p>
          Ask whoever runs this labkeeper for a login link. On its machine{' '}
          <code>labkeeper login-link NAME</code> makes one.
        </p>
      </div>
    ),
  });
}

function linkPage({ code, to }: { code: string; to: string }) {
  return shell({
    title: 'Log in',
    section: null,
    actor: '',
    children: (
      <div class="panel">
        <h1>Log in</h1>
        <p>This link logs you in on this browser. It works once.</p>
        <form method="post" action="/login/link">
          <input type="hidden" name="code" value={code} />
          <input type="hidden" name="to" value={to} />
          <button class="primary">Log in here</button>
        </form>
      </div>
    ),
  });
}

function refusedPage(sentence: string) {
  return shell({
    title: 'Not logged in',
    section: null,
    actor: '',
    children: (
      <div class="panel">
        <h1>Not logged in</h1>
        <p>{sentence} Ask for a new one.</p>
        <p class="actions">
          <a class="button" href="/login">
            Log in another way
          </a>
        </p>
      </div>
    ),
  });
}
