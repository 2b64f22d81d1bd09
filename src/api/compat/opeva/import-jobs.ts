import type { Log } from '../../../log.ts';
import { jobIdPattern } from '../../../model/job-ids.ts';
import { parseLooseJson } from '../../../model/loose-json.ts';
import type { SharedFolder } from '../../../store/shared-folder.ts';
import type { ImportedJob, SharedJobStore } from '../../../store/shared-job-ports.ts';
import { pause } from '../../pause.ts';
import { wellFormed } from './launch-body.ts';
import { isRecord } from '../../../model/is-record.ts';

const maxTrackBytes = 64 * 1024 * 1024;
const retryMs = 1_000;

/**
 * Takes over the registry that an old backend left in the shared folder, once an installation: from then on the file is
 * our own mirror. It is kept beside as it was. Tries until rows can be written; resolves when done or the signal aborts.
 */
export async function importJobs(
  options: { sharedJobs: SharedJobStore; folder: SharedFolder; log: Log },
  signal: AbortSignal,
): Promise<void> {
  const { sharedJobs, folder, log } = options;
  while (!signal.aborted) {
    try {
      const text = await folder.read('job_track.json', maxTrackBytes);
      const jobs = jobsIn(text, log);
      const first = await sharedJobs.importOnce('opeva', jobs);
      if (first && typeof text === 'string') {
        await folder.write('job_track.before-labkeeper.json', text);
        log.info({ jobs: jobs.length }, 'took over job_track.json');
      }
      return;
    } catch (error) {
      log.warn({ err: error }, 'job_track.json not taken over yet');
      await pause(retryMs, signal);
    }
  }
}

function jobsIn(
  text: string | { bytes: number } | null,
  log: Log,
): Omit<ImportedJob, 'importedAt'>[] {
  if (text === null) return [];
  const value = typeof text === 'string' ? parseLooseJson(text) : undefined;
  if (!isRecord(value)) {
    log.error('job_track.json is not valid JSON: its jobs are not taken over');
    return [];
  }
  return Object.entries(value).flatMap(([id, told]) => {
    // The first generation kept the id of the container and nothing else.
    const record = typeof told === 'string' ? { container_id: told } : told;
    if (jobIdPattern.test(id) && isRecord(record)) return [{ id, record: storable(record) }];
    log.warn({ job: id.slice(0, 200) }, 'a job of job_track.json is not taken over');
    return [];
  });
}

/** What the database cannot keep is no part of a text. */
const storable = (record: Record<string, unknown>): Record<string, unknown> =>
  JSON.parse(JSON.stringify(record), (_key, value: unknown) =>
    typeof value === 'string' ? wellFormed(value) : value,
  ) as Record<string, unknown>;
