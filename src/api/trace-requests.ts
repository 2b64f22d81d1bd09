import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { Tracing } from '../tracing/tracing.ts';
import type { ApiEnv } from './dependencies.ts';

const reads: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A span around every change, and around reads that are part of somebody's trace: what a change
 * causes goes on below it. Named by the pattern of the path, never by the path.
 */
export function traceRequests(tracing: Tracing): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const parent = context.req.header('traceparent');
    const { method } = context.req;
    if (!tracing.on || (parent === undefined && reads.has(method))) return next();
    const span = tracing.begin({
      name: method,
      kind: 'server',
      parent,
      attributes: { 'http.request.method': method },
    });
    try {
      await tracing.within(span, next);
    } finally {
      const route = routePath(context, -1);
      const { status } = context.res;
      span.rename(`${method} ${route}`);
      span.end({
        attributes: { 'http.route': route, 'http.response.status_code': status },
        failure: status >= 500 ? `answered ${status}` : undefined,
      });
    }
  };
}
