import type { Cause, Exit } from '../model/app-state.ts';
import type { JobCause, JobSpec } from '../model/job-spec.ts';
import type { JobTypeSpec } from '../model/job-type.ts';
import type { MetricRing, Metrics } from '../model/job-metrics.ts';
import type { JobState } from '../model/job-state.ts';
import type { QueueHost, QueueJob, QueueLease, QueuePlan, QueueRules } from '../model/queue.ts';
import type { Mark, NewEvent } from './ports.ts';
import type { SharedSubmission } from './shared-job-ports.ts';

/** What was seen of a job's end that somebody asked for. Times are ISO 8601 in UTC. */
export interface CancelEvidence {
  actor: string;
  why: string;
  requestedAt: string;
  /** SIGTERM was sent; null while it was not, or where nothing ran. */
  signalledAt: string | null;
  /** SIGKILL was sent, since the grace was over. */
  killedAt: string | null;
  /** Nothing of it runs any more. */
  goneAt: string | null;
}

export interface Job {
  id: string;
  /** Order of submission; part of the names of its instances. */
  number: number;
  space: string;
  owner: string;
  type: string | null;
  spec: JobSpec;
  state: JobState;
  cause: JobCause | null;
  /** The attempt that runs or ran last; 0 before the first. */
  attempt: number;
  host: string | null;
  actor: string;
  why: string;
  /** Finer word on what it does, or what came of it. */
  detail: string | null;
  cancel: CancelEvidence | null;
  /** Set while the host of its attempt is given up, by whom and why. */
  lost: { actor: string; why: string; at: string } | null;
  /** Whether its host began with the present attempt: it may have made something. */
  pickedUp: boolean;
  /** Attempts that went down with their host, and those that were taken back before they began. */
  hostLosses: number;
  recalls: number;
  exit: Exit | null;
  imageDigest: string | null;
  lastLogLines: string[];
  progress: Record<string, unknown> | null;
  progressAt: string | null;
  result: unknown;
  /** Devices it holds now. */
  devices: string[];
  /** Its files lie in the folder that an old family shares. */
  shared: boolean;
  mark: Mark;
  submittedAt: string;
  queuedAt: string;
  /** Not granted before; later than `queuedAt` after a failed attempt. */
  readyAt: string;
  queueDeadlineAt: string;
  startedAt: string | null;
  runDeadlineAt: string | null;
  finishedAt: string | null;
  /** Since when the state holds. */
  since: string;
  updatedAt: string;
}

/** A named kind of job. */
export interface JobType {
  name: string;
  space: string;
  owner: string;
  spec: JobTypeSpec;
  /** Counts definitions from 1. */
  revision: number;
  createdAt: string;
  updatedAt: string;
}

export interface JobTypeStore {
  /**
   * One transaction with its event. The same definition again answers `unchanged`. `check` is called under the lock with the
   * one that has the name; it throws to refuse. Throws `invalid` for a space that is not there.
   */
  put(input: {
    name: string;
    owner: string;
    actor: string;
    spec: JobTypeSpec;
    check: (existing: JobType | null) => void;
  }): Promise<{ outcome: 'created' | 'replaced' | 'unchanged'; type: JobType }>;
  find(name: string): Promise<JobType | null>;
  /** By name. */
  list(page: {
    spaces: readonly string[] | null;
    after?: string;
    limit: number;
  }): Promise<JobType[]>;
  /** Jobs of it that are over stay. Throws `not_found`, and `conflict` while some wait or run. */
  remove(name: string, actor: string): Promise<void>;
}

/** A job as it is asked for. */
export interface Submission {
  id: string;
  space: string;
  owner: string;
  actor: string;
  why: string;
  type?: { name: string; revision: number } | undefined;
  spec: JobSpec;
  /** Digest of the body as it was sent; the same id or key with another one is refused. */
  bodyDigest: string;
  idempotencyKey?: string | undefined;
  /** Of an old client. */
  shared?: SharedSubmission | undefined;
  traceparent?: string | undefined;
}

