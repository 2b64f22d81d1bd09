import type { AppJson } from '../../model/api.ts';
import { appStatuses, type AppStatus } from '../../model/app-view.ts';
import type { Operation, Store } from '../../store/ports.ts';
import type { Identity } from '../auth/identify.ts';
import { filterAddress, isFiltered, type AppFilter } from './app-filter.ts';
import type { Concern } from './attention.ts';
import { AttentionList } from './attention-list.tsx';
import { shortCommand } from './command-words.ts';
import { FilterChoice } from './filter-choice.tsx';
import { OperationNotice } from './operation-notice.tsx';
import { mayAnywhere } from './places.ts';
import { shell } from './shell.tsx';
import { appMarks, Status, statusWords } from './status.tsx';
import { Ago } from './time.tsx';

interface ManageFacts {
  identity: Identity;
  concerns: readonly Concern[];
  apps: readonly AppJson[];
  filter: AppFilter;
  /** What can be chosen in the filter. */
  facets: Awaited<ReturnType<Store['apps']['facets']>>;
  /** How many apps fit the filter, whatever their status. */
  counts: ReadonlyMap<AppStatus, number>;
  /** Address of the first page of apps; null on it. */
  first: string | null;
  /** Address of the next page of apps; null at the end. */
  next: string | null;
  operation: Operation | null;
}

/** `/manage`: what needs attention, then all apps. */
export function managePage(facts: ManageFacts) {
  const { identity, concerns, apps, filter, first, next, operation } = facts;
  return shell({
    title: 'Manage',
    section: 'manage',
    identity,
    stream: '/api/v1/events/stream',
    everyMs: 15_000,
    children: (
      <>
        <h1>Manage</h1>
        {operation !== null && <OperationNotice operation={operation} />}
        <AttentionList concerns={concerns} />
        <section class="panel" aria-labelledby="apps-heading">
          <div class="lead">
            <h2 id="apps-heading">Apps</h2>
            {mayAnywhere(identity.caller, 'app.register') && (
              <a class="button primary" href="/manage/apps/new">
                Register an app
              </a>
            )}
          </div>
          <Filter {...facts} />
          <StatusLinks {...facts} />
          {apps.length === 0 ? <NoApps filter={filter} /> : <AppTable {...facts} />}
          {(first !== null || next !== null) && (
            <nav class="actions pages" aria-label="Pages of apps">
              {first !== null && (
                <a class="button" href={first}>
                  First page
                </a>
              )}
              {next !== null && (
                <a class="button" href={next} rel="next">
                  More apps
                </a>
              )}
            </nav>
          )}
        </section>
      </>
    ),
  });
}

/** Chosen by words and by what tells apps apart; the state is chosen by the links below. */
function Filter({ filter, facets }: ManageFacts) {
  return (
    <form class="filter" method="get" action="/manage" role="search" data-filter>
      <label>
        Name or title
        <input type="search" name="search" value={filter.search} maxlength={128} />
      </label>
      <Choice name="space" label="Space" chosen={filter.space} values={facets.spaces} />
      <Choice name="owner" label="Owner" chosen={filter.owner} values={facets.owners} />
      <Choice name="preset" label="Preset" chosen={filter.preset} values={facets.presets} />
      {filter.status !== null && <input type="hidden" name="state" value={filter.status} />}
      <button>Filter</button>
      {isFiltered(filter) && (
        <a class="button" href="/manage">
          Show all
        </a>
      )}
    </form>
  );
}

/** Left out where there is nothing to choose: a small lab has one space. */
function Choice(props: {
  name: string;
  label: string;
  chosen: string | null;
  values: readonly string[];
}) {
  const { values, ...shown } = props;
  if (values.length < 2 && shown.chosen === null) return null;
  return <FilterChoice {...shown} options={values.map((value) => ({ value, label: value }))} />;
}

/** How many there are of each state; each leads to them. */
function StatusLinks({ filter, counts }: ManageFacts) {
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const shown = appStatuses.filter(
    (status) => (counts.get(status) ?? 0) > 0 || status === filter.status,
  );
  const link = (status: AppStatus | null, words: string, count: number) => (
    <li>
      <a
        href={filterAddress({ ...filter, status })}
        aria-current={status === filter.status ? 'true' : undefined}
      >
        {words} <span class="count">{count}</span>
      </a>
    </li>
  );
  return (
    <nav aria-label="Apps by state">
      <ul class="chips">
        {link(null, 'All', all)}
        {shown.map((status) => link(status, statusWords[status], counts.get(status) ?? 0))}
      </ul>
    </nav>
  );
}

function NoApps({ filter }: { filter: AppFilter }) {
  return (
    <p class="soft">
      {isFiltered(filter) ? 'No app fits the filter.' : 'No apps are registered yet.'}
    </p>
  );
}

function AppTable({ apps, facets }: ManageFacts) {
  const hasSpaces = facets.spaces.length > 1;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Since</th>
          {hasSpaces && <th scope="col">Space</th>}
          <th scope="col">Owner</th>
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
            {hasSpaces && (
              <td data-label="Space" class="roomy">
                {app.space}
              </td>
            )}
            <td data-label="Owner" class="roomy">
              {app.owner}
            </td>
            <td data-label="Host" class="roomy">
              {app.condition.host ?? '–'}
            </td>
            <td data-label="Runs" class="mono roomy">
              {app.spec.image ?? shortCommand(app.spec.command ?? [])}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
