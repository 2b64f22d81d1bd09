import { problemSchema, problemUrn, type ProblemJson } from '../model/api.ts';

/** A refusal of the API. `type` is short, such as `not_found`; `errors` names refused fields. */
export class ProblemError extends Error {
  readonly type: string;
  readonly status: number;
  /** The kind in words. */
  readonly title: string;
  readonly errors: NonNullable<ProblemJson['errors']>;
  readonly requestId: string | null;
  /** When the API asked to come back later. */
  readonly retryAfterMs: number | null;

  constructor(problem: {
    type: string;
    status: number;
    title?: string;
    detail: string;
    errors?: ProblemJson['errors'];
    requestId?: string | undefined;
    retryAfterMs?: number | null;
  }) {
    super(problem.detail);
    this.name = 'ProblemError';
    this.type = problem.type;
    this.status = problem.status;
    this.title = problem.title ?? 'The request was refused';
    this.errors = problem.errors ?? [];
    this.requestId = problem.requestId ?? null;
    this.retryAfterMs = problem.retryAfterMs ?? null;
  }
}

/** Nothing answered: the address is wrong, or labkeeper does not run there. */
export class UnreachableError extends Error {
  readonly baseUrl: string;

  constructor(baseUrl: string, why: string, cause: unknown) {
    super(`cannot reach labkeeper at ${baseUrl}: ${why}`, { cause });
    this.name = 'UnreachableError';
    this.baseUrl = baseUrl;
  }
}

/** What an answer that is no success says, whoever wrote it. */
export async function problemFrom(answer: Response): Promise<ProblemError> {
  const text = (await answer.text()).slice(0, 64 * 1024);
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : null;
  const { status } = answer;
  const parsed = problemSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    const detail = `${status} ${answer.statusText}`.trim();
    return new ProblemError({ type: 'unknown', status, detail, retryAfterMs });
  }
  const { type, title, detail, errors, requestId } = parsed.data;
  const short = type.startsWith(problemUrn) ? type.slice(problemUrn.length) : type;
  return new ProblemError({ type: short, status, title, detail, errors, requestId, retryAfterMs });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** For reads that answer null when there is no such thing. */
export function nullWhenAbsent(error: unknown): null {
  if (error instanceof ProblemError && error.type === 'not_found') return null;
  throw error;
}
