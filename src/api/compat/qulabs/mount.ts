import type { Context } from 'hono';
import { qulabsListenerHeader, qulabsPath } from '../../../model/qulabs.ts';

/** Where the family stands for the visitor of this request. */
export interface Mount {
  /** What is in front of every path, a proxy's prefix included: `` or `/compat/qulabs`. */
  path: string;
  origin: string;
  /** Names by which this listener is known, beside loopback. */
  publicHost: string | null;
}

/**
 * Links keep to the way the visitor came: host, scheme and port are theirs, unless a public address is
 * configured, whose path is what a proxy in front has taken away.
 */
export function mountOf(
  context: Context,
  settings: { consoleUrl: string | null; qulabs: { url: string | null } },
): Mount {
  const isOwn = context.req.header(qulabsListenerHeader) === 'own';
  const configured = isOwn ? settings.qulabs.url : settings.consoleUrl;
  const url = configured === null ? null : new URL(configured);
  const outer = url === null ? '' : url.pathname.replace(/\/+$/, '');
  const scheme = context.req.header('x-forwarded-proto') === 'https' ? 'https' : 'http';
  const host = context.req.header('host') ?? 'localhost';
  return {
    path: outer + (isOwn ? '' : qulabsPath),
    origin: url?.origin ?? `${scheme}://${host}`,
    publicHost: url?.host ?? null,
  };
}
