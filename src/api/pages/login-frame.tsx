import type { Child } from 'hono/jsx';
import { shell } from './shell.tsx';

/** One panel without the navigation's context: what stands before and beside a login. */
export function loginFrame({ title, children }: { title: string; children: Child }) {
  return shell({
    title,
    section: null,
    identity: null,
    children: (
      <div class="panel">
        <h1>{title}</h1>
        {children}
      </div>
    ),
  });
}

/** Why nobody was logged in, and the way back. */
export function refusedPage(sentence: string) {
  return loginFrame({
    title: 'Not logged in',
    children: (
      <>
        <p>{sentence}</p>
        <p class="actions">
          <a class="button" href="/login">
            Log in another way
          </a>
        </p>
      </>
    ),
  });
}
