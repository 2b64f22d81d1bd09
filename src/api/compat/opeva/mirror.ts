import type { Log } from '../../../log.ts';
import type { OpevaDialect } from '../../../model/opeva.ts';
import type { JobStore } from '../../../store/job-ports.ts';
import type { SharedFolder } from '../../../store/shared-folder.ts';
import type { SharedJob, SharedJobStore } from '../../../store/shared-job-ports.ts';
import { pause } from '../../pause.ts';
import { ownKeys, readJobInfo } from './job-info.ts';
import { lastGood } from './json-files.ts';
import { tellOfOurs } from './known-job.ts';
import { epochSeconds } from './show-status.ts';

/** Tells in files what rows say, for people and old tools: nothing reads them back. */
export interface JobMirror {
  /** `status.json` and `job_info.json` of one job. What a container wrote into the latter stays. */
  write(shared: SharedJob): Promise<void>;
  /** Follows the rows until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

export interface MirrorOptions {
  jobs: Pick<JobStore, 'listen'>;
  sharedJobs: SharedJobStore;
  folder: SharedFolder;
  dialect: OpevaDialect;
  /** Changes are gathered so long. */
  everyMs: number;
  /** Jobs in `job_track.json`, the newest. */
  maxTracked: number;
  log: Log;
}

const track = 'job_track.json';
const maxFileBytes = 64 * 1024 * 1024;
const remembered = 10_000;

export function jobMirror(options: MirrorOptions): JobMirror {
  const { jobs, sharedJobs, folder, dialect, log } = options;
  /** What was written last, by path: only what changed is written. */
  const written = new Map<string, string>();
  const good = lastGood();

  const write = async (path: string, value: unknown) => {
    const text = `${JSON.stringify(value, null, 2)}\n`;
    const before = written.get(path) ?? (await folder.read(path, maxFileBytes));
    if (before !== text) await folder.write(path, text);
    written.delete(path);
    written.set(path, text);
    if (written.size > remembered) written.delete(written.keys().next().value ?? '');
  };

  const writeJob = async (shared: SharedJob) => {
    const { id } = shared.job;
    const { state, exitCode, error } = tellOfOurs(shared);
    await write(`jobs/${id}/status.json`, {
      job_id: id,
      status: state,
      status_updated_at: epochSeconds(shared.job.since),
      last_status_at: epochSeconds(shared.job.since),
      attempt: shared.job.attempt,
      ...(exitCode === null ? {} : { exit_code: exitCode }),
      ...(error === null ? {} : { error }),
    });
    const own = ownKeys(shared, dialect);
    const file = (await readJobInfo(id, { sharedFolder: folder, good })) ?? {};
    const isNew = Object.entries(own).some(([key, value]) => file[key] !== value);
    if (isNew) await write(`jobs/${id}/job_info.json`, { ...file, ...own });
  };

  const writeTrack = async () => {
    const { rows } = await sharedJobs.list({ limit: options.maxTracked });
    const old = await sharedJobs.listImported(options.maxTracked);
    await write(
      track,
      Object.fromEntries([
        ...old.rows.map(({ id, record }) => [id, record] as const),
        ...rows.map((shared) => [shared.job.id, recordOf(shared)] as const),
      ]),
    );
  };

  return {
    write: writeJob,
    async run(signal) {
      const changed = new Set<string>();
      let all = true;
      let failing = false;
      const listening = jobs.listen((id) => {
        if (id === null) all = true;
        else if (id !== '') changed.add(id);
      }, signal);
      while (!signal.aborted) {
        const ids = [...changed];
        const everything: boolean = all;
        if (everything || ids.length > 0) {
          changed.clear();
          all = false;
          try {
            const found = everything
              ? (await sharedJobs.list({ limit: options.maxTracked })).rows
              : await sharedJobs.findAll(ids);
            for (const shared of found) await writeJob(shared);
            if (found.length > 0) await writeTrack();
            failing = false;
          } catch (error) {
            for (const id of ids) changed.add(id);
            all ||= everything;
            if (!failing) log.warn({ err: error }, 'files of OPEVA jobs not written');
            failing = true;
          }
        }
        await pause(failing ? options.everyMs * 10 : options.everyMs, signal);
      }
      await listening;
    },
  };
}

/** A row of the registry, as the second generation had it. */
function recordOf(shared: SharedJob): Record<string, unknown> {
  const { job, record } = shared;
  const { state, exitCode, error } = tellOfOurs(shared);
  const seconds = (iso: string | null) => (iso === null ? null : epochSeconds(iso));
  return {
    ...record,
    status: state,
    submitted_at: seconds(job.submittedAt),
    started_at: seconds(job.startedAt),
    finished_at: seconds(job.finishedAt),
    ...(exitCode === null ? {} : { exit_code: exitCode }),
    ...(error === null ? {} : { error }),
  };
}
