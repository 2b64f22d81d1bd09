import type { Job } from '../store/job-ports.ts';
import type { JobLogs, LogSourceName } from './job-log-source.ts';

const mostBytes = 1024 * 1024;

interface AskedRange {
  /** Null: the last `count`. */
  from: number | null;
  count: number;
}

/** One range of bytes; null for a header that cannot be read or names several, which is passed over. */
export function rangeFrom(header: string | undefined): AskedRange | null {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return null;
  if (first === '') return { from: null, count: Number(last) };
  const from = Number(first);
  if (last !== '' && Number(last) < from) return null;
  return { from, count: last === '' ? mostBytes : Number(last) - from + 1 };
}

/**
 * 206 with what there is of the range, 1 MiB at most (`content-range` says what came), or 416. How long the log
 * becomes nobody knows while it runs: its length is `*` then.
 */
export async function readLogRange(options: {
  job: Job;
  attempt: number;
  source: LogSourceName;
  range: AskedRange;
  logs: JobLogs;
  signal: AbortSignal;
}): Promise<{
  status: 206 | 416;
  body: Uint8Array<ArrayBuffer> | null;
  headers: Record<string, string>;
}> {
  const { job, attempt, source, range, logs, signal } = options;
  const maxBytes = Math.min(Math.max(range.count, 1), mostBytes);
  const stretch =
    range.from === null ? { tailBytes: maxBytes, maxBytes } : { fromByte: range.from, maxBytes };
  const part = await logs.read(job, { attempt, source }, stretch, signal);
  const length = part.complete ? String(part.nextByte) : '*';
  if (part.bytes.length === 0 || range.count === 0) {
    return { status: 416, body: null, headers: { 'content-range': `bytes */${length}` } };
  }
  const told = `bytes ${part.fromByte}-${part.nextByte - 1}/${length}`;
  return {
    status: 206,
    body: new Uint8Array(part.bytes),
    headers: {
      'content-range': told,
      'x-from-byte': String(part.fromByte),
      'x-next-byte': String(part.nextByte),
      'x-complete': String(part.complete),
    },
  };
}
