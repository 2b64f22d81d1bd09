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
  /** `job_track.json` holds all of them, so it is written less often. */
  trackEveryMs: number;
  /** Jobs in it, the newest. */
  maxTracked: number;
  log: Log;
}

const track = 'job_track.json';
const remembered = 10_000;

export function jobMirror(options: MirrorOptions): JobMirror {
  const { jobs, sharedJobs, folder, dialect, log } = options;
  /** What was last told of each job: progress alone is no news here. */
  const told = new Map<string, string>();
  const good = lastGood();
  /** A record of the registry is another one than it was. */
  let trackIsOld = false;

  const writeJson = (path: string, value: unknown) =>
    folder.write(path, `${JSON.stringify(value, null, 2)}\n`);

  const writeJob = async (shared: SharedJob) => {
    const { id } = shared.job;
    const status = statusFile(shared);
    const own = ownKeys(shared, dialect);
    const news = JSON.stringify([status, own]);
    if (told.get(id) === news) return;
    trackIsOld = true;
    await writeJson(`jobs/${id}/status.json`, status);
    const file = (await readJobInfo(id, { sharedFolder: folder, good })) ?? {};
    const isNew = Object.entries(own).some(([key, value]) => file[key] !== value);
    if (isNew) await writeJson(`jobs/${id}/job_info.json`, { ...file, ...own });
    told.delete(id);
    told.set(id, news);
    if (told.size > remembered) told.delete(told.keys().next().value ?? '');
  };

  const writeTrack = async () => {
    const { rows } = await sharedJobs.list({ limit: options.maxTracked });
    const old = await sharedJobs.listImported(options.maxTracked);
    await writeJson(
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
      let trackedAtMs = Number.NEGATIVE_INFINITY;
      const listening = jobs.listen((id) => {
        if (id === null) all = true;
        else if (id !== '') changed.add(id);
      }, signal);
      while (!signal.aborted) {
        const ids = [...changed];
        const everything: boolean = all;
        changed.clear();
        all = false;
        try {
          if (everything) {
            const { rows } = await sharedJobs.list({ limit: options.maxTracked });
            for (const shared of rows) await writeJob(shared);
          } else if (ids.length > 0) {
            for (const shared of await sharedJobs.findAll(ids)) await writeJob(shared);
          }
          if (trackIsOld && performance.now() - trackedAtMs >= options.trackEveryMs) {
            trackIsOld = false;
            trackedAtMs = performance.now();
            await writeTrack();
          }
          failing = false;
        } catch (error) {
          for (const id of ids) changed.add(id);
          all ||= everything;
          trackIsOld = true;
          if (!failing) log.warn({ err: error }, 'files of OPEVA jobs not written');
          failing = true;
        }
        await pause(failing ? options.everyMs * 10 : options.everyMs, signal);
      }
      await listening;
    },
  };
}

function statusFile(shared: SharedJob): Record<string, unknown> {
  const { id, since, attempt } = shared.job;
  const { state, exitCode, error } = tellOfOurs(shared);
  return {
    job_id: id,
    status: state,
    status_updated_at: epochSeconds(since),
    last_status_at: epochSeconds(since),
    attempt,
    ...(exitCode === null ? {} : { exit_code: exitCode }),
    ...(error === null ? {} : { error }),
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
