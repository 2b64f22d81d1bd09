import { constants } from 'node:os';
import type { LabkeeperClient } from '../client/index.ts';
import { durationInWords } from '../model/in-words.ts';
import type { JobJson } from '../model/job-api.ts';
import { progressFigures, progressInWords, timeLeftMs } from '../model/job-progress.ts';
import { exitCodes, type ExitCode } from './exit-codes.ts';
import { jobTone, plain, tinted, type Terminal } from './terminal.ts';

/** Waits for as long as it takes: a job has deadlines of its own. Shows what goes on. */
export async function waitForJob(
  { client, terminal }: { client: LabkeeperClient; terminal: Terminal },
  id: string,
  options: { signal?: AbortSignal } = {},
): Promise<JobJson> {
  const line = progressLine(terminal);
  try {
    return await client.jobs.wait(id, {
      ...options,
      timeoutMs: Number.POSITIVE_INFINITY,
      onChange: (job) => line.show(job),
    });
  } finally {
    line.end();
  }
}

/** What a process ends with that waited for a job: as if it had run the job's program itself. */
export function exitCodeOf({ state, cause, exit }: JobJson): ExitCode {
  if (state === 'succeeded') return exitCodes.ok;
  if (state === 'canceled') return exitCodes.canceled;
  if (state === 'expired') return exitCodes.expired;
  if (cause === 'run_deadline') return exitCodes.ranTooLong;
  if (exit?.exitCode) return exit.exitCode;
  const signal = exit?.signal ?? null;
  const number = signal === null ? 0 : (constants.signals[signal as NodeJS.Signals] ?? 0);
  return number === 0 ? exitCodes.failed : 128 + number;
}

/** What came of a job, in one line. */
export function jobOutcomeLine(terminal: Terminal, job: JobJson): string {
  const state = tinted(terminal, jobTone(job.state), job.state);
  return `job/${job.id}  ${state}  ${plain(job.explanation)}\n`;
}

/** Overwrites its own line for a person, with a bar; writes a line a change elsewhere. */
function progressLine(terminal: Terminal) {
  let last = '';
  return {
    show(job: JobJson) {
      const words = wordsOf(job, terminal.isInteractive);
      if (words === last) return;
      last = words;
      terminal.error(terminal.isInteractive ? `\r\u001b[K${fitted(words)}` : `${words}\n`);
    },
    end() {
      if (terminal.isInteractive && last !== '') terminal.error('\r\u001b[K');
    },
  };
}

/** Elsewhere without what is left of the time, which changes with every look. */
function wordsOf(job: JobJson, isWatched: boolean): string {
  const name = `job/${shortId(job.id)}`;
  if (job.state === 'queued')
    return `${name}  queued: ${plain(job.queue?.reason ?? 'it waits')}${before(job)}`;
  if (job.state !== 'running') {
    const detail = job.detail === null ? '' : `: ${plain(job.detail)}`;
    return `${name}  ${job.state}${detail}`;
  }
  const figures = progressFigures(job.progress);
  if (!isWatched) {
    const words = progressInWords({ ...figures, step: null }, null);
    return `${name}  running${words === '' ? ` on ${job.host}` : ` ${plain(words)}`}`;
  }
  const leftMs = timeLeftMs(job, Date.now());
  const words = progressInWords(figures, leftMs === null ? null : durationInWords(leftMs));
  const ran = job.startedAt === null ? '' : durationInWords(Date.now() - Date.parse(job.startedAt));
  const bar = figures.percent === null ? '' : `${barOf(figures.percent)}  `;
  return `${name}  ${bar}${plain(words === '' ? `running for ${ran}` : words)}`;
}

const before = ({ queue }: JobJson): string =>
  queue === null || queue.ahead === 0 || queue.reason.includes('before it')
    ? ''
    : `, ${queue.ahead} before it`;

const barWidth = 24;

function barOf(percent: number): string {
  const done = Math.round((percent / 100) * barWidth);
  return `${'█'.repeat(done)}${'░'.repeat(barWidth - done)}`;
}

/** A line that wraps could not be overwritten. */
const fitted = (words: string): string => words.slice(0, (process.stderr.columns ?? 120) - 1);

/** Ids are long: the beginning of one that was made by labkeeper tells it apart. */
export const shortId = (id: string): string => (/^[0-9a-f]{8}-/.test(id) ? id.slice(0, 8) : id);
