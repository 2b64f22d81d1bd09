import type { Context } from 'hono';

/** What kind of answer a client of the family wants: contract C5. */
export type AcceptClass = 'browser' | 'json' | 'plain';

export function acceptClassOf(context: Context): AcceptClass {
  const accept = (context.req.header('accept') ?? '').toLowerCase();
  if (accept.includes('text/html')) return 'browser';
  return accept.includes('application/json') ? 'json' : 'plain';
}
