import { html } from 'hono/html';
import type { Child } from 'hono/jsx';
import { version } from '../../model/version.ts';
import { assetPaths } from './assets.ts';

/** Where a page belongs in the navigation. */
type Section = 'home' | 'manage' | 'hosts' | 'events';

interface ShellOptions {
  title: string;
  section: Section | null;
  /** Who is shown this; the place of the account menu. */
  actor: string;
  /** Event stream that tells when to look again. Without it the page stays as it is. */
  stream?: string;
  /** Looks again this often beside that, in milliseconds. */
  everyMs?: number;
  children: Child;
}

const places: readonly { section: Section; href: string; label: string }[] = [
  { section: 'home', href: '/', label: 'Home' },
  { section: 'manage', href: '/manage', label: 'Manage' },
  { section: 'hosts', href: '/manage/hosts', label: 'Hosts' },
  { section: 'events', href: '/manage/events', label: 'Events' },
];

/** The frame of every page. Nothing inline: the policy lets only files of our own run and dress. */
export function shell(options: ShellOptions) {
  const { title, section, actor, stream, everyMs, children } = options;
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
              <nav aria-label="Main">
                <ul>
                  {places.map((place) => (
                    <li>
                      <a
                        href={place.href}
                        aria-current={place.section === section ? 'page' : undefined}
                      >
                        {place.label}
                      </a>
                    </li>
                  ))}
                </ul>
              </nav>
              <span class="person">{actor}</span>
            </div>
          </header>
          <main id="main" tabindex={-1} data-stream={stream} data-every={everyMs}>
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
