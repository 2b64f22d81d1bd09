import type { Log } from '../log.ts';
import { bytesInWords } from '../model/in-words.ts';
import { isEnded } from '../model/job-state.ts';
import type { Job, JobStore } from '../store/job-ports.ts';
import type { JobLogs, LogSourceName } from './job-log-source.ts';
import type { LogPart } from './log-reader.ts';
import { pause } from './pause.ts';

/** A host that does not answer is asked again this often. */
const retryMs = 1_000;

/** What comes next in a log: bytes, after so many that were left out. */
export interface LogPiece {
  attempt: number;
  /** Bytes before it that the size cap has dropped. */
  leftOutBytes: number;
  bytes: Uint8Array;
  /** Where to go on in this attempt. */
  nextByte: number;
}

interface Options {
  job: Job;
  attempt: number;
  source: LogSourceName;
  /** What was read already. */
  first: LogPart;
  /** Where that reading was to begin; null for a tail, before which nothing is missed. */
  fromByte: number | null;
  logs: JobLogs;
  signal: AbortSignal;
}

/** The rest of what is there now, as fast as it is taken. Rejects when a host cannot be read. */
export async function* restOfLog(options: Options): AsyncGenerator<LogPiece> {
  const { job, attempt, source, logs, signal } = options;
  let part = options.first;
  let expected = options.fromByte ?? part.fromByte;
  while (part.bytes.length > 0) {
    yield pieceOf(part, attempt, expected);
    expected = part.nextByte;
    if (part.complete) return;
    part = await logs.read(job, { attempt, source }, { fromByte: expected }, signal);
  }
}

/** The log as it grows, through further attempts; ends with the job, or the signal. */
export async function* followedLog(
  options: Options & {
    /** Goes on with the attempts that follow. */
    goesOn: boolean;
    jobs: Pick<JobStore, 'find'>;
    pollMs: number;
    log: Log;
  },
): AsyncGenerator<LogPiece> {
  const { goesOn, source, logs, signal } = options;
  let { job, attempt } = options;
  let part: LogPart | null = options.first;
  let expected = options.fromByte ?? part.fromByte;
  while (!signal.aborted) {
    if (part !== null) {
      if (part.bytes.length > 0) yield pieceOf(part, attempt, expected);
      expected = part.nextByte;
    }
    if (part === null) await pause(retryMs, signal);
    else if (part.bytes.length === 0) {
      const now = await options.jobs.find(job.id);
      if (now === null) return;
      if (goesOn && part.complete && now.attempt > attempt) {
        attempt = now.attempt;
        // A file of its own goes on where it was; what is printed begins anew.
        if (source === 'output') expected = 0;
      } else if (part.complete && (isEnded(now.state) || now.attempt > attempt)) return;
      else await pause(options.pollMs, signal);
      job = now;
    }
    if (signal.aborted) return;
    const range = { fromByte: expected };
    part = await logs.read(job, { attempt, source }, range, signal).catch((error: unknown) => {
      if (!signal.aborted) options.log.debug({ err: error, job: job.id }, 'followed log not read');
      return null;
    });
  }
}

const pieceOf = (part: LogPart, attempt: number, expected: number): LogPiece => ({
  attempt,
  leftOutBytes: Math.max(0, part.fromByte - expected),
  bytes: part.bytes,
  nextByte: part.nextByte,
});

/** A piece as text readers get it: where something was left out, a line says so. */
export function bytesOf({ leftOutBytes, bytes }: LogPiece): Uint8Array {
  return leftOutBytes === 0 ? bytes : Buffer.concat([Buffer.from(cutMark(leftOutBytes)), bytes]);
}

export const cutMark = (bytes: number): string => `\n[… ${bytesInWords(bytes)} left out …]\n`;
