import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';

/** What the family answers instead of a problem: a status and `detail`. */
export class Refusal extends Error {
  readonly status: ContentfulStatusCode;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ContentfulStatusCode,
    detail: unknown,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(typeof detail === 'string' ? detail : JSON.stringify(detail));
    this.name = 'Refusal';
    this.status = status;
    this.detail = detail;
    this.headers = headers;
  }
}

export function refuse(context: Context, refusal: Refusal): Response {
  const headers = { 'cache-control': 'no-store', ...refusal.headers };
  return context.json({ detail: refusal.detail }, refusal.status, headers);
}
