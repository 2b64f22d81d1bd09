import type { Context, MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { ProblemJson } from '../../model/api.ts';
import type { Identity } from '../auth/identify.ts';
import type { ApiEnv } from '../dependencies.ts';
import { shell } from './shell.tsx';

const programPaths = /^\/(?:api|internal|health|metrics|openapi\.json)(?:\/|$)/;

/**
 * Turns a problem into a page when a browser asked for one; programs keep their JSON. Stands
 * outside of everything that may refuse.
 */
export const errorPages: MiddlewareHandler<ApiEnv> = async (context, next) => {
  await next();
  const isProblem = context.res.headers.get('content-type') === 'application/problem+json';
  if (!isProblem || !wantsPage(context)) return;
  const problem = (await context.res.json()) as ProblemJson;
  const page = errorPage(problem, context.get('identity') ?? null);
  context.res = await context.html(page, problem.status as ContentfulStatusCode, {
    'cache-control': 'no-store',
  });
};

function wantsPage(context: Context<ApiEnv>): boolean {
  const accept = context.req.header('accept') ?? '';
  return accept.includes('text/html') && !programPaths.test(context.req.path);
}

function errorPage(problem: ProblemJson, identity: Identity | null) {
  const { status, title, detail, errors = [], requestId } = problem;
  return shell({
    title,
    section: null,
    identity,
    children: (
      <div class="panel">
        <p class="soft small">{status}</p>
        <h1>{title}</h1>
        <p class="detail">{detail}</p>
        {errors.length > 0 && (
          <ul>
            {errors.map(({ path, message }) => (
              <li>{path === '' ? message : `${path}: ${message}`}</li>
            ))}
          </ul>
        )}
        <p class="actions">
          <a class="button primary" href="/">
            Home
          </a>
        </p>
        <p class="soft small">
          Request <code>{requestId}</code>
        </p>
      </div>
    ),
  });
}
