import { Hono, type Context } from 'hono';
import { operationIdSchema } from '../../model/api.ts';
import { appStatuses, statusOf, type AppStatus } from '../../model/app-view.ts';
import { LabError } from '../../model/failures.ts';
import { appEntity, dnsLabelPattern } from '../../model/names.ts';
import { openModesOf, spacesOf } from '../../model/roles.ts';
import type { Visibility } from '../../store/people-ports.ts';
import type { App, Operation } from '../../store/ports.ts';
import type { AppActions } from '../app-actions.ts';
import type { AppLogs } from '../app-log-source.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { appJson, hostJson } from '../present.ts';
import { readAppFacts } from './app-facts.ts';
import { appPage, removedAppPage } from './app-page.tsx';
import { assets } from './assets.ts';
import { concerns } from './attention.ts';
import { eventsPage } from './events-page.tsx';
import { appForms } from './forms.ts';
import { homePage } from './home.tsx';
import { hostsPage } from './hosts-page.tsx';
import { managePage, type AppFilter } from './manage.tsx';
import { readTimeline } from './timeline.tsx';

const cardsOfPage = 60;
const rowsOfPage = 100;

/** What people see: Home, Manage and the pages below it. Reading needs no script, nor does acting. */
export function pages(
  deps: Pick<ApiDependencies, 'store' | 'settings' | 'pingTemporal'>,
  { actions, logs }: { actions: AppActions; logs: AppLogs },
): Hono<ApiEnv> {
  const { store, settings } = deps;
  const present = (app: App) => appJson(app, settings);
  const findOperation = async (context: Context<ApiEnv>): Promise<Operation | null> => {
    const id = operationIdSchema.safeParse(context.req.query('operation'));
    return id.success ? store.operations.find(id.data) : null;
  };

  return new Hono<ApiEnv>()
    .use('/manage/*', neverKept)
    .use('/', neverKept)
    .get('/', async (context) => {
      const { caller } = context.get('identity');
      const rows = await store.apps.list({
        visible: { spaces: spacesOf(caller, 'app.see'), access: openModesOf(caller) },
        after: nameIn(context.req.query('after')),
        limit: cardsOfPage + 1,
      });
      const apps = rows.slice(0, cardsOfPage).map(present);
      const next = rows.length > cardsOfPage ? (apps.at(-1)?.name ?? null) : null;
      return context.html(homePage({ actor: context.get('actor'), apps, next }));
    })
    .get('/manage', async (context) => {
      const { caller } = context.get('identity');
      const visible = { spaces: spacesOf(caller, 'app.see'), access: [] };
      const filter = filterOf(context);
      const [hosts, rows, operation] = await Promise.all([
        store.hosts.list(),
        listApps(deps, visible, filter, nameIn(context.req.query('after'))),
        findOperation(context),
      ]);
      const apps = rows.slice(0, rowsOfPage).map(present);
      const last = rows.length > rowsOfPage ? apps.at(-1) : undefined;
      return context.html(
        managePage({
          actor: context.get('actor'),
          concerns: caller.operator ? await concerns(deps, hosts) : [],
          apps,
          filter,
          next: last === undefined ? null : nextAddress(filter, last.name),
          operation,
        }),
      );
    })
    .get('/manage/hosts', async (context) => {
      const hosts = (await store.hosts.list()).map(hostJson);
      return context.html(hostsPage({ actor: context.get('actor'), hosts }));
    })
    .get('/manage/events', async (context) => {
      const before = context.req.query('before');
      const spaces = spacesOf(context.get('identity').caller, 'app.see');
      const timeline = await readTimeline(store.events, { spaces, before, limit: 60 });
      return context.html(eventsPage({ actor: context.get('actor'), timeline }));
    })
    .get('/manage/app/:name', async (context) => {
      const name = context.req.param('name');
      const before = context.req.query('before');
      const actor = context.get('actor');
      const app = dnsLabelPattern.test(name) ? await store.apps.find(name) : null;
      if (app !== null) {
        const operation = await findOperation(context);
        const facts = await readAppFacts(deps, logs, app, { before, operation });
        return context.html(appPage({ actor, app: present(app), facts }));
      }
      const unknown = new LabError('not_found', `there is no app ${name}`);
      if (!dnsLabelPattern.test(name)) throw unknown;
      const timeline = await readTimeline(store.events, { entity: appEntity(name), before });
      if (timeline.events.length === 0) throw unknown;
      return context.html(removedAppPage({ actor, name, timeline }), 404);
    })
    .route('/', appForms(actions))
    .route('/', assets());
}

/** Pages tell the state of now: going back shows what is, not what was. */
const neverKept = async (context: Context<ApiEnv>, next: () => Promise<void>): Promise<void> => {
  await next();
  context.header('cache-control', 'no-store');
};

const nameIn = (text: string | undefined): string =>
  dnsLabelPattern.test(text ?? '') ? (text ?? '') : '';

function filterOf(context: Context<ApiEnv>): AppFilter {
  const asked = context.req.query('state');
  return {
    search: (context.req.query('search') ?? '').trim().slice(0, 100).replaceAll('\0', ''),
    status: appStatuses.find((status) => status === asked) ?? null,
  };
}

/** Phases that a status can have; `statusOf` decides among them. */
const phasesOf: Readonly<Record<AppStatus, readonly App['condition']['phase'][]>> = {
  asleep: ['none'],
  starting: ['none', 'starting', 'draining'],
  ready: ['ready'],
  restarting: ['restarting'],
  stopping: ['starting', 'ready', 'draining'],
  failed: ['failed'],
  removing: ['none', 'starting', 'ready', 'draining', 'restarting', 'failed'],
};

/** One more than a page, so that it is known whether there is another. */
async function listApps(
  { store }: Pick<ApiDependencies, 'store'>,
  visible: Visibility,
  filter: AppFilter,
  first: string,
): Promise<App[]> {
  const { search, status } = filter;
  const found: App[] = [];
  for (let after = first; found.length <= rowsOfPage;) {
    const rows = await store.apps.list({
      visible,
      after,
      limit: rowsOfPage + 1,
      ...(search === '' ? {} : { search }),
      ...(status === null ? {} : { phases: phasesOf[status] }),
    });
    found.push(
      ...rows.filter(({ condition }) => status === null || statusOf(condition) === status),
    );
    const last = rows.at(-1);
    if (last === undefined || rows.length <= rowsOfPage) break;
    after = last.name;
  }
  return found;
}

function nextAddress({ search, status }: AppFilter, after: string): string {
  const query = new URLSearchParams({ after });
  if (search !== '') query.set('search', search);
  if (status !== null) query.set('state', status);
  return `/manage?${query}`;
}
