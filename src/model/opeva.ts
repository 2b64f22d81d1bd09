import type { JobState } from './job-state.ts';

/** Facts of the OPEVA family that API, store and hosts share; contracts/opeva.md. */

/** Where the family lives on the console, and in the API whichever listener was asked. */
export const opevaPath = '/compat/opeva';

/** Whose the family's jobs are: its clients have no names. */
export const opevaOwner = 'opeva';

/** Where its containers see the shared folder. */
export const opevaInContainer = '/data';

/** Two generations of clients disagree on a few words. */
export const opevaDialects = ['classic', 'workers'] as const;
export type OpevaDialect = (typeof opevaDialects)[number];

/** What the family shows of a job and labkeeper does not need. Keys as its clients know them. */
export interface OpevaRecord {
  job_name: string;
  /** The file it came from, relative to the shared folder. */
  config_path: string;
  /** The text that it runs with, relative to the shared folder. */
  resolved_config_file: string;
  /** Empty when none was asked for. */
  target_host: string;
  experiment_name: string;
  run_name: string;
  submitted_by: string | null;
  image_tag: string | null;
  image: string;
}

export const opevaStates = [
  'launching',
  'queued',
  'dispatched',
  'running',
  'stop_requested',
  'finished',
  'failed',
  'stopped',
  'canceled',
  'not_found',
  'unknown',
] as const;
export type OpevaState = (typeof opevaStates)[number];

/** What the family calls the state of a job. One that never ran was canceled, one that ran was stopped. */
export function opevaStateOf(job: { state: JobState; startedAt: string | null }): OpevaState {
  switch (job.state) {
    case 'queued':
      return 'queued';
    case 'preparing':
      return 'dispatched';
    case 'running':
      return 'running';
    case 'stopping':
      return 'stop_requested';
    case 'succeeded':
      return 'finished';
    case 'failed':
    case 'expired':
      return 'failed';
    case 'canceled':
      return job.startedAt === null ? 'canceled' : 'stopped';
  }
}

const underWay: readonly OpevaState[] = [
  'launching',
  'queued',
  'dispatched',
  'running',
  'stop_requested',
];

/** Nothing comes after it; what is lost does not come back either. */
export const isOpevaTerminal = (state: OpevaState): boolean => !underWay.includes(state);

/** The words of the first generation, which were those of its container engine. */
export function classicWord(state: OpevaState): string {
  switch (state) {
    case 'launching':
    case 'queued':
    case 'dispatched':
      return 'created';
    case 'running':
    case 'stop_requested':
      return 'running';
    case 'finished':
    case 'failed':
    case 'stopped':
    case 'canceled':
      return 'exited';
    case 'not_found':
    case 'unknown':
      return 'not_found';
  }
}

/** Labels beside labkeeper's own: an agent of the family removes what has its name for a worker, or none. */
export const opevaLabels = (id: string, host: string, attempt: number): Record<string, string> => ({
  'opeva.job_id': id,
  'opeva.worker_id': host,
  'opeva.attempt': String(attempt),
});
