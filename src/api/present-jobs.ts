import type { JobJson } from '../model/job-api.ts';
import { explainJob, waitInWords, type QueuePosition } from '../model/job-view.ts';
import { progressFigures, stepsPerSecond, timeLeftMs } from '../model/job-progress.ts';
import { isEnded } from '../model/job-state.ts';
import { jobEntity } from '../model/names.ts';
import { may, type Caller } from '../model/roles.ts';
import type { Job } from '../store/job-ports.ts';
import type { ApiSettings } from './dependencies.ts';

/** A job's row as the API answers `caller`: what programs print is not for everybody who may know of a job. */
export function jobFor(
  caller: Caller,
  job: Job,
  queue: QueuePosition | null,
  settings: Pick<ApiSettings, 'temporalUiUrl' | 'temporalNamespace'>,
  silentHosts: ReadonlyMap<string, string>,
): JobJson {
  const answer = jobJson(job, queue, settings, silentHosts);
  return may(caller, 'job.read-output', job) ? answer : { ...answer, lastLogLines: [] };
}

/** A job's row as the API answers it; `silentHosts` are those that are not heard of, and since when. */
export function jobJson(
  job: Job,
  queue: QueuePosition | null,
  settings: Pick<ApiSettings, 'temporalUiUrl' | 'temporalNamespace'>,
  silentHosts: ReadonlyMap<string, string>,
): JobJson {
  const { id, spec } = job;
  const self = `/api/v1/jobs/${id}`;
  const holds = !isEnded(job.state) && job.state !== 'queued';
  const silentSince = holds ? (silentHosts.get(job.host ?? '') ?? null) : null;
  return {
    id,
    title: spec.title ?? id,
    space: job.space,
    owner: job.owner,
    type: job.type,
    spec,
    state: job.state,
    terminal: isEnded(job.state),
    cause: job.cause,
    explanation: explainJob(job, queue, silentSince),
    detail: job.detail,
    attempt: job.attempt,
    host: job.host,
    hostSilentSince: silentSince,
    devices: job.devices,
    queue: queue === null ? null : queueJson(queue),
    cancel: job.cancel,
    exit: job.exit,
    imageDigest: job.imageDigest,
    progress: job.progress,
    progressAt: job.progressAt,
    figures: figuresOf(job),
    result: job.result as JobJson['result'],
    submittedAt: job.submittedAt,
    queuedAt: job.queuedAt,
    startedAt: job.startedAt,
    finishedAt: job.finishedAt,
    since: job.since,
    lastLogLines: job.lastLogLines,
    links: {
      self,
      events: `${self}/events`,
      logs: `${self}/logs`,
      artifacts: `${self}/artifacts`,
      page: `/manage/job/${id}`,
      workflow: workflowUrl(id, settings),
    },
  };
}

function queueJson(queue: QueuePosition): JobJson['queue'] {
  const { ahead, startsInMs } = queue;
  const reason = waitInWords(queue);
  return { ahead, reason, startsInMs: startsInMs === null ? null : Math.round(startsInMs) };
}

function figuresOf(job: Job): JobJson['figures'] {
  const leftMs = timeLeftMs(job, Date.now());
  return {
    ...progressFigures(job.progress),
    stepsPerSecond: stepsPerSecond(job),
    leftMs: leftMs === null ? null : Math.round(leftMs),
  };
}

function workflowUrl(
  id: string,
  settings: Pick<ApiSettings, 'temporalUiUrl' | 'temporalNamespace'>,
): string | null {
  if (settings.temporalUiUrl === null) return null;
  const workflow = encodeURIComponent(jobEntity(id));
  return `${settings.temporalUiUrl}/namespaces/${settings.temporalNamespace}/workflows/${workflow}`;
}
