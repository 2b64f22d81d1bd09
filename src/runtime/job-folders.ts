/**
 * Where jobs of one host find what they are to compute and leave what came of it. A folder is there
 * from the first attempt until the job is forgotten. What lies in `output` was written by programs: it is
 * never trusted, and links that lead out of the folder count as absent.
 */
export interface JobFolders {
  /** The paths as a container sees them. */
  readonly inContainer: JobPaths;

  /**
   * Makes the folder of a job, or readies the one that is there for a further attempt: inputs stay, the result
   * and progress of the attempt before go. Idempotent. Throws `storage_full`.
   */
  prepare(id: string, content: { config: Record<string, unknown> | null }): Promise<JobPaths>;

  /** The last word of progress.json; null when there is none, or none that can be read. */
  readProgress(id: string): Promise<Record<string, unknown> | null>;

  /** Progress and result at the end of an attempt; a result that cannot be taken says why. */
  collect(id: string, maxResultBytes: number): Promise<Collected>;

  /** Removes the folder with all in it. Success when absent. */
  remove(id: string): Promise<void>;
}

export interface JobPaths {
  root: string;
  config: string;
  inputs: string;
  /** progress.json, result.json, and everything else that is to be kept. */
  output: string;
}

export interface Collected {
  progress: Record<string, unknown> | null;
  /** `{ value }`, or `{ problem }` in one sentence; null when there is no file. */
  result: { value: unknown } | { problem: string } | null;
}
