import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import { problemUrn, type ProblemJson } from '../model/api.ts';
import { isLabError, type FailureType } from '../model/failures.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { within } from './within.ts';

/** Problems that only the HTTP door knows; the others are the model's failure types. */
type DoorProblem =
  | 'malformed'
  | 'unauthenticated'
  | 'foreign_origin'
  | 'foreign_host'
  | 'method_not_allowed'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'too_many_streams'
  | 'unavailable'
  | 'refused'
  | 'internal';

export type ProblemType = FailureType | DoorProblem;

interface Row {
  status: number;
  title: string;
  retryAfterS?: number;
}

/** The one table: what each problem is on the wire. */
export const problemTable: Readonly<Record<ProblemType, Row>> = {
  invalid: { status: 400, title: 'The request has mistakes' },
  malformed: { status: 400, title: 'The request cannot be read' },
  unauthenticated: { status: 401, title: 'Log in first' },
  forbidden: { status: 403, title: 'You may not do this' },
  foreign_origin: { status: 403, title: 'Another site may not change anything here' },
  not_found: { status: 404, title: 'There is no such thing' },
  image_not_found: { status: 404, title: 'There is no such image' },
  registry_refused: { status: 409, title: 'The registry refuses to give its image' },
  secret_unavailable: { status: 409, title: 'A secret cannot be used' },
  method_not_allowed: { status: 405, title: 'This cannot be done here' },
  conflict: { status: 409, title: 'This does not fit the present state' },
  start_refused: { status: 409, title: 'It cannot be started' },
  exited_before_ready: { status: 409, title: 'It ended before it was ready' },
  not_ready_in_time: { status: 409, title: 'It was not ready in time' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  foreign_host: { status: 421, title: 'The host name is not ours' },
  quota_exceeded: { status: 429, title: 'A limit is reached' },
  too_many_streams: { status: 503, title: 'Too many streams are open', retryAfterS: 10 },
  internal: { status: 500, title: 'A mistake of labkeeper' },
  no_capacity: { status: 503, title: 'There is no room for it now', retryAfterS: 30 },
  runtime_unavailable: { status: 503, title: 'The runtime does not answer', retryAfterS: 10 },
  host_unreachable: { status: 503, title: 'A host does not answer', retryAfterS: 10 },
  unavailable: { status: 503, title: 'The database does not answer', retryAfterS: 5 },
  storage_full: { status: 507, title: 'The disk is full' },
  refused: { status: 400, title: 'The request was refused' },
};

/** A problem made at the door. Rooms behind it throw `LabError`. */
export class Problem extends Error {
  readonly type: ProblemType;
  readonly errors: ProblemJson['errors'];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    type: ProblemType,
    detail: string,
    more: { errors?: ProblemJson['errors']; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.type = type;
    this.errors = more.errors;
    this.headers = more.headers ?? {};
  }
}

/** Every mistake a schema found, each with the path of its field. */
export function refusal(what: string, error: z.ZodError): Problem {
  const errors = mistakesOf(error.issues);
  const count = errors.length === 1 ? 'a mistake' : `${errors.length} mistakes`;
  const named = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return new Problem('invalid', `the ${what} has ${count}: ${named.join('; ')}`, { errors });
}

/** What a schema refused, in words and by path. */
export function mistakesOf(
  issues: readonly z.core.$ZodIssue[],
): { path: string; message: string }[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key].join('.'),
        message: 'is not a known field',
      }));
    }
    // The key of a record: what is wrong with it is said one level deeper.
    const deeper = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined;
    return [{ path: path.join('.'), message: deeper ?? issue.message }];
  });
}

/** What a schema makes of a value. Throws `invalid` with every mistake it found. */
export function checked<Value>(what: string, schema: z.ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw refusal(what, parsed.error);
  return parsed.data;
}

/**
 * The one error handler: turns whatever was thrown into `application/problem+json`. Only what
 * nobody expected is logged, once, with the request's id; its stack stays in the log.
 */
export function problemOf(deps: Pick<ApiDependencies, 'log' | 'store'>) {
  return async (error: Error, context: Context<ApiEnv>): Promise<Response> => {
    const expected = await expectedProblem(error, deps);
    const requestId = context.get('requestId');
    const request = { requestId, method: context.req.method, path: context.req.path };
    if (expected === null) {
      deps.log.error({ ...request, err: error }, 'request failed');
      const detail = `this request met a mistake of labkeeper; its log has more under ${requestId}`;
      return answer(context, new Problem('internal', detail));
    }
    if (expected.type === 'unavailable') {
      deps.log.warn({ ...request, reason: error.message }, 'database unavailable');
    }
    return answer(context, expected);
  };
}

/** The answer for a problem, also outside of the error handler. */
export function answer(context: Context<ApiEnv>, problem: Problem): Response {
  const row = problemTable[problem.type];
  const body: ProblemJson = {
    type: `${problemUrn}${problem.type}`,
    title: row.title,
    status: row.status,
    detail: problem.message,
    instance: context.req.path,
    requestId: context.get('requestId') ?? '',
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
  const headers = new Headers({ 'content-type': 'application/problem+json', ...problem.headers });
  if (row.retryAfterS !== undefined) headers.set('retry-after', String(row.retryAfterS));
  return context.newResponse(JSON.stringify(body), {
    status: row.status as 400,
    headers: Object.fromEntries(headers),
  });
}

/** The problem an error means, or null for one that nobody expected. */
export async function expectedProblem(
  error: Error,
  deps: Pick<ApiDependencies, 'store'>,
): Promise<Problem | null> {
  if (error instanceof Problem) return error;
  if (isLabError(error)) return new Problem(error.type, error.message, withFields(error.details));
  if (error instanceof HTTPException) return httpProblem(error);
  if (speaksOfConnection(error) || !(await answers(deps.store))) {
    return new Problem(
      'unavailable',
      'the database does not answer; nothing was decided, so the request may be repeated',
    );
  }
  return null;
}

/** A store may name the mistakes of an `invalid` request in `details.errors`. */
function withFields(details: Readonly<Record<string, unknown>>): {
  errors?: ProblemJson['errors'];
} {
  const { errors } = details as { errors?: ProblemJson['errors'] };
  return Array.isArray(errors) ? { errors } : {};
}

function httpProblem(error: HTTPException): Problem {
  switch (error.status) {
    case 413:
      return new Problem('body_too_large', error.message);
    case 415:
      return new Problem('unsupported_media_type', 'send application/json');
    case 400:
      return new Problem('malformed', `cannot read the request: ${error.message}`);
    default:
      return new Problem('refused', error.message);
  }
}

/**
 * Errors of sockets, and SQLSTATE: classes 08 (connection) and 53 (resources), 57P (shutdown), and
 * the three timeouts. Stores keep the driver's error as cause.
 */
function speaksOfConnection(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; depth += 1) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && connectionCodes.test(code)) return true;
    at = at.cause;
  }
  return false;
}

const connectionCodes =
  /^(?:ECONN\w+|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|08\w{3}|53\w{3}|57P\d\d|57014|55P03|25P03)$/;

/** An error without a code may still be a lost connection: the database itself is asked. */
async function answers(store: ApiDependencies['store']): Promise<boolean> {
  return within(1_000, store.ping()).then(
    () => true,
    () => false,
  );
}
