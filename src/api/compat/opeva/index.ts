import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { HTTPException } from 'hono/http-exception';
import type { ApiDependencies, ApiSettings } from '../../dependencies.ts';
import { instanceLogs, type InstanceLogs } from '../../instance-logs.ts';
import type { JobActions } from '../../job-actions.ts';
import { expectedProblem, problemTable } from '../../problem.ts';
import { verbsOf } from '../../unmatched.ts';
import { requireOwnPage, requireToken } from '../guard.ts';
import { refuse, Refusal } from '../refusal.ts';
import { waitingRoom, type WaitingRoom } from '../waiting.ts';
import { launch, put } from './launch.ts';
import { listJobs } from './list-jobs.ts';
import { showJobInfo } from './show-job-info.ts';
import { showLogs } from './show-logs.ts';
import { showProgress } from './show-progress.ts';
import { showResult } from './show-result.ts';
import { showStatus } from './show-status.ts';
import { stop } from './stop.ts';
import { lastGood, type LastGood } from './json-files.ts';

/** What the family's routes are built from. */
export interface OpevaDependencies extends Pick<
  ApiDependencies,
  'store' | 'log' | 'ending' | 'sharedFolder' | 'mirror'
> {
  actions: JobActions;
  waiting: WaitingRoom;
  logs: InstanceLogs;
  good: LastGood;
  /** What job_info.json says of jobs that are long over. */
  settledInfo: Map<string, Record<string, unknown>>;
  settings: ApiSettings['opeva'];
}

/** Which listener a request came to, and from where. */
export interface OpevaVisit {
  listener: 'own' | 'console';
  address: string;
}

/** Hono's types of one request. */
export type OpevaEnv = { Bindings: OpevaVisit };

/**
 * OPEVA clients (contracts/opeva.md), first tier: at the root of their own listener, or below `mount` on the
 * console's.
 */
export function opeva(
  deps: ApiDependencies,
  actions: JobActions,
  { mount }: { mount: string },
): (request: Request, visit: OpevaVisit) => Response | Promise<Response> {
  const { opeva: settings, consoleUrl } = deps.settings;
  const family: OpevaDependencies = {
    ...deps,
    actions,
    settings,
    logs: instanceLogs({ hosts: deps.store.hosts, reader: deps.logReader }),
    good: lastGood(),
    settledInfo: new Map(),
    waiting: waitingRoom({
      ...settings,
      setting: 'LABKEEPER_OPEVA_MAX_WAITING',
      ending: deps.ending,
    }),
  };
  // A slash at the end is never a mistake.
  const app = new Hono<OpevaEnv>({ strict: false });
  const at = (path: string) => `${mount}${path}`;
  app.use(admit(settings));
  app.use(
    cors({
      origin: (origin) => (settings.origins.includes(origin) ? origin : null),
      credentials: true,
      allowHeaders: ['Content-Type', 'Authorization', 'Idempotency-Key'],
      allowMethods: ['GET', 'HEAD', 'POST', 'PUT'],
      exposeHeaders: ['X-Total-Count', 'X-Next-Cursor'],
    }),
  );
  app.use(guard(settings, { mount, publicHost: consoleUrl && new URL(consoleUrl).host }));
  const { maxBodyBytes: maxSize } = deps.settings;
  const tooLarge = `The body is larger than ${maxSize} bytes (LABKEEPER_MAX_API_BODY_BYTES)`;
  app.use(
    bodyLimit({ maxSize, onError: (context) => refuse(context, new Refusal(413, tooLarge)) }),
  );
  app.get(at('/health'), (context) => context.json({ status: 'ok' }));
  app.post(at('/run-simulation'), (context) => launch(context, family));
  app.put(at('/jobs/:id'), (context) => put(context, family));
  app.get(at('/jobs'), (context) => listJobs(context, family));
  app.get(at('/status/:id'), (context) => showStatus(context, family));
  app.get(at('/result/:id'), (context) => showResult(context, family));
  app.get(at('/progress/:id'), (context) => showProgress(context, family));
  app.get(at('/logs/:id'), (context) => showLogs(context, family));
  app.get(at('/job-info/:id'), (context) => showJobInfo(context, family));
  app.post(at('/stop/:id'), (context) => stop(context, family));
  app.notFound((context) => unmatched(context, app));
  app.onError((error, context) => failed(error, context, deps));
  return (request, visit) => app.fetch(request, visit);
}

function admit(settings: ApiSettings['opeva']): MiddlewareHandler<OpevaEnv> {
  return async (context, next) => {
    const { listener, address } = context.env;
    if (settings.admits[listener](address)) return next();
    const why = 'OPEVA clients are not let in from this address: see LABKEEPER_OPEVA_ACCESS';
    return refuse(context, new Refusal(403, why));
  };
}

/** Health is for machines that look after machines. A page reads only what its browser lets it. */
function guard(
  settings: ApiSettings['opeva'],
  { mount, publicHost }: { mount: string; publicHost: string | null },
): MiddlewareHandler<OpevaEnv> {
  return async (context, next) => {
    const { method, path } = context.req;
    if (method !== 'GET' && method !== 'HEAD') {
      requireOwnPage(context, { publicHost, origins: settings.origins });
    }
    if (path.replace(/\/$/, '') !== `${mount}/health`) requireToken(context, settings.token);
    return next();
  };
}

function unmatched(context: Context<OpevaEnv>, app: Hono<OpevaEnv>): Response {
  const verbs = verbsOf(app.routes, context.req.path.replace(/\/$/, ''));
  if (verbs.length === 0) return refuse(context, new Refusal(404, 'Not Found'));
  return refuse(context, new Refusal(405, 'Method Not Allowed', { allow: verbs.join(', ') }));
}

/** Everything that was thrown, as the family's `detail`. */
async function failed(
  error: Error,
  context: Context<OpevaEnv>,
  deps: Pick<ApiDependencies, 'log' | 'store'>,
): Promise<Response> {
  if (error instanceof Refusal) return refuse(context, error);
  if (error instanceof HTTPException) return refuse(context, new Refusal(400, error.message));
  const problem = await expectedProblem(error, deps);
  if (problem === null) {
    deps.log.error({ path: context.req.path, err: error }, 'request failed');
    return refuse(context, new Refusal(500, 'Internal Server Error'));
  }
  const { status, retryAfterS } = problemTable[problem.type];
  const headers = retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) };
  return refuse(context, new Refusal(status as 503, problem.message, headers));
}
