import type { Context, MiddlewareHandler } from 'hono';
import type { Caller } from '../../model/roles.ts';
import type { Authenticated } from '../../store/people-ports.ts';
import type { ApiDependencies, ApiEnv, ApiSettings } from '../dependencies.ts';
import { answer, Problem } from '../problem.ts';
import { digestOf, parseToken } from './secrets.ts';
import { proxiedPerson } from './proxy-header.ts';
import { isInternalSecret } from './internal-token.ts';
import { sessionSecrets } from './session-cookie.ts';

/** How a caller proved who they are. */
export type Via = 'token' | 'session' | 'proxy' | 'machine' | 'open' | 'nothing';

/** What a request knows of who sent it. */
export interface Identity {
  caller: Caller;
  via: Via;
  /** Id of the session or token; null without one. */
  credential: string | null;
  /** When that ends by itself: ISO 8601; null without one. */
  endsAt: string | null;
}

/** Sessions that are looked at in one request: a browser sends one. */
const maxSessions = 20;

const nobody: Caller = { person: null, operator: false, roles: {} };

/** Without authentication whoever reaches the loopback is the one user, and may do everything. */
export const localUser: Caller = { person: 'local user', operator: true, roles: {} };

/** Who holds the internal secret can read the data folder: the machine is theirs. */
const machineOperator: Caller = {
  person: 'operator of this machine',
  operator: true,
  roles: {},
};

/**
 * Says who asks, from the request and the rows of now: a bearer token, else a session, else the
 * local user where that is open, else nobody. What somebody may do is decided behind it.
 */
export function identify(
  deps: Pick<ApiDependencies, 'store' | 'settings' | 'internalToken'>,
): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const identity = await identityOf(context, deps);
    if (identity instanceof Problem) return answer(context, identity);
    context.set('identity', identity);
    context.set('actor', identity.caller.person ?? 'visitor');
    await next();
  };
}

async function identityOf(
  context: Context<ApiEnv>,
  deps: Pick<ApiDependencies, 'store' | 'settings' | 'internalToken'>,
): Promise<Identity | Problem> {
  const { store, settings } = deps;
  const bearer = /^bearer +(.+)$/i.exec(context.req.header('authorization') ?? '')?.[1];
  if (bearer !== undefined) {
    if (isInternalSecret(bearer.trim(), deps.internalToken)) {
      return { caller: machineOperator, via: 'machine', credential: null, endsAt: null };
    }
    const token = parseToken(bearer.trim());
    const found = token && (await store.tokens.authenticate(token.id, token.digest));
    if (!found) return unknownToken(settings);
    return known(found, 'token');
  }
  const secrets = sessionSecrets(context, settings);
  if (secrets.length > maxSessions) return plantedSession();
  const sessions = await Promise.all(
    secrets.map((secret) => store.sessions.authenticate(digestOf(secret))),
  );
  // Worthless ones that a page has planted beside it leave a person logged in.
  const [found = null, other] = sessions.filter((session) => session !== null);
  if (other !== undefined) return plantedSession();
  if (found !== null) return known(found, 'session');
  const proxied = await proxiedPerson(context, deps);
  if (proxied !== null) return proxied;
  if (settings.authentication === 'open')
    return { caller: localUser, via: 'open', credential: null, endsAt: null };
  return { caller: nobody, via: 'nothing', credential: null, endsAt: null };
}

function known({ person, credential, expiresAt }: Authenticated, via: Via): Identity {
  const { name, operator, roles } = person;
  return { caller: { person: name, operator, roles }, via, credential, endsAt: expiresAt };
}

function unknownToken({ publicConsoleUrl }: Pick<ApiSettings, 'publicConsoleUrl'>): Problem {
  return new Problem(
    'unauthenticated',
    `this token lets nobody in: it is unknown, expired or revoked; make a new one at ${publicConsoleUrl}/account, or with \`labkeeper login\``,
    { headers: { 'www-authenticate': 'Bearer error="invalid_token"' } },
  );
}

function plantedSession(): Problem {
  return new Problem(
    'unauthenticated',
    'two sessions were sent, so a page of another origin has planted one; they were removed: log in again',
    { headers: { 'clear-site-data': '"cookies"' } },
  );
}
