import { Hono } from 'hono';
import { LabError } from '../../model/failures.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { loginFrame } from './login-frame.tsx';

const codePattern = /^[A-Z]{4}-[A-Z]{4}$/;

/** Where a person lets a program in that `labkeeper login` began: compare the code, press the button. */
export function deviceLoginPages({ store }: Pick<ApiDependencies, 'store'>): Hono<ApiEnv> {
  return new Hono<ApiEnv>()
    .get('/login/device', async (context) => {
      const code = codeOf(context.req.query('code'));
      const found = code === null ? null : await store.deviceLogins.find(code);
      if (code === null || found === null) return context.html(askPage(code !== null));
      return context.html(confirmPage(code, found.label, context.get('actor')));
    })
    .post('/login/device', async (context) => {
      const { caller, via } = context.get('identity');
      // A token must not make another one that outlives it.
      if (caller.person === null || (via !== 'session' && via !== 'proxy')) {
        throw new LabError('forbidden', 'only a person at a browser can let a program in');
      }
      const code = codeOf((await context.req.parseBody())['code']);
      const done = code !== null && (await store.deviceLogins.confirm(code, caller.person));
      return done ? context.html(donePage()) : context.html(askPage(true), 404);
    });
}

function codeOf(given: unknown): string | null {
  const code = typeof given === 'string' ? given.trim().toUpperCase() : '';
  return codePattern.test(code) ? code : null;
}

function askPage(isWrong: boolean) {
  return loginFrame({
    title: 'Let a program in',
    children: (
      <>
        {isWrong && <p class="detail">No program waits under this code. It may have expired.</p>}
        <form method="get" action="/login/device" class="filter">
          <label>
            Code that the program shows
            <input name="code" required pattern="[A-Za-z]{4}-[A-Za-z]{4}" autocomplete="off" />
          </label>
          <button class="primary">Go on</button>
        </form>
      </>
    ),
  });
}

function confirmPage(code: string, label: string, actor: string) {
  return loginFrame({
    title: 'Let a program in',
    children: (
      <>
        <p>
          <strong>{label}</strong> wants to do what {actor} may do, for 90 days or until you revoke
          its token. Go on only if you began this yourself and it shows the code <code>{code}</code>
          .
        </p>
        <form method="post" action="/login/device">
          <input type="hidden" name="code" value={code} />
          <button class="primary">Let it in</button>
        </form>
      </>
    ),
  });
}

function donePage() {
  return loginFrame({
    title: 'It is let in',
    children: <p>You can close this page and go back to the program.</p>,
  });
}
