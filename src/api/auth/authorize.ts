import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { LabError } from '../../model/failures.ts';
import { defaultSpace } from '../../model/secret-sources.ts';
import { may, refusalOf, type Caller, type Permission, type Subject } from '../../model/roles.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { Problem } from '../problem.ts';
import { routeRules } from './route-rules.ts';
import { findSubject } from './subjects.ts';

const programPaths = /^\/(?:api|internal|health|metrics|compat|openapi\.json)(?:\/|$)/;
const readingMethods = ['GET', 'HEAD', 'OPTIONS'];

/**
 * The one place where a request is let through or not: the table of routes says what it asks for,
 * the table of roles who may. Who may not even see a thing is told that it is not there.
 */
export function authorize(deps: Pick<ApiDependencies, 'store'>): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const route = routeOf(context);
    if (route === null) return next();
    const rule = routeRules[`${route.method} ${route.path}`];
    if (rule === undefined)
      throw new Error(`${route.method} ${route.path} has no line in the table of route rules`);
    if (rule === 'anyone' || rule === 'machine') return next();
    const { caller, via } = context.get('identity');
    if (caller.person === null) return askToLogIn(context);
    if (via === 'session' || via === 'proxy') refuseUnproven(context);
    if (rule !== 'person' && !caller.operator) {
      const found = await findSubject(rule.of, namesOf(context, route.path), deps.store);
      const isSeen = found.exists && (found.see === null || may(caller, found.see, found.subject));
      if (!isSeen) throw new LabError('not_found', `there is ${found.absent}`);
      requireMay(caller, rule.may, found.subject, found.what);
    }
    return next();
  };
}

/** For what only the body names. Throws `forbidden` with the sentence that says what it would take. */
export function requireMay(
  caller: Caller,
  permission: Permission,
  subject: Subject | null,
  what: string,
): void {
  if (may(caller, permission, subject)) return;
  throw new LabError('forbidden', refusalOf(caller, permission, subject, what));
}

/** The route that will answer, as the table names it; HEAD is a GET without a body. */
function routeOf(context: Context<ApiEnv>): { method: string; path: string } | null {
  const last = matchedRoutes(context).findLast(({ method }) => method !== 'ALL');
  return last === undefined ? null : { method: last.method, path: last.path };
}

/** What a request names: in its path, and the space, which may stand in its query. */
function namesOf(context: Context<ApiEnv>, pattern: string): Record<string, string> {
  const space = context.req.query('space') ?? defaultSpace;
  return { space, ...paramsOf(pattern, context.req.path) };
}

/** What a path names. Hono tells a middleware its own parameters, not those of the route behind it. */
function paramsOf(pattern: string, path: string): Record<string, string> {
  const words = path.split('/');
  const named = pattern.split('/').flatMap((word, at): [string, string][] => {
    const [, name] = /^:(\w+)/.exec(word) ?? [];
    return name === undefined ? [] : [[name, decoded(words[at] ?? '')]];
  });
  return Object.fromEntries(named);
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    throw new Problem('malformed', `cannot read the path: ${word} is not escaped as UTF-8`);
  }
}

function askToLogIn(context: Context<ApiEnv>): Response {
  const accept = context.req.header('accept') ?? '';
  const { method, path } = context.req;
  if (method === 'GET' && accept.includes('text/html') && !programPaths.test(path)) {
    const { pathname, search } = new URL(context.req.url);
    return context.redirect(`/login?to=${encodeURIComponent(pathname + search)}`, 303);
  }
  throw new Problem(
    'unauthenticated',
    'log in, or send a token as `Authorization: Bearer …`; `labkeeper login` gets one',
    { headers: { 'www-authenticate': 'Bearer' } },
  );
}

/**
 * A browser sends the session by itself, whoever made the request: a change must say that it comes
 * from a page of ours. Foreign origins are refused before; this refuses those that say nothing.
 */
function refuseUnproven(context: Context<ApiEnv>): void {
  if (readingMethods.includes(context.req.method)) return;
  if (context.req.header('origin') !== undefined) return;
  if (context.req.header('sec-fetch-site') !== undefined) return;
  throw new Problem(
    'foreign_origin',
    'a change with a session must name its Origin; programs send a token instead',
  );
}
