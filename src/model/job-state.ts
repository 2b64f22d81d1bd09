import type { Cause, Exit } from './app-state.ts';
import type { JobCause, JobPolicy } from './job-spec.ts';

/**
 * The life of one job as a pure state machine: `applyJobFact` says what a fact changes, `nextJobStep`
 * what to do about the state as it is now. The workflow only wires the two to messages, timers and
 * activities. Whether a job waits or holds capacity is decided by its rows; the workflow is told.
 */
export const activeJobStates = ['queued', 'preparing', 'running', 'stopping'] as const;
export const endedJobStates = ['succeeded', 'failed', 'canceled', 'expired'] as const;
export const jobStates = [...activeJobStates, ...endedJobStates] as const;
export type EndedJobState = (typeof endedJobStates)[number];
export type JobState = (typeof jobStates)[number];

export const isEnded = (state: JobState): state is EndedJobState =>
  (endedJobStates as readonly string[]).includes(state);

/** Where one life of the workflow stands. */
export type JobPlace =
  | { at: 'queued' }
  /** It holds a lease, and its instance is to be made. */
  | { at: 'granted'; attempt: number; host: string }
  | { at: 'running'; attempt: number; host: string; deadlineAtMs: number }
  /** Its instance is over, and what is left of it is to be collected. */
  | { at: 'exited'; attempt: number; host: string }
  /** Its host is given up, and with it whatever it runs there. */
  | { at: 'lost'; attempt: number; host: string }
  | { at: 'over' };

/** What a job's workflow is told; its row says the same, also to a workflow that begins later. */
export type JobNews =
  | { kind: 'submitted' }
  | { kind: 'granted'; attempt: number; host: string }
  | { kind: 'canceled'; cause: Cause }
  /** It has left more than it may. */
  | { kind: 'artifactsTooLarge'; attempt: number; cause: Cause }
  /** The host of an attempt is given up: nothing is asked of it any more. */
  | { kind: 'hostLost'; attempt: number }
  /** It ended while it waited. */
  | { kind: 'over' };

/** Why a running attempt is to end. */
export interface JobStop {
  reason: 'canceled' | 'run_deadline' | 'artifacts_too_large';
  cause: Cause;
}

export interface JobLife {
  place: JobPlace;
  /** Failed attempts that were followed by another one. */
  retries: number;
  queueDeadlineAtMs: number;
  stop: JobStop | null;
  /** Told before the end of the attempt before was: capacity may come back faster than that word. */
  early: { attempt: number; host: string } | null;
  /** The last attempt that is over: a word about it may come twice. Absent in what older versions recorded. */
  over?: number;
}

export type JobFact =
  | { type: 'granted'; attempt: number; host: string }
  | { type: 'cancelAsked'; cause: Cause }
  | { type: 'started'; attempt: number; atMs: number }
  | { type: 'exited'; attempt: number }
  /** It was taken to be over, and is not. */
  | { type: 'stillRuns'; attempt: number; deadlineAtMs: number }
  | { type: 'runDeadlinePassed'; attempt: number }
  | { type: 'artifactsTooLarge'; attempt: number; cause: Cause }
  | { type: 'hostLost'; attempt: number }
  | { type: 'attemptOver'; attempt: number; verdict: Verdict; atMs: number }
  /** The row says that it is over: it was canceled or expired while it waited. */
  | { type: 'over' };

