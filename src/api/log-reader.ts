import { usageSchema, type UsageJson } from '../model/api.ts';
import { askAgent, unreachable, type AgentAddress } from './agent-request.ts';

/** Reads what the agent of a host keeps. A host that does not answer is `host_unreachable`. */
export interface LogReader {
  /** A stretch of an instance's log; empty when nothing was written or kept. */
  read(
    host: AgentAddress,
    instance: string,
    range: LogStretch,
    signal?: AbortSignal,
  ): Promise<LogPart>;
  /** What it uses now; null when it does not run there. */
  usage(host: AgentAddress, instance: string, signal?: AbortSignal): Promise<UsageJson | null>;
}

export interface LogStretch {
  fromByte?: number | undefined;
  tailBytes?: number | undefined;
  maxBytes?: number | undefined;
}

export interface LogPart {
  fromByte: number;
  nextByte: number;
  bytes: Uint8Array;
  /** True when the instance is over and `nextByte` is the end. */
  complete: boolean;
}

/** The adapter over the agents' HTTP. `timeoutMs` bounds each call. */
export function agentLogReader(options: { token: string; timeoutMs: number }): LogReader {
  const ask = (host: AgentAddress, path: string, signal?: AbortSignal) =>
    askAgent(host, path, { ...options, accept: [404], signal });
  return {
    async read(host, instance, range, signal) {
      const query = new URLSearchParams();
      for (const [key, value] of Object.entries(range)) {
        if (value !== undefined) query.set(key, String(value));
      }
      const response = await ask(host, `/instances/${instance}/log?${query}`, signal);
      if (response.status === 404) {
        await response.body?.cancel();
        const at = range.fromByte ?? 0;
        return { fromByte: at, nextByte: at, bytes: new Uint8Array(), complete: true };
      }
      const bytes = await body(host, response, signal);
      const fromByte = numberHeader(response, 'x-from-byte', range.fromByte ?? 0);
      return {
        fromByte,
        nextByte: numberHeader(response, 'x-next-byte', fromByte + bytes.length),
        bytes,
        complete: response.headers.get('x-complete') === 'true',
      };
    },
    async usage(host, instance, signal) {
      const response = await ask(host, `/instances/${instance}/usage`, signal);
      if (response.status === 404) {
        await response.body?.cancel();
        return null;
      }
      const text = new TextDecoder().decode(await body(host, response, signal));
      return usageSchema.parse(JSON.parse(text));
    },
  };
}

async function body(host: AgentAddress, response: Response, signal?: AbortSignal) {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(host, error);
  }
}

function numberHeader(response: Response, name: string, fallback: number): number {
  const value = Number(response.headers.get(name) ?? Number.NaN);
  return Number.isSafeInteger(value) && value >= 0 ? value : fallback;
}
