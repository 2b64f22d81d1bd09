import type { Log } from '../log.ts';
import type { Counter } from '../metrics/metrics.ts';
import { formatTrace, type FinishedSpan } from './otlp.ts';

/** Sends spans in batches, in the background. What cannot be sent is dropped, never waited for. */
export interface Exporter {
  add(span: FinishedSpan): void;
  /** Sends what is left, for at most two seconds. */
  close(): Promise<void>;
}

const maxQueued = 2_048;
const maxBatch = 512;
const everyMs = 1_000;
const closeWithinMs = 2_000;
const timeoutMs = 10_000;
/** Answers after which the same batch may be taken, as the protocol lists them. */
const mayPass: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const retryPausesMs = [1_000, 4_000] as const;

/**
 * OTLP over HTTP with JSON, written by ourselves: the SDK of OpenTelemetry that has it needs Node 22,
 * the one before brings seven packages for these lines.
 */
export function createExporter(options: {
  endpoint: string;
  headers: string | undefined;
  service: string;
  version: string;
  host: string;
  spans: Readonly<Record<'sent' | 'dropped', Counter>>;
  log: Log;
}): Exporter {
  const { log, spans } = options;
  const url = `${options.endpoint.replace(/\/+$/, '')}/v1/traces`;
  const headers = { ...parseHeaders(options.headers), 'content-type': 'application/json' };
  const closing = new AbortController();
  const queue: FinishedSpan[] = [];
  let timer: NodeJS.Timeout | null = null;
  let sending: Promise<void> | null = null;
  let failing = false;

  const drop = (count: number, why: string) => {
    spans.dropped.add(count);
    // One line an outage: traces are a courtesy to operators, not their work.
    if (!failing) log.warn({ url, why }, 'traces are dropped');
    failing = true;
  };
  const sendAll = async () => {
    while (queue.length > 0) await deliver(queue.splice(0, maxBatch));
  };
  const flush = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    sending ??= sendAll().finally(() => {
      sending = null;
    });
    return sending;
  };
  const deliver = async (batch: readonly FinishedSpan[]) => {
    const body = formatTrace(batch, options);
    for (let tries = 0; ; tries += 1) {
      const result = await post(url, headers, body, closing.signal);
      if (result.outcome === 'taken') {
        spans.sent.add(batch.length);
        if (failing) log.info({ url }, 'traces are taken again');
        failing = false;
        return;
      }
      const waitMs = retryPausesMs[tries];
      if (result.outcome === 'refused' || waitMs === undefined || closing.signal.aborted) {
        drop(batch.length, result.why);
        return;
      }
      await pause(Math.max(waitMs, result.afterMs), closing.signal);
    }
  };

  return {
    add(span) {
      if (queue.length >= maxQueued) {
        drop(1, `${maxQueued} spans wait already`);
        return;
      }
      queue.push(span);
      if (queue.length >= maxBatch) void flush();
      else timer ??= setTimeout(() => void flush(), everyMs).unref();
    },
    async close() {
      const late = setTimeout(() => closing.abort(), closeWithinMs);
      await flush();
      clearTimeout(late);
    },
  };
}

type Answer =
  | { outcome: 'taken' }
  | { outcome: 'refused'; why: string }
  | { outcome: 'later'; why: string; afterMs: number };

async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await answer.body?.cancel();
    if (answer.ok) return { outcome: 'taken' };
    const why = `the receiver answers ${answer.status}`;
    if (!mayPass.has(answer.status)) return { outcome: 'refused', why };
    const afterMs = Math.min(30, Number(answer.headers.get('retry-after')) || 0) * 1000;
    return { outcome: 'later', why, afterMs };
  } catch (error) {
    return {
      outcome: 'later',
      why: error instanceof Error ? error.message : String(error),
      afterMs: 0,
    };
  }
}

/** `name=value,name=value`, values with percent escapes, as OTEL_EXPORTER_OTLP_HEADERS has it. */
export function parseHeaders(text: string | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of text?.split(',') ?? []) {
    const at = pair.indexOf('=');
    if (at < 1) continue;
    headers[pair.slice(0, at).trim().toLowerCase()] = decoded(pair.slice(at + 1).trim());
  }
  return headers;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    // Without the value: it is a secret.
    throw new Error('OTEL_EXPORTER_OTLP_HEADERS holds a value with a bad percent escape');
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms).unref();
    signal.addEventListener('abort', done);
  });
}
