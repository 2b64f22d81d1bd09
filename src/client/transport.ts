import type { z } from 'zod';
import { problemFrom, UnreachableError } from './problem-error.ts';

export interface ClientOptions {
  /** Address of the console or the API, such as `http://localhost:8080`. */
  baseUrl: string;
  /** Bearer token; not needed on loopback. */
  token?: string;
  /** Longest wait for an answer; streams may stay open for ever after it. Default 30 s. */
  timeoutMs?: number;
}

type QueryValue = string | number | boolean;
type Query = Readonly<Record<string, QueryValue | readonly QueryValue[] | undefined>>;

interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  query?: Query;
  body?: unknown;
  headers?: Readonly<Record<string, string | undefined>>;
  /** Statuses beside 2xx that are answers, not problems. */
  accept?: readonly number[];
  /** Ends the request, and a stream that came of it. */
  signal?: AbortSignal | undefined;
}

export interface Transport {
  /** A JSON answer, parsed. Rejects with `ProblemError` or `UnreachableError`. */
  json<Schema extends z.ZodType>(path: string, schema: Schema, ask?: Ask): Promise<z.infer<Schema>>;
  /** An answer whose body is still to be read. The time limit holds until its headers came. */
  open(path: string, ask?: Ask): Promise<Response>;
}

export function transport(options: ClientOptions): Transport {
  const baseUrl = options.baseUrl.replace(/\/+$/, '');
  const { token, timeoutMs = 30_000 } = options;

  const open: Transport['open'] = async (path, ask = {}) => {
    const limit = new AbortController();
    const timer = setTimeout(
      () => limit.abort(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const signals = ask.signal === undefined ? [limit.signal] : [limit.signal, ask.signal];
    try {
      const answer = await fetch(`${baseUrl}${path}${queryString(ask.query)}`, {
        method: ask.method ?? 'GET',
        headers: headersOf(ask, token),
        signal: AbortSignal.any(signals),
        ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      });
      if (answer.ok || ask.accept?.includes(answer.status) === true) return answer;
      throw await problemFrom(answer);
    } catch (error) {
      ask.signal?.throwIfAborted();
      throw asUnreachable(baseUrl, error);
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    open,
    async json(path, schema, ask) {
      const answer = await open(path, ask);
      const text = await answer.text().catch((error: unknown) => {
        throw asUnreachable(baseUrl, error);
      });
      const parsed = schema.safeParse(JSON.parse(text));
      if (parsed.success) return parsed.data;
      throw new Error(
        `cannot understand the answer of ${path}: ${parsed.error.message}. Client and API are of different versions?`,
      );
    },
  };
}

function headersOf(ask: Ask, token: string | undefined): Headers {
  const headers = new Headers({ accept: 'application/json' });
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  if (ask.body !== undefined) headers.set('content-type', 'application/json');
  for (const [name, value] of Object.entries(ask.headers ?? {})) {
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}

function queryString(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of [value].flat()) parameters.append(name, String(one));
  }
  return parameters.size === 0 ? '' : `?${parameters}`;
}

/** Only what `fetch` itself throws says that nobody answered. */
function asUnreachable(baseUrl: string, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof TypeError) {
    const { cause } = error;
    const why = cause instanceof Error && cause.message !== '' ? cause.message : error.message;
    return new UnreachableError(baseUrl, why, error);
  }
  if (error.message.startsWith('no answer within')) {
    return new UnreachableError(baseUrl, error.message, error);
  }
  return error;
}

/** The body of an answer, or an empty one. */
export function bodyOf(answer: Response): ReadableStream<Uint8Array> {
  return answer.body ?? new ReadableStream({ start: (controller) => controller.close() });
}
