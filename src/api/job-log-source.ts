import { jobInstanceName } from '../model/names.ts';
import { isEnded } from '../model/job-state.ts';
import type { Job } from '../store/job-ports.ts';
import type { HostStore } from '../store/ports.ts';
import type { ArtifactReader } from './artifact-reader.ts';
import { instanceLogs, nothing } from './instance-logs.ts';
import type { LogPart, LogReader, LogStretch } from './log-reader.ts';

/** What a program prints, or the log file that it writes itself. */
export const logSources = ['output', 'file'] as const;
export type LogSourceName = (typeof logSources)[number];

export interface JobLogs {
  /**
   * A stretch of the log of one attempt, live or archived, 1 MiB at most. Begins later than asked where bytes were left
   * out. Complete when nothing will follow in this attempt. Throws `host_unreachable`, naming the host.
   */
  read(
    job: Job,
    from: { attempt: number; source: LogSourceName },
    range: LogStretch,
    signal?: AbortSignal,
  ): Promise<LogPart>;
}

const mostBytes = 1024 * 1024;

/** Finds where a job's logs are kept, and reads them there. */
export function jobLogs(options: {
  hosts: HostStore;
  reader: LogReader;
  artifacts: ArtifactReader;
}): JobLogs {
  const { hosts, artifacts } = options;
  const instances = instanceLogs(options);

  /** The file is one for all attempts: a further one goes on in it, or begins it anew. */
  const readFile = async (job: Job, path: string, range: LogStretch, signal?: AbortSignal) => {
    const over = isEnded(job.state);
    const host = job.host === null ? null : await hosts.find(job.host);
    if (host === null) return { ...nothing(range), complete: over };
    const most = Math.min(range.maxBytes ?? mostBytes, mostBytes);
    const tail = Math.min(range.tailBytes ?? most, most);
    const from = range.fromByte ?? 0;
    const asked = range.tailBytes === undefined ? `${from}-${from + most - 1}` : `-${tail}`;
    const answer = await artifacts.open(host, job.id, path, {
      method: 'GET',
      headers: { range: `bytes=${asked}` },
      signal: signal ?? AbortSignal.timeout(30_000),
    });
    if (answer.status !== 206) {
      await answer.body?.cancel();
      const size = Number(/\*\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1] ?? 0);
      // Shorter than what was read: it was begun anew.
      const at = Math.min(from, size) === from ? from : 0;
      return { fromByte: at, nextByte: at, bytes: new Uint8Array(), complete: over };
    }
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const [, first = '0', size = '0'] =
      /^bytes (\d+)-\d+\/(\d+)$/.exec(answer.headers.get('content-range') ?? '') ?? [];
    const fromByte = Number(first);
    const nextByte = fromByte + bytes.length;
    return { fromByte, nextByte, bytes, complete: over && nextByte >= Number(size) };
  };

  return {
    async read(job, { attempt, source }, range, signal) {
      if (source === 'file') {
        const path = job.spec.logFile;
        if (path !== undefined && job.attempt > 0) return readFile(job, path, range, signal);
        return { ...nothing(range), complete: isEnded(job.state) };
      }
      if (attempt === 0) return { ...nothing(range), complete: isEnded(job.state) };
      const host = attempt === job.attempt ? job.host : null;
      return instances.read(jobInstanceName(job.number, attempt), host, range, signal);
    },
  };
}
