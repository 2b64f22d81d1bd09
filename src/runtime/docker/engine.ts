import type Docker from 'dockerode';
import { LabError } from '../../model/failures.ts';
import type { Log } from '../../log.ts';

/** One Docker Engine as this folder uses it. */
export interface Engine {
  docker: Docker;
  socketPath: string;
  installation: string;
  network: string | undefined;
  logFolder: string;
  /** Where the engine finds a folder of this host. */
  pathOnEngine: (path: string) => string;
  log: Log | undefined;
}

/** An engine that says nothing for this long counts as gone; long reads have their own limit. */
const answerMs = 30_000;

interface EngineError extends Error {
  statusCode?: number;
  reason?: string;
  json?: { message?: string };
}

/**
 * One call of the engine. What it cannot be reached for becomes `runtime_unavailable`, a full disk
 * `storage_full`; every other refusal is thrown as an `EngineError` for the verb to judge.
 */
export async function call<Result>(
  engine: Engine,
  attempt: string,
  act: (signal: AbortSignal) => Promise<Result>,
  options: { signal?: AbortSignal | undefined; timeoutMs?: number } = {},
): Promise<Result> {
  const timeoutMs = options.timeoutMs ?? answerMs;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    return await act(signal);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (timeout.aborted) throw unavailable(engine, attempt, `no answer in ${timeoutMs} ms`, error);
    throw translate(engine, attempt, error);
  }
}

/** The same, with `absent` for an answer 404. */
export async function callOr<Result, Absent>(
  engine: Engine,
  attempt: string,
  absent: Absent,
  act: (signal: AbortSignal) => Promise<Result>,
): Promise<Result | Absent> {
  try {
    return await call(engine, attempt, act);
  } catch (error) {
    if (statusOf(error) === 404) return absent;
    throw error;
  }
}

export function unavailable(
  engine: Engine,
  attempt: string,
  why: string,
  cause?: unknown,
): LabError {
  return new LabError(
    'runtime_unavailable',
    `cannot ${attempt}: the Docker Engine at ${engine.socketPath} does not answer (${why}). Start it, or check that labkeeper may use its socket`,
    cause === undefined ? {} : { cause },
  );
}

/** A refusal nobody expected, in the product's words; `LabError`s pass. */
export function refused(attempt: string, error: unknown): LabError {
  if (error instanceof LabError) return error;
  // 5xx is the engine's own trouble, as while it shuts down: the same again may well succeed.
  const mayPass = (statusOf(error) ?? 0) >= 500;
  return new LabError('start_refused', `cannot ${attempt}: ${reasonOf(error)}`, {
    cause: error,
    ...(mayPass ? { details: { mayPass } } : {}),
  });
}

/** HTTP status of the engine's refusal; undefined for anything else. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error ? (error as EngineError).statusCode : undefined;
}

/** The engine's own words, without what the driver puts around them. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = (error as EngineError).json?.message ?? error.message;
  return said.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim();
}

/** A GET whose answer is read as it comes; the driver itself would hold all of it in memory. */
export async function openStream(
  engine: Engine,
  path: string,
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<NodeJS.ReadableStream> {
  return (await get(engine, { path, query, signal, isStream: true })) as NodeJS.ReadableStream;
}

/** A GET of JSON that can be given up, where the driver's own call cannot. */
export async function askJson<Answer>(
  engine: Engine,
  path: string,
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<Answer> {
  return (await get(engine, { path, query, signal, isStream: false })) as Answer;
}

function get(
  engine: Engine,
  how: { path: string; query: Record<string, string>; signal: AbortSignal; isStream: boolean },
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    engine.docker.modem.dial(
      {
        path: `${how.path}?`,
        method: 'GET',
        isStream: how.isStream,
        abortSignal: how.signal,
        options: { ...how.query },
        statusCodes: { 200: true, 404: 'not found', 500: 'server error' },
      },
      (error: Error | null, data: unknown) => {
        if (error) reject(error);
        else resolve(data);
      },
    );
  });
}

function translate(engine: Engine, attempt: string, error: unknown): unknown {
  if (error instanceof LabError) return error;
  const status = statusOf(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (status === 503 || (status === undefined && (code !== '' || error instanceof Error))) {
    return unavailable(engine, attempt, reasonOf(error), error);
  }
  if (/no space left on device/i.test(reasonOf(error))) {
    return new LabError(
      'storage_full',
      `cannot ${attempt}: the disk of the Docker Engine is full. Free space there, then try again`,
      { cause: error },
    );
  }
  return error;
}