export interface JobSelection {
  /** Keeps those in one of these spaces; null keeps all. */
  spaces?: readonly string[] | null;
  space?: string;
  owner?: string;
  type?: string;
  states?: readonly JobState[];
  host?: string;
  /** Keeps those that have all of these. */
  tags?: Readonly<Record<string, string>>;
  /** Keeps those whose id begins so. */
  idPrefix?: string;
  /** Keeps those whose id or title contains it, whatever the case. */
  search?: string;
}

export interface JobChange {
  state?: JobState;
  cause?: JobCause | null;
  detail?: string | null;
  exit?: Exit | null;
  imageDigest?: string | null;
  lastLogLines?: string[];
  result?: unknown;
  progress?: Record<string, unknown>;
  /** Marks that are set to now. */
  now?: readonly ('startedAt' | 'finishedAt' | 'goneAt')[];
  /** Milliseconds from now. */
  runDeadlineInMs?: number;
  /** It waits again: for so long nothing is granted, and it expires after that. */
  queue?: { readyInMs: number; deadlineInMs: number };
  /** Its capacity is given back. */
  release?: boolean;
  /** Written only as long as this attempt holds its lease. */
  ofAttempt?: number;
  /** What the end of the attempt counts as, beside the failures of the program. */
  counts?: 'host_loss' | 'recall';
  event?: NewEvent;
}

export interface Grant {
  job: string;
  attempt: number;
  host: string;
}

/** Progress of one running attempt, as its host read it. */
export interface JobProgress {
  id: string;
  attempt: number;
  progress: Record<string, unknown>;
  /** Its numbers, for the series; none without. */
  metrics?: Metrics;
}

/** How long something of a job is kept once it is over, in milliseconds. */
export interface KeepByOutcome {
  succeededMs: number;
  otherMs: number;
}

/** One figure of a job over time. */
export interface MetricSeries {
  attempt: number;
  name: string;
  /** In the order of time; `at` is ISO 8601 in UTC, `step` where the program was, if it says so. */
  points: { at: string; step: number | null; value: number }[];
}

/** The whole queue, or what waits of one space. */
export type HoldScope = 'queue' | `space/${string}`;

/** What settings say of the queue; what rows say comes on top. */
export type QueueLimits = Pick<QueueRules, 'maxRunningPerPerson' | 'ageMs'>;

/** The queue at one moment, and what it would do. */
export interface QueueMoment {
  hosts: QueueHost[];
  /** `leftMs`: how long it will probably run from now on; null when nothing is known of its like. */
  leases: (QueueLease & { leftMs: number | null })[];
  /** `expectedMs`: how long its like ran, by the median of the last fifty. */
  jobs: (QueueJob & { expectedMs: number | null })[];
  rules: QueueRules;
  plan: QueuePlan;
  holds: { scope: HoldScope; actor: string; why: string; since: string }[];
}

export interface JobStore {
  /**
   * One transaction: row, outbox entry, event. The same id, or key of the owner, with the same body answers `existing`;
   * with another one it throws `conflict` (`details.job`). Throws `quota_exceeded` at the limit of jobs that wait: of all, of
   * its owner, of its space.
   */
  submit(input: Submission): Promise<{ outcome: 'created' | 'existing'; job: Job }>;
  find(id: string): Promise<Job | null>;
  /** Newest first; `before` is the number of the last one of the page before. */
  list(page: JobSelection & { before?: number; limit: number }): Promise<Job[]>;
  /** How many of a selection are in each state; those with none are missing. */
  tally(selection: JobSelection): Promise<{ state: JobState; count: number }[]>;
  /**
   * Asks for a job's end. One that waits is over at once; one that runs is told. The first asking is
   * kept; asking again, or of one that is over, changes nothing. Throws `not_found`.
   */
  cancel(id: string, cause: Cause): Promise<Job>;
  /** Removes a job that is over with its timeline's end. Throws `not_found`, and `conflict` for one that is not over. */
  remove(id: string, cause: Cause): Promise<void>;

