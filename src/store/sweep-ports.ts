import type { Cause } from '../model/app-state.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { JobState } from '../model/job-state.ts';
import type { Parameters, SweepState, SweepTally } from '../model/sweep.ts';

/** Many jobs of one definition. */
export interface Sweep {
  id: string;
  number: number;
  space: string;
  owner: string;
  title: string | null;
  type: string | null;
  /** Names of what differs among its jobs. */
  parameters: string[];
  total: number;
  maxParallel: number | null;
  failFast: boolean;
  state: SweepState;
  actor: string;
  why: string;
  detail: string | null;
  tally: SweepTally;
  submittedAt: string;
  since: string;
  finishedAt: string | null;
}

/** One line of a sweep's table. */
export interface SweepRow {
  index: number;
  job: string;
  state: JobState;
  parameters: Parameters;
  progress: Record<string, unknown> | null;
  result: unknown;
  detail: string | null;
  startedAt: string | null;
  finishedAt: string | null;
}

export interface SweepSubmission {
  id: string;
  space: string;
  owner: string;
  title: string | null;
  type?: { name: string; revision: number } | undefined;
  /** What all jobs have in common; each one's parameters are laid over its config. */
  spec: JobSpec;
  names: readonly string[];
  parameters: readonly Parameters[];
  maxParallel: number | null;
  failFast: boolean;
  bodyDigest: string;
  idempotencyKey?: string | undefined;
}

export interface SweepStore {
  /**
   * One transaction: the sweep and every job of it. The same id, or key of the owner, with the same body
   * answers `existing`; with another one it throws `conflict`. Throws `quota_exceeded` where so many may not wait.
   */
  submit(input: SweepSubmission): Promise<{ outcome: 'created' | 'existing'; sweep: Sweep }>;
  find(id: string): Promise<Sweep | null>;
  /** Newest first; `before` is the number of the last one of the page before. */
  list(page: {
    spaces: readonly string[] | null;
    before?: number;
    limit: number;
  }): Promise<Sweep[]>;
  /** Its jobs by index, after `after`. */
  rows(id: string, page: { after: number; limit: number }): Promise<SweepRow[]>;
  /**
   * Ends those of its jobs that wait, at once, and asks for the end of those that run. Answers the jobs that are to
   * be told. Once more, or of one that is over, changes nothing. Throws `not_found`.
   */
  cancel(id: string, cause: Cause): Promise<{ sweep: Sweep; told: string[] }>;
  /** One that is over, with its jobs. Throws `not_found`, and `conflict` for one that is not over. */
  remove(id: string, cause: Cause): Promise<void>;
  /**
   * Looks at those that are not over: ends the others where one failed that may not, and writes the end of those
   * that have come to it. Answers the jobs that are to be told. Idempotent; any number may look at once.
   */
  settle(): Promise<string[]>;
}
