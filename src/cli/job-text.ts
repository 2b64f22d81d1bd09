import { describeExit } from '../model/app-state.ts';
import { bytesInWords, durationInWords } from '../model/in-words.ts';
import type { JobJson } from '../model/job-api.ts';
import { progressFigures, progressInWords, timeLeftMs } from '../model/job-progress.ts';
import { fields, table } from './table.ts';
import { jobTone, plain, tinted, type Terminal } from './terminal.ts';
import { shortId } from './job-wait.ts';

export function jobTable(terminal: Terminal, jobs: readonly JobJson[]): string {
  return table(
    terminal,
    ['name', 'state', 'for', 'progress', 'owner', 'host', 'title'],
    jobs.map((job) => [
      `job/${shortId(job.id)}`,
      { text: job.state, tone: jobTone(job.state) },
      durationInWords(Date.now() - Date.parse(job.since)),
      percentOf(job),
      job.owner,
      job.host ?? '-',
      job.title === job.id ? (runs(job) ?? '') : job.title,
    ]),
  );
}

/** All of a job for a person. */
export function jobText(terminal: Terminal, job: JobJson): string {
  const { spec, cancel } = job;
  const heading = tinted(terminal, 'strong', `job/${job.id}`);
  const state = tinted(terminal, jobTone(job.state), job.state);
  const leftMs = timeLeftMs(job, Date.now());
  const left = leftMs === null ? null : durationInWords(leftMs);
  const progress = progressInWords(progressFigures(job.progress), left);
  const ran = ranForMs(job);
  const tags = Object.entries(spec.tags).map(([key, value]) => `${key}=${value}`);
  const pairs = fields(terminal, [
    ['title', job.title === job.id ? null : job.title],
    ['runs', runs(job)],
    ['space', job.space],
    ['submitted', `${job.submittedAt} by ${job.owner}`],
    ['host', job.host],
    ['attempt', job.attempt === 0 ? null : String(job.attempt)],
    ['needs', needs(job)],
    ['devices', job.devices.length === 0 ? null : job.devices.join(', ')],
    ['image', job.imageDigest],
    ['progress', progress === '' ? null : progress],
    ['ran for', ran === null ? null : durationInWords(ran)],
    ['exit', job.exit === null ? null : describeExit(job.exit)],
    ['cause', job.cause],
    [
      'canceled by',
      cancel === null ? null : `${cancel.actor} at ${cancel.requestedAt}: ${cancel.why}`,
    ],
    ['SIGTERM', cancel?.signalledAt ?? null],
    ['SIGKILL', cancel?.killedAt ?? null],
    ['gone', cancel?.goneAt ?? null],
    ['tags', tags.length === 0 ? null : tags.join(', ')],
    ['result', resultText(job)],
    ['workflow', job.links.workflow],
  ]);
  return `${heading}  ${state}\n${plain(job.explanation)}\n\n${pairs}`;
}

const percentOf = ({ progress }: JobJson): string => {
  const { percent } = progressFigures(progress);
  return percent === null ? '-' : `${Math.floor(percent)} %`;
};

const runs = ({ spec }: JobJson): string | null =>
  [spec.image, ...(spec.command ?? [])].filter((word) => word !== undefined).join(' ') || null;

function needs({ spec }: JobJson): string {
  const { cpus, memoryBytes } = spec.limits;
  const devices =
    spec.devices === 0 ? '' : `, ${spec.devices} ${spec.devices === 1 ? 'GPU' : 'GPUs'}`;
  return `${cpus} ${cpus === 1 ? 'core' : 'cores'}, ${bytesInWords(memoryBytes)}${devices}`;
}

function ranForMs({ startedAt, finishedAt }: JobJson): number | null {
  if (startedAt === null) return null;
  return (finishedAt === null ? Date.now() : Date.parse(finishedAt)) - Date.parse(startedAt);
}

function resultText({ result }: JobJson): string | null {
  if (result === null) return null;
  return 'problem' in result ? result.problem : JSON.stringify(result.value);
}
