/**
 * The folder that an old backend shared with its containers and people: they may write all of it. Paths are
 * relative to it. A link that leads out of it counts as absent, and nothing read from it is trusted.
 */
export interface SharedFolder {
  /** Where this process finds it. */
  readonly root: string;

  /** The text of a file; its size when that is above `maxBytes`; null when there is none. */
  read(path: string, maxBytes: number): Promise<string | { bytes: number } | null>;

  /** Replaces a file at one stroke. Folders on the way are made, for everybody to write to. Throws `storage_full`. */
  write(path: string, text: string): Promise<void>;

  /** Makes a folder for everybody to write to; success when it is there. Throws `storage_full`. */
  makeFolder(path: string): Promise<void>;

  /** Whether there is a folder at the path. */
  hasFolder(path: string): Promise<boolean>;

  /** The regular files in a folder; none when it is absent. */
  list(path: string): Promise<SharedFile[]>;

  /** The folders in a folder; their size is 0. */
  listFolders(path: string): Promise<SharedFile[]>;

  /** A file as it is now, piece by piece; null when there is none. The caller reads it to its end or cancels. */
  stream(path: string): Promise<ReadableStream<Uint8Array> | null>;

  /**
   * A configuration: what its YAML says, and its text. `null` when there is no such file below `configs/`, `outside` when
   * the path leads out of it, `invalid` when it is no mapping, `too_large` when it is above `maxBytes`.
   */
  readConfig(path: string, maxBytes: number): Promise<SharedConfig | ConfigProblem | null>;

  /** YAML as Python's readers take it. Throws for what is nested too deeply. */
  toYaml(value: Record<string, unknown>): string;

  /**
   * A YAML text with one key of one of its sections set, and all else as it was written; null where that cannot be done.
   */
  setInYaml(
    text: string,
    place: readonly [section: string, key: string],
    value: string,
  ): string | null;
}

export interface SharedFile {
  name: string;
  bytes: number;
  modifiedAtMs: number;
}

export interface SharedConfig {
  /** Relative to the shared folder, links resolved: `configs/name.yaml`. */
  path: string;
  text: string;
  value: Record<string, unknown>;
}

export type ConfigProblem = 'outside' | 'invalid' | 'too_large';
