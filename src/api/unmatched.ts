import type { Context, Hono } from 'hono';
import type { ApiEnv } from './dependencies.ts';
import { answer, Problem } from './problem.ts';

/** Answers what no route took: 405 with the verbs that exist for the path, else 404. */
export function unmatched(app: Pick<Hono<ApiEnv>, 'routes'>) {
  return (context: Context<ApiEnv>): Response => {
    const { path, method } = context.req;
    const verbs = verbsOf(app.routes, path);
    if (verbs.length === 0) {
      return answer(context, new Problem('not_found', `there is nothing at ${path}`));
    }
    const allow = verbs.join(', ');
    const detail = `${method} is not possible at ${path}, only ${allow}`;
    return answer(context, new Problem('method_not_allowed', detail, { headers: { allow } }));
  };
}

/** The verbs that some route takes for a path. */
export function verbsOf(routes: Hono<ApiEnv>['routes'], path: string): string[] {
  const parts = path.split('/');
  const verbs = routes
    .filter((route) => route.method !== 'ALL' && matches(route.path.split('/'), parts))
    .map((route) => route.method);
  if (verbs.includes('GET')) verbs.push('HEAD');
  return [...new Set(verbs)].sort();
}

/** Our own routes have names (`:name`) and words only; a pattern inside braces is let through. */
function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  if (pattern.includes('*')) return false;
  if (pattern.length !== parts.length) return false;
  return pattern.every((word, at) => {
    const part = parts[at] ?? '';
    return word.startsWith(':') ? part !== '' : word === part;
  });
}