/** What a fact changes. One about another attempt than the present one changes nothing: it is fenced. */
export function applyJobFact(life: JobLife, fact: JobFact, policy: JobPolicy): JobLife {
  const { place } = life;
  switch (fact.type) {
    case 'granted': {
      const { attempt, host } = fact;
      if (attempt <= (life.over ?? 0)) return life;
      if (place.at === 'queued') return { ...life, place: { at: 'granted', attempt, host } };
      const isNext = 'attempt' in place && attempt > place.attempt;
      return isNext ? { ...life, early: { attempt, host } } : life;
    }
    case 'cancelAsked': {
      if (place.at === 'over' || life.stop?.reason === 'canceled') return life;
      return { ...life, stop: { reason: 'canceled', cause: fact.cause } };
    }
    case 'started': {
      if (place.at !== 'granted' || place.attempt !== fact.attempt) return life;
      const deadlineAtMs = fact.atMs + policy.runDeadlineMs;
      return { ...life, place: { ...place, at: 'running', deadlineAtMs } };
    }
    case 'exited': {
      if (place.at !== 'running' || place.attempt !== fact.attempt) return life;
      const { attempt, host } = place;
      return { ...life, place: { at: 'exited', attempt, host } };
    }
    case 'stillRuns': {
      if (place.at !== 'exited' || place.attempt !== fact.attempt) return life;
      return { ...life, place: { ...place, at: 'running', deadlineAtMs: fact.deadlineAtMs } };
    }
    case 'runDeadlinePassed': {
      if (place.at !== 'running' || place.attempt !== fact.attempt || life.stop) return life;
      const cause = { actor: 'run deadline', why: 'it ran for longer than it may' };
      return { ...life, stop: { reason: 'run_deadline', cause } };
    }
    case 'artifactsTooLarge': {
      if (place.at !== 'running' || place.attempt !== fact.attempt || life.stop) return life;
      return { ...life, stop: { reason: 'artifacts_too_large', cause: fact.cause } };
    }
    case 'hostLost': {
      if (!('attempt' in place) || place.attempt !== fact.attempt) return life;
      return { ...life, place: { at: 'lost', attempt: place.attempt, host: place.host } };
    }
    case 'attemptOver': {
      if (!('attempt' in place) || place.attempt !== fact.attempt) return life;
      const { verdict } = fact;
      if (verdict.state !== 'queued') return { ...life, place: { at: 'over' } };
      return {
        ...life,
        place: life.early === null ? { at: 'queued' } : { at: 'granted', ...life.early },
        early: null,
        over: fact.attempt,
        // What ended one attempt is no reason to end the next; a cancel is.
        stop: life.stop?.reason === 'canceled' ? life.stop : null,
        // The loss of a host is none of the program's failures.
        retries: life.retries + (verdict.cause === 'host_lost' ? 0 : 1),
        queueDeadlineAtMs: fact.atMs + verdict.queueDeadlineMs,
      };
    }
    case 'over':
      return { ...life, place: { at: 'over' } };
  }
}

export type JobStep =
  /** Nothing to do before `untilMs`, or before news. */
  | { kind: 'wait'; untilMs: number }
  /** It waited too long, or is to end while it waits. */
  | { kind: 'leaveQueue' }
  | { kind: 'start'; attempt: number; host: string }
  /** Stops it where it still runs, collects what is left, and writes how it ended. */
  | { kind: 'end'; attempt: number; host: string }
  /** Writes that the attempt went down with its host. */
  | { kind: 'lose'; attempt: number; host: string }
  | { kind: 'passDeadline'; attempt: number }
  | { kind: 'done' };

export function nextJobStep(life: JobLife, nowMs: number): JobStep {
  const { place, stop } = life;
  switch (place.at) {
    case 'queued':
      if (stop || nowMs >= life.queueDeadlineAtMs) return { kind: 'leaveQueue' };
      return { kind: 'wait', untilMs: life.queueDeadlineAtMs };
    case 'granted':
      return { kind: stop ? 'end' : 'start', attempt: place.attempt, host: place.host };
    case 'running':
      if (stop) return { kind: 'end', attempt: place.attempt, host: place.host };
      if (nowMs >= place.deadlineAtMs) return { kind: 'passDeadline', attempt: place.attempt };
      return { kind: 'wait', untilMs: place.deadlineAtMs };
    case 'exited':
      return { kind: 'end', attempt: place.attempt, host: place.host };
    case 'lost':
      return { kind: 'lose', attempt: place.attempt, host: place.host };
    case 'over':
      return { kind: 'done' };
  }
}

