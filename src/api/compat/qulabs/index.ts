import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { isLabError } from '../../../model/failures.ts';
import { qulabsPath } from '../../../model/qulabs.ts';
import type { AppActions } from '../../app-actions.ts';
import type { ApiDependencies, ApiEnv, ApiSettings } from '../../dependencies.ts';
import { expectedProblem, problemTable } from '../../problem.ts';
import { verbsOf } from '../../unmatched.ts';
import { deleteLab } from './delete-lab.ts';
import { listLabs } from './list-labs.ts';
import { mountOf } from './mount.ts';
import { refuse, Refusal } from '../refusal.ts';
import { registerLab } from './register-lab.ts';
import { openLab, showLoading, showStatus } from './visit-lab.ts';
import { waitingRoom, type WaitingRoom } from '../waiting.ts';

/** What the family's routes are built from. */
export interface QulabsDependencies extends Pick<
  ApiDependencies,
  'store' | 'delivery' | 'log' | 'ending'
> {
  actions: AppActions;
  waiting: WaitingRoom;
  settings: Pick<ApiSettings, 'authentication' | 'consoleUrl' | 'qulabs'>;
}

/** Two generations of names, served at once; `noun` is what their sentences say. */
export interface Naming {
  noun: 'App' | 'Lab';
  register: string;
  list: string;
  entry: string;
}

const namings: readonly Naming[] = [
  { noun: 'App', register: '/register_app', list: '/apps', entry: '/app' },
  { noun: 'Lab', register: '/register_lab', list: '/labs', entry: '/lab' },
];

/**
 * QuLabs clients (contracts/qulabs.md): everything but the apps themselves, which the gateway serves.
 * Mounted at `/compat/qulabs` whichever listener was asked; a header of the gateway tells that.
 */
export function qulabs(
  deps: ApiDependencies,
  actions: AppActions,
): (request: Request) => Response | Promise<Response> {
  const { qulabs: settings } = deps.settings;
  const family: QulabsDependencies = {
    ...deps,
    actions,
    waiting: waitingRoom({
      ...settings,
      setting: 'LABKEEPER_QULABS_MAX_WAITING',
      ending: deps.ending,
    }),
  };
  const app = new Hono<ApiEnv>();
  const at = (path: string) => `${qulabsPath}${path}`;
  app.use(bodyLimit({ maxSize: deps.settings.maxBodyBytes, onError: refuseLargeBody }));
  app.get(at('/'), (context) => context.json({ message: 'Hello World' }));
  app.get(at('/health-check'), (context) => context.json({ status: 'ok' }));
  for (const naming of namings) {
    app.post(at(naming.register), (context) => registerLab(context, family, naming));
    app.get(at(naming.list), (context) => listLabs(context, family));
    app.delete(at(`${naming.list}/:id`), (context) => deleteLab(context, family, naming));
    app.get(at(`${naming.entry}/:id`), (context) => openLab(context, family));
  }
  app.get(at('/loading/:id'), (context) => showLoading(context, family));
  app.get(at('/status/:id'), (context) => showStatus(context, family));
  app.notFound((context) => unmatched(context, app, family));
  app.onError((error, context) => failed(error, context, deps));
  return (request) => app.fetch(request);
}

/** A path with a slash too many is sent on (C6), a wrong verb is told the right ones (C4). */
function unmatched(context: Context, app: Hono<ApiEnv>, deps: QulabsDependencies): Response {
  const { path } = context.req;
  const bare = path.replace(/\/$/, '');
  if (bare !== path && bare !== qulabsPath && verbsOf(app.routes, bare).length > 0) {
    const { search } = new URL(context.req.url);
    const below = bare.slice(qulabsPath.length);
    return context.body(null, 307, {
      location: `${mountOf(context, deps.settings).path}${below}${search}`,
      'cache-control': 'no-store',
    });
  }
  const verbs = verbsOf(app.routes, path);
  if (verbs.length === 0) return refuse(context, new Refusal(404, 'Not Found'));
  return refuse(context, new Refusal(405, 'Method Not Allowed', { allow: verbs.join(', ') }));
}

function refuseLargeBody(context: Context): Response {
  return refuse(context, new Refusal(413, 'Request Entity Too Large'));
}

/** Everything that was thrown, as the family's `detail`. */
async function failed(
  error: Error,
  context: Context,
  deps: Pick<ApiDependencies, 'log' | 'store'>,
): Promise<Response> {
  if (error instanceof Refusal) return refuse(context, error);
  if (error instanceof HTTPException) return refuse(context, new Refusal(400, error.message));
  const problem = await expectedProblem(error, deps);
  if (problem === null) {
    deps.log.error({ path: context.req.path, err: error }, 'request failed');
    return refuse(context, new Refusal(500, 'Internal Server Error'));
  }
  const takenBy = isLabError(error) ? error.details['takenBy'] : undefined;
  if (isLabError(error) && takenBy !== undefined) {
    return refuse(context, new Refusal(409, `Port ${error.details['port']} is used by ${takenBy}`));
  }
  const { status, retryAfterS } = problemTable[problem.type];
  const headers = retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) };
  return refuse(context, new Refusal(status as 503, problem.message, headers));
}
