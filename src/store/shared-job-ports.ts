import type { OpevaRecord } from '../model/opeva.ts';
import type { JobState } from '../model/job-state.ts';
import type { Job } from './job-ports.ts';

/** What a job of an old family brings beside its definition. */
export interface SharedSubmission {
  record: OpevaRecord;
  /** Text of its configuration as it was at submission. */
  config: string;
}

/** A job as its family has it. */
export interface SharedJob {
  job: Job;
  record: OpevaRecord;
}

/** A job that the backend before labkeeper knew; nothing of it is labkeeper's but this. */
export interface ImportedJob {
  id: string;
  record: Record<string, unknown>;
  importedAt: string;
}

export interface SharedJobStore {
  find(id: string): Promise<SharedJob | null>;
  /**
   * In the order of submission, the newest `limit` of those before `before` (a number), and how many there
   * are in all.
   */
  list(page: {
    limit: number;
    before?: number | undefined;
    states?: readonly JobState[] | undefined;
  }): Promise<{ rows: SharedJob[]; total: number }>;
  /** Those of these ids that are jobs of the family. */
  findAll(ids: readonly string[]): Promise<SharedJob[]>;
  /** The one that its client submitted under this key. */
  findByKey(key: string): Promise<SharedJob | null>;
  /** The text that a job runs with; null when it is none of the family's. */
  config(id: string): Promise<string | null>;

  /** Takes over what another backend left. Once an installation: later calls change nothing, and answer false. */
  importOnce(source: string, jobs: readonly Omit<ImportedJob, 'importedAt'>[]): Promise<boolean>;
  findImported(id: string): Promise<ImportedJob | null>;
  /** The last `limit` in the order in which they stood, and how many there are. */
  listImported(limit: number): Promise<{ rows: ImportedJob[]; total: number }>;
}
