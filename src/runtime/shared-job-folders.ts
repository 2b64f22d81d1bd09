import type { JobFolders, JobPaths } from './job-folders.ts';

/**
 * Job folders as old backends had them: every job sees one shared folder, and has its place in it (`jobs/<id>/`
 * with `logs`, `progress`, `results` and the configuration that it runs with). What lies there anybody may
 * have written: links that lead out of the shared folder count as absent.
 */
export interface SharedJobFolders extends Pick<
  JobFolders,
  'prepare' | 'readProgress' | 'collect' | 'remove'
> {
  /** The paths of a job as a container sees them; `root` is the shared folder, `output` its own place. */
  inContainer(id: string): JobPaths;

  /** Adds what a program printed to the log that people and old clients read. Nothing is made of no bytes. */
  keepLog(id: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
}
