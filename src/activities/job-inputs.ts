import type { JobPolicy } from '../model/job-spec.ts';
import type { JobLife, JobStop, Verdict } from '../model/job-state.ts';

/** Every writing activity names its job and its place in the order of writes. */
export interface JobWriting {
  id: string;
  life: number;
  revision: number;
}

export interface BeganJob {
  life: number;
  policy: JobPolicy;
  /** A further attempt may wait this long. */
  queueDeadlineMs: number;
  /** What the row tells: where another life left it. */
  state: JobLife;
}

export interface LeaveQueueInput extends JobWriting {
  /** Null when it waited too long. */
  stop: JobStop | null;
}

export type LeaveQueueResult =
  | { outcome: 'left' }
  | { outcome: 'granted'; grant: { attempt: number; host: string } };

interface AttemptInput extends JobWriting {
  attempt: number;
  policy: JobPolicy;
  queueDeadlineMs: number;
  /** Failed attempts that were followed by another one. */
  retries: number;
}

export type StartJobInput = AttemptInput;

export type StartJobResult =
  /** `hasExited`: it was so short that it is over already. */
  { outcome: 'started'; hasExited: boolean } | { outcome: 'over'; verdict: Verdict };

export interface EndJobInput extends AttemptInput {
  /** Null when its instance was said to be over. */
  stop: JobStop | null;
}

export type EndJobResult =
  | { outcome: 'over'; verdict: Verdict }
  /** Whoever said that it was over was wrong. */
  | { outcome: 'runs'; deadlineInMs: number };

export interface LoseAttemptInput extends JobWriting {
  attempt: number;
  queueDeadlineMs: number;
  stop: JobStop | null;
}
