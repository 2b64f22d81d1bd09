import type { Context } from 'hono';
import { statusOf } from '../../../model/app-view.ts';
import { isLabError, type FailureType, type LabError } from '../../../model/failures.ts';
import { qulabsFamily } from '../../../model/qulabs.ts';
import { answerVisit } from '../../../model/visit.ts';
import type { ForeignApp } from '../../../store/deployment-ports.ts';
import { wakeForVisitor } from '../../wake-for-visitor.ts';
import { acceptClassOf } from './accept.ts';
import type { QulabsDependencies } from './index.ts';
import { isClosed, labStateOf } from './lab-state.ts';
import { urlOf } from './list-labs.ts';
import { mountOf, type Mount } from './mount.ts';
import { loadingPage, notFoundPage, sendPage } from './pages.ts';
import { refuse, Refusal } from '../refusal.ts';

/** GET of the entry: on to the app when it is ready, else it is started (S1, S2, S5). */
export async function openLab(context: Context, deps: QulabsDependencies): Promise<Response> {
  const lab = await find(context, deps);
  if (lab === null) return unknownLab(context);
  const mount = mountOf(context, deps.settings);
  if (isClosed(lab, deps.settings) || labStateOf(lab).running_status === 'running') {
    return sendOn(context, mount, lab);
  }
  const { lab: now, refusal } = await wake(context, deps, lab);
  if (acceptClassOf(context) === 'json') {
    if (refusal !== null) throw refusal;
    const { running_status } = labStateOf(now);
    return context.json({ running_status, url: urlOf(now, mount) }, 202, noStore);
  }
  return sendLoading(context, now, refusal);
}

/** GET of the loading page: wakes like the entry, but shows itself also for an app that is ready. */
export async function showLoading(context: Context, deps: QulabsDependencies): Promise<Response> {
  const lab = await find(context, deps);
  if (lab === null) return unknownLab(context);
  if (isClosed(lab, deps.settings)) return sendOn(context, mountOf(context, deps.settings), lab);
  const { lab: now, refusal } = await wake(context, deps, lab);
  return sendLoading(context, now, refusal);
}

function sendLoading(
  context: Context,
  lab: ForeignApp,
  refusal: LabError | null,
): Response | Promise<Response> {
  const state = labStateOf(lab);
  const error = refusal?.message ?? state.error;
  return sendPage(context, loadingPage(lab.externalId, { ...state, error }));
}

/** GET of the status: read-only and always JSON (S8 to S11). */
export async function showStatus(context: Context, deps: QulabsDependencies): Promise<Response> {
  const lab = await find(context, deps);
  if (lab === null || isClosed(lab, deps.settings)) {
    throw new Refusal(404, 'App not found in memory.');
  }
  const { running_status, phase, error, ready_at } = labStateOf(lab);
  const body = {
    running_status,
    url: urlOf(lab, mountOf(context, deps.settings)),
    status: running_status,
    phase,
    ...(error === null ? {} : { error }),
    ...(ready_at === null ? {} : { ready_at }),
  };
  return context.json(body, 200, noStore);
}

/** To the app itself, where the gateway asks who comes if not everyone may. */
function sendOn(context: Context, mount: Mount, lab: ForeignApp): Response {
  const location = `${mount.path}/${lab.externalId}/`;
  return context.body(null, 307, { location, ...noStore });
}

const noStore = { 'cache-control': 'no-store' };

async function find(context: Context, deps: QulabsDependencies): Promise<ForeignApp | null> {
  return deps.store.foreignIds.find(qulabsFamily, context.req.param('id') ?? '');
}

/**
 * Wakes when the one table of visits says so; gives how the app is after that, and why it was not
 * woken when there is no place for it now.
 */
async function wake(
  context: Context,
  deps: QulabsDependencies,
  lab: ForeignApp,
): Promise<{ lab: ForeignApp; refusal: LabError | null }> {
  const { name, spec, condition } = lab.app;
  const header = (named: string) => (context.req.header(named) ?? '').toLowerCase();
  const wish = answerVisit(
    {
      method: context.req.method,
      upgrade: false,
      secFetchMode: header('sec-fetch-mode'),
      secFetchDest: header('sec-fetch-dest'),
      accept: header('accept'),
      purpose: header('sec-purpose') || header('purpose'),
      userAgent: context.req.header('user-agent') ?? '',
      path: '/',
      entry: true,
    },
    { ignoredPaths: [], polledPaths: [], ignoredAgents: spec.ignoredAgents },
  );
  const wakes = wish === 'page' || wish === 'hold';
  // A registration that is under way wakes it itself, once its image is there.
  const isComing = lab.deployment?.operation.state === 'accepted';
  if (!wakes || isComing || !needsWish.has(statusOf(condition))) return { lab, refusal: null };
  const cause = { actor: 'visitor', why: `opened ${context.req.path}` };
  try {
    await wakeForVisitor(deps.actions, { name, cause });
  } catch (error) {
    if (isLabError(error) && noPlace.has(error.type)) return { lab, refusal: error };
    throw error;
  }
  const now = await find(context, deps);
  // The command is accepted; the row says so a moment later.
  return { lab: { ...(now ?? lab), app: awake(now ?? lab) }, refusal: null };
}

/** It may be woken later: a person reads why, and has the button. */
const noPlace: ReadonlySet<FailureType> = new Set(['quota_exceeded', 'storage_full']);

const needsWish: ReadonlySet<ReturnType<typeof statusOf>> = new Set([
  'asleep',
  'failed',
  'stopping',
]);

function awake({ app }: ForeignApp): ForeignApp['app'] {
  if (!needsWish.has(statusOf(app.condition))) return app;
  return { ...app, condition: { ...app.condition, wanted: 'awake', phase: 'none' } };
}

function unknownLab(context: Context): Response | Promise<Response> {
  if (acceptClassOf(context) === 'browser') return sendPage(context, notFoundPage(), 404);
  return refuse(context, new Refusal(404, 'App not found in DB'));
}