  /**
   * First act of a workflow that starts anew: counts its life. Null when there is no such job or it is over.
   */
  begin(id: string): Promise<Job | null>;
  /**
   * One transaction with everything a step changes. False, and nothing changes, when a newer mark
   * stands or the job is over; a repeat of the same mark answers true and changes nothing.
   */
  advance(id: string, mark: Mark, change: JobChange): Promise<boolean>;
  /**
   * Ends a job that waits and holds nothing. False when it was granted meanwhile, or is over.
   */
  leaveQueue(
    id: string,
    mark: Mark,
    end: { state: 'canceled' | 'expired'; cause: JobCause; detail: string; event: NewEvent },
  ): Promise<boolean>;
  /** What was seen of an end that was asked for, as it is seen. The first time of each is kept. */
  noteEnd(id: string, attempt: number, seen: 'signalledAt' | 'killedAt'): Promise<void>;
  /**
   * The host of an attempt says that it begins with it. False when it must not: it was taken back, is over, or somebody
   * wants it to end. From then on only the host knows what there is of it.
   */
  pickUp(id: string, attempt: number, detail: string): Promise<boolean>;
  /**
   * Takes back what was granted to hosts that are not heard of and was never picked up there. Whose it is
   * is told by the outbox; answers the ids.
   */
  recallSilent(): Promise<string[]>;
  /** Finer word on what a start is doing. Not ordered, not an event: the last writer wins. */
  setDetail(id: string, attempt: number, detail: string): Promise<void>;
  /** One statement for a whole batch. Attempts that do not run any more are passed over. */
  reportProgress(reports: readonly JobProgress[], ring?: MetricRing): Promise<void>;
  /** Drops jobs that are over for longer than they are kept, the oldest first. Gives how many. */
  forget(keep: KeepByOutcome, limit: number): Promise<number>;
  /** Of these ids, those whose files are to be kept: not over, or not for so long. What has no row is not among them. */
  keepsFiles(of: { ids: readonly string[] }, keep: KeepByOutcome): Promise<string[]>;
  /** The same by the numbers that instances and their logs are named by. */
  keepsLogs(of: { numbers: readonly number[] }, keep: KeepByOutcome): Promise<number[]>;
  /** The series of the last attempt that told any, by name. */
  metrics(id: string): Promise<MetricSeries[]>;

  /** Keeps the whole queue, or what waits of one space, from starting. What runs goes on. Idempotent. */
  holdScope(scope: HoldScope, cause: Cause): Promise<void>;
  releaseScope(scope: HoldScope, cause: Cause): Promise<void>;
  /** The same for one job. Idempotent. Throws `not_found`, and `conflict` for one that does not wait. */
  hold(id: string, cause: Cause): Promise<void>;
  release(id: string, cause: Cause): Promise<void>;

  /**
   * Gives capacity to those whose turn it is, as `model/queue.ts` has it: one caller at a time, leases, states,
   * events, instances and outbox entries in one transaction. Answers what was granted.
   */
  grant(limits: QueueLimits): Promise<Grant[]>;
  /** What the next grant would find, of one moment; changes nothing. */
  queue(limits: QueueLimits): Promise<QueueMoment>;
  /**
   * Ends those that waited for longer than they may and have no workflow that did it, such as jobs of sweeps.
   * Answers how many.
   */
  expire(): Promise<number>;
  /** True when at least one job waits that may be granted now. */
  isWaiting(): Promise<boolean>;
  /** Those that are not over, by number, for the repair schedule. */
  listLive(page: { after?: number; limit: number }): Promise<{ id: string; number: number }[]>;
  /**
   * Calls `onChange` with the id of a job soon after its row changed; `onChange(null)` when some may have been missed.
   * A hint. Resolves when `signal` aborts, not before; never rejects.
   */
  listen(onChange: (id: string | null) => void, signal: AbortSignal): Promise<void>;
}
