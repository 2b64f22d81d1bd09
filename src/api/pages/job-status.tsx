import type { JobJson } from '../../model/job-api.ts';
import { durationInWords } from '../../model/in-words.ts';
import { progressFigures, progressInWords, timeLeftMs } from '../../model/job-progress.ts';
import type { JobState } from '../../model/job-state.ts';
import { Status } from './status.tsx';

/** What people read for each state of a job. */
export const jobStateWords: Readonly<Record<JobState, string>> = {
  queued: 'Waiting',
  preparing: 'Starting',
  running: 'Running',
  stopping: 'Stopping',
  succeeded: 'Succeeded',
  failed: 'Failed',
  canceled: 'Canceled',
  expired: 'Expired',
};

export function JobStatus({ state }: { state: JobState }) {
  return <Status status={state} words={jobStateWords[state]} />;
}

/** Marks the element that stands for a job, so that the script can say what changed. */
export const jobMarks = (job: Pick<JobJson, 'id' | 'title' | 'state'>) => ({
  'data-entity': `job/${job.id}`,
  'data-status': job.state,
  'data-title': job.title,
  'data-words': jobStateWords[job.state],
});

/** How far a job is, as a bar and in words; nothing before its program told. */
export function JobProgress({ job, isShort = false }: { job: JobJson; isShort?: boolean }) {
  const figures = progressFigures(job.progress);
  const leftMs = timeLeftMs(job, Date.now());
  const left = leftMs === null ? null : durationInWords(leftMs);
  const words = isShort
    ? progressInWords({ ...figures, step: null, status: null }, null)
    : progressInWords(figures, left);
  if (words === '') return null;
  return (
    <div class={isShort ? undefined : 'progress'}>
      {figures.percent !== null && (
        <progress
          aria-label={`Progress of ${job.title}`}
          max={100}
          value={figures.percent.toFixed(1)}
        />
      )}{' '}
      <span class={isShort ? 'small' : undefined}>{words}</span>
    </div>
  );
}
