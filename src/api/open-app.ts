import { Hono, type Context } from 'hono';
import { enterPath, openingOf, signedPurposes, type Grant, type Proof } from '../model/access.ts';
import { appBasePath } from '../model/app-spec.ts';
import { LabError } from '../model/failures.ts';
import { signedText } from '../signed-text.ts';
import type { AppActions } from './app-actions.ts';
import type { Identity } from './auth/identify.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { Problem } from './problem.ts';

type OpenDependencies = Pick<ApiDependencies, 'store' | 'settings' | 'internalToken'>;

/**
 * `/open/{name}`: where a gateway sends who opens an app without proof. Who may open it goes back with a
 * grant: signed, for one app and one browser, good for seconds. The gateway opens it with the key that
 * only our processes have.
 */
export function openApp(deps: OpenDependencies, actions: AppActions): Hono<ApiEnv> {
  const { settings, internalToken } = deps;
  const grants = signedText({ secret: internalToken, purpose: signedPurposes.grant });
  return new Hono<ApiEnv>().get('/open/:name', async (context) => {
    refuseHidden(context);
    const name = context.req.param('name');
    const query = (key: string) => context.req.query(key) ?? '';
    const base = publicBaseOf(name, query('form') === 'host', settings);
    if (settings.authentication === 'open') return context.redirect(`${base}/`, 303);
    const { caller, via, credential, endsAt } = context.get('identity');
    const { person } = caller;
    if (person === null) throw new Error('nobody opens an app: the route asks for a person');
    const app = await actions.find(name);
    const access = { ...app, access: app.spec.access };
    const opening = openingOf({ ...caller, person }, access, null);
    if (opening.verdict === 'forbidden') throw new LabError('forbidden', opening.why);
    if (opening.verdict !== 'open') throw new LabError('not_found', `there is no app ${name}`);
    const grant: Grant = {
      app: name,
      proof: proofOf(via, credential, person),
      role: opening.role,
      state: query('state').slice(0, 100) || '-',
      untilMs: endsAt === null ? Date.now() + settings.sessionMs : Date.parse(endsAt),
    };
    const back = new URL(`${base}${enterPath}`);
    back.searchParams.set('grant', grants.sign(grant, Date.now() + settings.grantMs));
    for (const key of ['to', 'again']) {
      if (query(key) !== '') back.searchParams.set(key, query(key).slice(0, 2_000));
    }
    context.header('cache-control', 'no-store');
    context.header('referrer-policy', 'no-referrer');
    return context.redirect(back.href, 303);
  });
}

/** Only a page that a person opens comes here: a script, an image or a form of an app has no reason to. */
function refuseHidden(context: Context<ApiEnv>): void {
  const mode = context.req.header('sec-fetch-mode');
  if (mode === undefined || mode === 'navigate') return;
  throw new Problem('foreign_origin', 'an app is opened by a page, not by a request of a script');
}

function proofOf(via: Identity['via'], credential: string | null, person: string): Proof {
  if (credential !== null && via === 'session') return { kind: 'session', id: credential, person };
  if (credential !== null && via === 'token') return { kind: 'token', id: credential, person };
  if (via === 'proxy') return { kind: 'person', person };
  throw new Problem('forbidden', 'log in as a person: this secret opens the API only, not apps');
}

/** Made from settings alone, so that nobody is sent elsewhere. */
function publicBaseOf(
  app: string,
  ownHost: boolean,
  { appsUrl, appsDomain }: Pick<ApiDependencies['settings'], 'appsUrl' | 'appsDomain'>,
): string {
  if (!ownHost) return `${appsUrl}${appBasePath(app)}`;
  const url = new URL(appsUrl);
  url.hostname = `${app}.${appsDomain ?? 'localhost'}`;
  return url.origin;
}
