import { html } from 'hono/html';
import type { Child } from 'hono/jsx';
import { version } from '../../model/version.ts';
import type { Identity } from '../auth/identify.ts';
import { assetPaths } from './assets.ts';
import { placesFor, type Section } from './places.ts';

interface ShellOptions {
  title: string;
  section: Section | null;
  /** Who is shown this: decides the navigation. Null where that is not known or does not matter. */
  identity: Identity | null;
  /** Event stream that tells when to look again. Without it the page stays as it is. */
  stream?: string;
  /** Looks again this often beside that, in milliseconds. */
  everyMs?: number;
  /** Looks at most this often, in milliseconds; a second without it. */
  leastMs?: number;
  children: Child;
}

/** The frame of every page. Nothing inline: the policy lets only files of our own run and dress. */
export function shell(options: ShellOptions) {
  const { title, section, identity, stream, everyMs, leastMs, children } = options;
  return html`<!doctype html>${(
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>{title === 'labkeeper' ? title : `${title} · labkeeper`}</title>
          <link rel="icon" type="image/svg+xml" href={assetPaths.icon} />
          <link rel="stylesheet" href={assetPaths.style} />
          <script type="module" src={assetPaths.script} />
        </head>
        <body>
          <a class="skip" href="#main">
            Skip to content
          </a>
          <header>
            <div class="bar">
              <a class="brand" href="/">
                <img src={assetPaths.icon} alt="" width="20" height="20" />
                labkeeper
              </a>
              {identity !== null && <Navigation identity={identity} section={section} />}
              {identity !== null && <Person identity={identity} section={section} />}
            </div>
          </header>
          <main
            id="main"
            tabindex={-1}
            data-stream={stream}
            data-every={everyMs}
            data-least={leastMs}
          >
            {children}
          </main>
          <footer>
            <span>labkeeper {version}</span>
            <a href="/openapi.json">API</a>
            <span id="live" />
            <span id="news" class="unseen" role="status" aria-live="polite" />
          </footer>
        </body>
      </html>
    )}`;
}

interface Shown {
  identity: Identity;
  section: Section | null;
}

function Navigation({ identity, section }: Shown) {
  return (
    <nav aria-label="Main">
      <ul>
        {placesFor(identity.caller).map((place) => (
          <li>
            <a href={place.href} aria-current={place.section === section ? 'page' : undefined}>
              {place.label}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Who is logged in, and the way out; only a session can be left. */
function Person({ identity, section }: Shown) {
  const { caller, via } = identity;
  if (caller.person === null) {
    return (
      <div class="person">
        <a href="/login">Log in</a>
      </div>
    );
  }
  return (
    <div class="person">
      <a href="/account" aria-current={section === 'account' ? 'page' : undefined}>
        <span class="unseen">Account of </span>
        {caller.person}
      </a>
      {via === 'session' && (
        <form method="post" action="/logout">
          <button class="plain">Log out</button>
        </form>
      )}
    </div>
  );
}