/** How an attempt ended, as far as anything was seen of it. */
export interface AttemptEnd {
  exit: Exit | null;
  /** True when the end came by itself: a stop that was asked for meanwhile changes nothing then. */
  byItself: boolean;
  /** What hindered the start, when it never ran. */
  failure: { cause: JobCause; detail: string } | null;
}

/** What becomes of a job after an attempt: its end, or another attempt. */
export type Verdict =
  | { state: 'succeeded'; cause: null; detail: string }
  | { state: 'failed' | 'canceled'; cause: JobCause; detail: string }
  | {
      state: 'queued';
      cause: JobCause;
      detail: string;
      delayMs: number;
      queueDeadlineMs: number;
    };

/** The one judge of how an attempt ended. */
export function judgeAttempt(
  end: AttemptEnd,
  context: { stop: JobStop | null; retries: number; policy: JobPolicy; queueDeadlineMs: number },
): Verdict {
  const { stop, retries, policy } = context;
  if (end.byItself && end.exit?.exitCode === 0) {
    return { state: 'succeeded', cause: null, detail: 'ended with exit code 0' };
  }
  if (stop?.reason === 'canceled' && !(end.byItself && end.exit)) {
    return {
      state: 'canceled',
      cause: 'canceled',
      detail: `canceled by ${stop.cause.actor}: ${stop.cause.why}`,
    };
  }
  const { cause, detail } = failureOf(end, stop, policy);
  const again = stop?.reason !== 'canceled' && retries < policy.retries.max;
  if (!again || !policy.retries.causes.includes(cause)) return { state: 'failed', cause, detail };
  const delayMs = Math.min(policy.retries.delayMs * 2 ** Math.min(retries, 20), 3_600_000);
  return { state: 'queued', cause, detail, delayMs, queueDeadlineMs: context.queueDeadlineMs };
}

/** The judge of an attempt whose host was given up. What was never picked up there is no loss. */
export function judgeLoss(
  loss: { pickedUp: boolean; hostLosses: number; detail: string },
  context: { stop: JobStop | null; policy: JobPolicy; queueDeadlineMs: number },
): Verdict {
  const { stop, policy, queueDeadlineMs } = context;
  const cause: JobCause = 'host_lost';
  const { detail } = loss;
  if (stop?.reason === 'canceled') {
    const { actor, why } = stop.cause;
    return { state: 'canceled', cause: 'canceled', detail: `canceled by ${actor}: ${why}` };
  }
  if (loss.pickedUp && loss.hostLosses >= policy.retries.afterHostLoss) {
    return { state: 'failed', cause, detail };
  }
  return { state: 'queued', cause, detail, delayMs: 0, queueDeadlineMs };
}

function failureOf(
  { exit, byItself, failure }: AttemptEnd,
  stop: JobStop | null,
  policy: JobPolicy,
): { cause: JobCause; detail: string } {
  if (failure !== null) return failure;
  if (stop?.reason === 'run_deadline' && !byItself) {
    return {
      cause: 'run_deadline',
      detail: `stopped: it ran for longer than ${policy.runDeadlineMs} ms`,
    };
  }
  if (stop?.reason === 'artifacts_too_large' && !byItself) {
    return { cause: 'artifacts_too_large', detail: `stopped: ${stop.cause.why}` };
  }
  if (exit === null) {
    return { cause: 'vanished', detail: 'nothing is left of it: it ended without a word' };
  }
  if (exit.outOfMemory) {
    return { cause: 'out_of_memory', detail: 'killed: it used more memory than it may' };
  }
  if (exit.signal !== null) return { cause: 'signal', detail: `ended by signal ${exit.signal}` };
  if (exit.exitCode !== null) {
    return { cause: 'exit_code', detail: `ended with exit code ${exit.exitCode}` };
  }
  return { cause: 'vanished', detail: 'nothing is known of how it ended' };
}
