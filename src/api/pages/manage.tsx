import type { AppJson } from '../../model/api.ts';
import { appStatuses, type AppStatus } from '../../model/app-view.ts';
import type { Operation } from '../../store/ports.ts';
import type { Concern } from './attention.ts';
import { OperationNotice } from './operation-notice.tsx';
import { shell } from './shell.tsx';
import { appMarks, Status, statusWords } from './status.tsx';
import { Ago } from './time.tsx';

export interface AppFilter {
  search: string;
  status: AppStatus | null;
}

/** `/manage`: what needs attention, then all apps. */
export function managePage(options: {
  actor: string;
  concerns: readonly Concern[];
  apps: readonly AppJson[];
  filter: AppFilter;
  /** Address of the next page of apps; null at the end. */
  next: string | null;
  operation: Operation | null;
}) {
  const { actor, concerns, apps, filter, next, operation } = options;
  return shell({
    title: 'Manage',
    section: 'manage',
    actor,
    stream: '/api/v1/events/stream',
    everyMs: 15_000,
    children: (
      <>
        <h1>Manage</h1>
        {operation !== null && <OperationNotice operation={operation} />}
        <Attention concerns={concerns} />
        <section class="panel" aria-labelledby="apps-heading">
          <h2 id="apps-heading">Apps</h2>
          <Filter filter={filter} />
          {apps.length === 0 ? <NoApps filter={filter} /> : <AppTable apps={apps} />}
          {next !== null && (
            <nav class="actions pages" aria-label="Pages of apps">
              <a class="button" href={next} rel="next">
                More apps
              </a>
            </nav>
          )}
        </section>
      </>
    ),
  });
}

function Attention({ concerns }: { concerns: readonly Concern[] }) {
  if (concerns.length === 0) {
    return (
      <section class="panel" aria-labelledby="attention-heading">
        <h2 id="attention-heading">Needs attention</h2>
        <p class="soft">Nothing.</p>
      </section>
    );
  }
  return (
    <section class="panel attention" aria-labelledby="attention-heading">
      <h2 id="attention-heading">Needs attention</h2>
      <ul class="list">
        {concerns.map(({ subject, href, sentence, remedy }) => (
          <li>
            {href === null ? <strong>{subject}</strong> : <a href={href}>{subject}</a>}: {sentence}
            {remedy !== '' && <div class="soft small">{remedy}</div>}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Filter({ filter }: { filter: AppFilter }) {
  return (
    <form class="filter" method="get" action="/manage" role="search" data-filter>
      <label>
        Name or title
        <input type="search" name="search" value={filter.search} maxlength={100} />
      </label>
      <label>
        State
        <select name="state">
          <option value="">Any</option>
          {appStatuses.map((status) => (
            <option value={status} selected={status === filter.status}>
              {statusWords[status]}
            </option>
          ))}
        </select>
      </label>
      <button>Filter</button>
    </form>
  );
}

function NoApps({ filter }: { filter: AppFilter }) {
  const isFiltered = filter.search !== '' || filter.status !== null;
  return (
    <p class="soft">{isFiltered ? 'No app fits the filter.' : 'No apps are registered yet.'}</p>
  );
}

function AppTable({ apps }: { apps: readonly AppJson[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Since</th>
          <th scope="col">Host</th>
          <th scope="col">Runs</th>
        </tr>
      </thead>
      <tbody>
        {apps.map((app) => (
          <tr id={`app-${app.name}`} {...appMarks(app)}>
            <td data-label="Name">
              <div>
                <a href={`/manage/app/${app.name}`}>{app.name}</a>
                {app.title !== app.name && <div class="soft small">{app.title}</div>}
              </div>
            </td>
            <td data-label="State">
              <Status status={app.status} words={statusWords[app.status]} />
            </td>
            <td data-label="Since">
              <Ago at={app.condition.since} />
            </td>
            <td data-label="Host">{app.condition.host ?? '–'}</td>
            <td data-label="Runs" class="mono">
              {app.spec.image ?? app.spec.command?.slice(0, 2).join(' ')}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
