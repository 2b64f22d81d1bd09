import type { AppJson } from '../../model/api.ts';
import type { Identity } from '../auth/identify.ts';
import { shell } from './shell.tsx';
import { appMarks, Status, statusWords } from './status.tsx';

/** `/`: what a person may open. */
export function homePage(options: {
  identity: Identity;
  apps: readonly AppJson[];
  /** Name to go on after; null when these are all. */
  next: string | null;
}) {
  const { identity, apps, next } = options;
  return shell({
    title: 'labkeeper',
    section: 'home',
    identity,
    // Who is not logged in may listen to nothing, and looks again from time to time.
    ...(identity.caller.person === null ? {} : { stream: '/api/v1/events/stream' }),
    everyMs: 30_000,
    children: (
      <>
        <h1>Apps</h1>
        <p class="soft">Open one: it wakes if it sleeps, and falls asleep when nobody uses it.</p>
        {apps.length === 0 ? <NoApps /> : <ul class="cards">{apps.map(card)}</ul>}
        {next !== null && (
          <nav class="actions pages" aria-label="Pages of apps">
            <a class="button" href={`/?after=${next}`} rel="next">
              More apps
            </a>
          </nav>
        )}
      </>
    ),
  });
}

function card(app: AppJson) {
  const { name, title, spec, status, explanation, url } = app;
  return (
    <li class="card" id={`app-${name}`} {...appMarks(app)}>
      <h2>{title}</h2>
      <p>
        <Status status={status} words={statusWords[status]} />
      </p>
      {spec.description !== undefined && <p>{spec.description}</p>}
      <p class="soft small">{explanation}</p>
      <p class="actions">
        {status !== 'removing' && (
          <a class="button primary" href={url}>
            {status === 'failed' ? 'Try again' : 'Open'}
            <span class="unseen"> {title}</span>
          </a>
        )}
        <a class="button" href={`/manage/app/${name}`}>
          Details<span class="unseen"> of {title}</span>
        </a>
      </p>
    </li>
  );
}

function NoApps() {
  return (
    <div class="panel">
      <h2>No apps yet</h2>
      <p>Describe one in a file and register it:</p>
      <pre tabindex={0} aria-label="Commands">
        npx labkeeper apply examples/board/labkeeper.yaml
      </pre>
    </div>
  );
}
