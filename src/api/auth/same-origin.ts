import type { MiddlewareHandler } from 'hono';
import { isLoopback } from '../../model/bind.ts';
import type { ApiEnv } from '../dependencies.ts';
import { Problem } from '../problem.ts';

const readingMethods = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Keeps other sites out of the open loopback API. A page of another origin cannot change anything
 * (Origin, Sec-Fetch-Site), and a name that was pointed at this machine by somebody else's DNS
 * cannot read anything either (Host). Apps are other origins: they are refused like all others.
 */
export function sameOrigin(options: { consoleUrl: string | null }): MiddlewareHandler<ApiEnv> {
  const console = options.consoleUrl === null ? null : new URL(options.consoleUrl);
  return async (context, next) => {
    const url = new URL(context.req.url);
    const host = context.req.header('host') ?? url.host;
    if (!isLoopback(hostNameOf(host)) && host !== console?.host) {
      throw new Problem(
        'foreign_host',
        `this is not ${host}; open it as http://localhost, or set LABKEEPER_CONSOLE_URL`,
      );
    }
    if (!readingMethods.includes(context.req.method)) refuseForeign(context.req.raw, host, console);
    await next();
  };
}

function refuseForeign(request: Request, host: string, console: URL | null): void {
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  const ours = origin === null || origin === console?.origin || hostOf(origin) === host;
  const fetchedByUs = site === null || site === 'same-origin' || site === 'none';
  if (ours && fetchedByUs) return;
  throw new Problem(
    'foreign_origin',
    `a page of ${origin ?? 'another site'} may not change anything here`,
  );
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

function hostNameOf(host: string): string {
  return host.startsWith('[') ? host.slice(1, host.indexOf(']')) : (host.split(':')[0] ?? '');
}
