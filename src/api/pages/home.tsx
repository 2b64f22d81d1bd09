import type { AppJson } from '../../model/api.ts';
import { may } from '../../model/roles.ts';
import type { Identity } from '../auth/identify.ts';
import { OwnJobsPanel, type OwnJobs } from './own-jobs.tsx';
import { mayAnywhere } from './places.ts';
import { shell } from './shell.tsx';
import { appMarks, Status, statusWords } from './status.tsx';

interface HomeShown {
  identity: Identity;
  apps: readonly AppJson[];
  /** Words that the name or title must have; empty: any. */
  search: string;
  /** Name to go on after; null when these are all. */
  next: string | null;
  /** What the person submitted. */
  jobs: OwnJobs;
}

/** `/`: the apps that a person may open, and nothing that takes a role they lack. */
export function homePage(shown: HomeShown) {
  const { identity, apps, search, next, jobs } = shown;
  // What goes on now is looked for first.
  const isBusy = jobs.some(({ terminal }) => !terminal);
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
        {(apps.length > 0 || search !== '') && <Search search={search} />}
        {isBusy && <OwnJobsPanel identity={identity} jobs={jobs} />}
        {apps.length > 0 && (
          <ul class="cards">
            {apps.map((app) => card(app, may(identity.caller, 'app.see', app)))}
          </ul>
        )}
        {apps.length === 0 && (search === '' ? <NoApps identity={identity} /> : <NoneFits />)}
        {next !== null && (
          <nav class="actions pages" aria-label="Pages of apps">
            <a class="button" href={addressAfter(next, search)} rel="next">
              More apps
            </a>
          </nav>
        )}
        {!isBusy && <OwnJobsPanel identity={identity} jobs={jobs} />}
      </>
    ),
  });
}

function Search({ search }: { search: string }) {
  return (
    <form class="filter search" method="get" action="/" role="search" data-filter>
      <label>
        Name or title
        <input type="search" name="search" value={search} maxlength={100} />
      </label>
      <button>Search</button>
    </form>
  );
}

function card(app: AppJson, showsDetails: boolean) {
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
        {showsDetails && (
          <a class="button" href={`/manage/app/${name}`}>
            Details<span class="unseen"> of {title}</span>
          </a>
        )}
      </p>
    </li>
  );
}

function NoneFits() {
  return (
    <div class="panel">
      <h2>No app fits</h2>
      <p>
        No app that you may open has these words in its name or title. <a href="/">Show all</a>
      </p>
    </div>
  );
}

/** Says what to do, to each whom it concerns. */
function NoApps({ identity: { caller } }: { identity: Identity }) {
  if (caller.person === null) {
    return (
      <div class="panel">
        <h2>Nothing is open to everybody</h2>
        <p>Log in to see the apps that you may open.</p>
        <p class="actions">
          <a class="button primary" href="/login">
            Log in
          </a>
        </p>
      </div>
    );
  }
  if (mayAnywhere(caller, 'app.register')) {
    return (
      <div class="panel">
        <h2>No apps yet</h2>
        <p>Register one here, or describe it in a file:</p>
        <pre tabindex={0} aria-label="Commands">
          npx labkeeper apply examples/board/labkeeper.yaml
        </pre>
        <p class="actions">
          <a class="button primary" href="/manage/apps/new">
            Register an app
          </a>
        </p>
      </div>
    );
  }
  return (
    <div class="panel">
      <h2>No app is open to you yet</h2>
      <p>
        Apps belong to spaces, such as a course or a project. Ask the admin of yours for the role{' '}
        <strong>user</strong>, and tell them your name here: <strong>{caller.person}</strong>.
      </p>
      <p class="actions">
        <a class="button" href="/account">
          Your roles
        </a>
      </p>
    </div>
  );
}

function addressAfter(next: string, search: string): string {
  const query = new URLSearchParams(search === '' ? {} : { search });
  query.set('after', next);
  return `/?${query}`;
}
