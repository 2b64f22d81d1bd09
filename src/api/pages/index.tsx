import { Hono, type Context } from 'hono';
import { LabError } from '../../model/failures.ts';
import { appEntity, dnsLabelPattern } from '../../model/names.ts';
import { openModesOf, spacesOf } from '../../model/roles.ts';
import type { LoginLinks } from '../auth/login-links.ts';
import type { AppActions } from '../app-actions.ts';
import type { JobActions } from '../job-actions.ts';
import type { QueueReader } from '../queue-view.ts';
import type { AppLogs } from '../app-log-source.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { appFor } from '../present.ts';
import type { LinkActions } from '../link-actions.ts';
import type { SecretActions } from '../secret-actions.ts';
import type { TokenActions } from '../token-actions.ts';
import { accessWords } from './access-words.ts';
import { account } from './account.tsx';
import { appFormRoutes } from './app-form-routes.ts';
import { readAppFacts } from './app-facts.ts';
import { appForms } from './app-forms.ts';
import { appPage } from './app-page.tsx';
import { removedPage } from './removed-page.tsx';
import { assets } from './assets.ts';
import { findOperation } from './find-operation.ts';
import { homePage } from './home.tsx';
import { jobPages } from './job-routes.ts';
import { readOwnJobs } from './own-jobs.tsx';
import { manageRoutes } from './manage-routes.ts';
import { searchIn } from './paging.ts';
import { peoplePages } from './people-routes.ts';
import { secretPages } from './secret-routes.ts';
import { sharing } from './sharing.tsx';
import { volumePages } from './volume-routes.ts';
import { spacePages } from './space-routes.ts';
import { overviewRoutes } from './overview-routes.ts';
import { readTimeline } from './timeline.tsx';

const cardsOfPage = 60;

/** What pages have done: the API's own functions, so that nothing is done in a second way. */
interface Deeds {
  actions: AppActions;
  logs: AppLogs;
  tokens: TokenActions;
  loginLinks: LoginLinks;
  appLinks: LinkActions;
  secrets: SecretActions;
  jobs: JobActions;
  queue: QueueReader;
}

/** What people see: Home, Manage and the pages below it. Reading needs no script, nor does acting. */
export function pages(
  deps: Pick<ApiDependencies, 'store' | 'settings' | 'pingTemporal' | 'logReader'>,
  deeds: Deeds,
): Hono<ApiEnv> {
  const { actions, logs } = deeds;
  const { store, settings } = deps;

  return new Hono<ApiEnv>()
    .use('/manage/*', neverKept)
    .use('/', neverKept)
    .use('/account/*', neverKept)
    .get('/', async (context) => {
      const identity = context.get('identity');
      const { caller } = identity;
      const search = searchIn(context.req.query('search'));
      const rows = await store.apps.list({
        visible: { spaces: spacesOf(caller, 'app.use'), access: openModesOf(caller) },
        ...(search === '' ? {} : { search }),
        after: nameIn(context.req.query('after')),
        limit: cardsOfPage + 1,
      });
      const apps = rows.slice(0, cardsOfPage).map((app) => appFor(caller, app, settings));
      const next = rows.length > cardsOfPage ? (apps.at(-1)?.name ?? null) : null;
      const jobs = await readOwnJobs(deps, caller);
      return context.html(homePage({ identity, apps, search, next, jobs }));
    })
    .route('/', manageRoutes(deps))
    .route('/', overviewRoutes(deps))
    .route('/', appFormRoutes(deps, actions))
    .get('/manage/app/:name', async (context) => {
      const name = context.req.param('name');
      const before = context.req.query('before');
      const identity = context.get('identity');
      const app = dnsLabelPattern.test(name) ? await store.apps.find(name) : null;
      if (app !== null) {
        const operation = await findOperation(context, store);
        const facts = await readAppFacts(deps, logs, app, {
          before,
          operation,
          caller: identity.caller,
          span: context.req.query('memory') === 'month' ? 'month' : 'day',
        });
        return context.html(
          appPage({
            ...{ identity, facts },
            app: appFor(identity.caller, app, settings),
            access: accessWords(app, settings),
          }),
        );
      }
      const unknown = new LabError('not_found', `there is no app ${name}`);
      if (!dnsLabelPattern.test(name)) throw unknown;
      const timeline = await readTimeline(store.events, { entity: appEntity(name), before });
      if (timeline.events.length === 0) throw unknown;
      const page = removedPage({
        ...{ identity, name, timeline, section: 'manage', path: `/manage/app/${name}` },
        sentence: 'It was removed.',
      });
      return context.html(page, 404);
    })
    .route('/', appForms(actions))
    .route('/', account(deps, deeds.tokens))
    .route('/', peoplePages(deps, deeds.loginLinks))
    .route('/', spacePages(deps))
    .route('/', secretPages(deps, deeds.secrets))
    .route('/', volumePages(deps))
    .route('/', jobPages(deps, { actions: deeds.jobs, queue: deeds.queue }))
    .route('/', sharing(deps, { actions, links: deeds.appLinks }))
    .route('/', assets());
}

/** Pages tell the state of now: going back shows what is, not what was. */
const neverKept = async (context: Context<ApiEnv>, next: () => Promise<void>): Promise<void> => {
  await next();
  context.header('cache-control', 'no-store');
};

const nameIn = (text: string | undefined): string =>
  dnsLabelPattern.test(text ?? '') ? (text ?? '') : '';
