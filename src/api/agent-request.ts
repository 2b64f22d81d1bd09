import { LabError } from '../model/failures.ts';

/** Where the agent of a host is asked. */
export interface AgentAddress {
  name: string;
  agentUrl: string;
}

/**
 * GET, or HEAD, of what an agent serves; resolves with the statuses of `accept` beside 2xx. `timeoutMs` and the
 * signal bound the whole answer, or with `streams` only the wait for its beginning: then whoever reads the body ends
 * it by cancelling that. A host that does not answer is `host_unreachable`.
 */
export async function askAgent(
  host: AgentAddress,
  path: string,
  options: {
    token: string;
    timeoutMs: number;
    accept: readonly number[];
    signal?: AbortSignal | undefined;
    streams?: boolean;
    method?: 'GET' | 'HEAD';
    headers?: Readonly<Record<string, string>>;
  },
): Promise<Response> {
  const { token, timeoutMs, signal, streams = false } = options;
  const wait = streams ? waitForBeginning(timeoutMs, signal) : waitForAll(timeoutMs, signal);
  try {
    signal?.throwIfAborted();
    const response = await fetch(new URL(path, host.agentUrl), {
      method: options.method ?? 'GET',
      headers: { ...options.headers, authorization: `Bearer ${token}` },
      signal: wait.signal,
    });
    wait.over();
    if (response.ok || options.accept.includes(response.status)) return response;
    await response.body?.cancel();
    throw new Error(`it answered ${response.status}`);
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(host, error);
  }
}

interface Wait {
  signal: AbortSignal;
  /** The answer has begun. */
  over(): void;
}

function waitForAll(timeoutMs: number, signal: AbortSignal | undefined): Wait {
  const timeout = AbortSignal.timeout(timeoutMs);
  return {
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    over: () => undefined,
  };
}

/** What has begun goes on: an abort would reach its reader as an error of ours. */
function waitForBeginning(timeoutMs: number, signal: AbortSignal | undefined): Wait {
  const end = new AbortController();
  const onAbort = () => end.abort(signal?.reason);
  const timer = setTimeout(() => end.abort(new DOMException('', 'TimeoutError')), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: end.signal,
    over: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

export function unreachable(host: AgentAddress, cause: unknown): LabError {
  return new LabError(
    'host_unreachable',
    `cannot read from the agent of host ${host.name}: ${reasonOf(cause)}. Its apps go on; try again when its worker runs.`,
    { cause, details: { host: host.name } },
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it did not answer in time';
  return error.cause instanceof Error && error.cause.message !== ''
    ? error.cause.message
    : error.message;
}
