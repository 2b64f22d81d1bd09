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

  /**
   * Writes a file into `inputs`, whole or not at all; one of the same size is there already. The folder must have been
   * prepared. Throws `storage_full`.
   */
  putInput(
    id: string,
    file: { name: string; sizeBytes: number },
    content: AsyncIterable<Uint8Array>,
  ): Promise<void>;

  /** The last word of progress.json; null when there is none, or none that can be read. */
  readProgress(id: string): Promise<Record<string, unknown> | null>;

  /** Progress and result at the end of an attempt; a result that cannot be taken says why. */
  collect(id: string, maxResultBytes: number): Promise<Collected>;

  /**
   * What lies in `output` beside progress.json and result.json, in the order of paths; links are absent. `after` is the
   * path that the page before ended with. Empty without a folder.
   */
  listArtifacts(id: string, page: { after: string | null; limit: number }): Promise<ArtifactPage>;

  /** The file for reading, or null when there is none, or it is a link, or a link leads there. The caller closes it. */
  openArtifact(id: string, path: string): Promise<OpenArtifact | null>;

  /**
   * All of `output` as a tar, piece by piece, read as fast as it is taken; links are stored as links. Null when
   * there is no folder. Iterating throws when something could not be read. Ends when `signal` aborts.
   */
  archiveOutput(id: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>;

  /** Bytes that `output` takes on the disk, as far as the walk reaches; 0 without a folder. */
  measureOutput(id: string, signal: AbortSignal): Promise<number>;

  /** Ids of the jobs of this installation that have a folder. */
  list(): Promise<string[]>;

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

export interface Artifact {
  /** Below `output`, with `/` between names. */
  path: string;
  sizeBytes: number;
  /** Epoch milliseconds. */
  modifiedAtMs: number;
}

/** One file as it was when it was opened, whatever takes its place meanwhile. */
export interface OpenArtifact {
  sizeBytes: number;
  modifiedAtMs: number;
  /** Another one for any other content: letters, digits and `-`. */
  version: string;
  /** Its bytes from `from` up to `to`; fewer when it became shorter meanwhile. */
  read(from: number, to: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface ArtifactPage {
  items: Artifact[];
  /** Pass as `after` to read on; null at the end. */
  next: string | null;
  /** False when there was more than is looked at. */
  complete: boolean;
}
