import { describeExit, type Exit } from './app-state.ts';
import { durationInWords } from './in-words.ts';
import type { JobState } from './job-state.ts';
import type { Wait } from './queue.ts';

/** The part of a job's row that tells its state. Times are ISO 8601 in UTC. */
export interface JobFacts {
  id: string;
  state: JobState;
  attempt: number;
  host: string | null;
  detail: string | null;
  exit: Exit | null;
  cancel: { actor: string; why: string; requestedAt: string } | null;
  /** Who gave its host up, and why. */
  lost: { actor: string; why: string } | null;
  since: string;
  readyAt: string;
  runDeadlineAt: string | null;
}

/** Where it stands in the queue, as far as that is known. */
export interface QueuePosition {
  /** How many go before it. */
  ahead: number;
  wait: Wait | null;
  /** When it will probably start, from now; null when nobody knows. */
  startsInMs: number | null;
}

/**
 * The one sentence that answers: what is it doing, since when, what is it waiting for, who caused that.
 * The same in API, pages and CLI, so it is made only here. `silentSince`: its host is not heard of.
 */
export function explainJob(
  job: JobFacts,
  queue: QueuePosition | null,
  silentSince: string | null = null,
): string {
  const since = `since ${shortTime(job.since)}`;
  const name = `job/${job.id}`;
  const unreachable = job.lost
    ? `; its host was given up by ${job.lost.actor}: ${job.lost.why}`
    : silentSince === null
      ? ''
      : `; host unreachable since ${shortTime(silentSince)}`;
  switch (job.state) {
    case 'queued': {
      const again = job.attempt > 0 && job.detail ? `; it ${job.detail}` : '';
      return `${name} waits ${since}: ${waitInWords(queue)}${again}.`;
    }
    case 'preparing':
      return `${name} is being started on ${job.host} ${since}; ${job.detail ?? 'waiting for the host'}${unreachable}.`;
    case 'running': {
      const until =
        job.runDeadlineAt === null ? '' : `; at most until ${shortTime(job.runDeadlineAt)}`;
      return `${name} runs on ${job.host} ${since}, attempt ${job.attempt}${until}${unreachable}.`;
    }
    case 'stopping':
      return `${name} is being stopped ${since} for ${job.cancel?.actor ?? 'labkeeper'} (${job.cancel?.why ?? 'its deadline'})${unreachable}.`;
    case 'succeeded':
      return `${name} succeeded at ${shortTime(job.since)}: ${job.detail ?? describeExit(job.exit)}.`;
    case 'failed':
      return `${name} failed at ${shortTime(job.since)}: ${job.detail ?? describeExit(job.exit)}.`;
    case 'canceled':
      return `${name} was canceled at ${shortTime(job.since)}: ${job.detail ?? 'no reason given'}.`;
    case 'expired':
      return `${name} expired at ${shortTime(job.since)}: ${job.detail ?? 'it waited too long'}.`;
  }
}

/** Why it waits, as a clause. */
export function waitInWords(queue: QueuePosition | null): string {
  if (queue === null || queue.wait === null) return 'it is about to be looked at';
  const before = queue.ahead === 0 ? '' : `; ${queue.ahead} before it`;
  const about = startInWords(queue.startsInMs);
  return `${reasonOf(queue.wait)}${before}${about}`;
}

/** What runs for longer than its like is over any moment, as far as anybody knows. */
function startInWords(startsInMs: number | null): string {
  if (startsInMs === null) return '';
  return startsInMs < 1_000 ? '; soon' : `; about ${durationInWords(startsInMs)}`;
}

function reasonOf(wait: Wait): string {
  switch (wait.reason) {
    case 'held': {
      const what = { job: 'it', space: 'its space', queue: 'the queue' }[wait.hold.of];
      return `${what} is held by ${wait.hold.actor}: ${wait.hold.why}`;
    }
    case 'no_host':
      return `no host has ${wait.lacks}`;
    case 'host_silent':
      return `the host ${wait.host} is not heard of, or its disk is full`;
    case 'person_cap':
      return `its owner has ${wait.limit} jobs running, the most one person may`;
    case 'space_cap':
      return `its space has ${wait.limit} jobs running, the most it may`;
    case 'type_cap':
      return `${wait.limit} jobs of its type run, the most that may`;
    case 'sweep_cap':
      return `${wait.limit} jobs of its sweep run, the most that may`;
    case 'capacity':
      return `waiting for ${wait.lacks}`;
    case 'kept_for':
      return `the room that is free is kept for job/${wait.job}, which waits for longer`;
  }
}

const shortTime = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
