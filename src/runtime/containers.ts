import type { AppSpec, RuntimeKind } from '../model/app-spec.ts';
import type { Exit } from '../model/app-state.ts';

/**
 * What runs things on one host: a Docker Engine or plain processes. Instances outlive every
 * process of labkeeper and are found again by deterministic name and labels.
 *
 * Errors: permanent ones are `LabError` (`image_not_found`, `registry_refused`, `start_refused`,
 * `storage_full`, `invalid`); an engine that does not answer throws a `LabError` of type `runtime_unavailable`,
 * which callers retry. "Absent" is never an error: null, or success.
 */
export interface Containers {
  readonly kind: RuntimeKind;

  /** Resolves when the engine answers; throws `runtime_unavailable` with the remedy otherwise. */
  ping(): Promise<void>;

  /**
   * Makes the instance and starts it, or adopts the one that has this name already. Idempotent.
   * A paused instance is resumed. One that has exited is returned as it is, never started again:
   * a new try has a new name. Pulls the image when it is not there (`onProgress` tells, and `onPulled`
   * how long it took).
   */
  ensure(spec: InstanceSpec, options?: EnsureOptions): Promise<Instance>;

  /**
   * Makes sure that the image is here as its registry has it now, and gives its id on this host. One
   * that was made here is taken as it is. Throws `image_not_found`, `registry_refused`, and
   * `invalid` where nothing runs images.
   */
  prepareImage(
    image: string,
    options?: Pick<EnsureOptions, 'signal'> & Pick<InstanceSpec, 'registryCredentials'>,
  ): Promise<{ imageId: string }>;

  /**
   * Stops and removes a container of exactly this name that is nobody's of labkeeper's and was made
   * from the same repository: an earlier system left it. False when there is none such.
   */
  removeLeftover(name: string, image: string): Promise<boolean>;

  /** The instance of this name, or null when there is none. */
  inspect(name: string): Promise<Instance | null>;

  /**
   * Why the command of an instance that has exited could not be run at all, in the engine's words: it
   * is not there, or may not be executed, so another start would end alike. Null when it did run, and
   * where `ensure` refuses such a command.
   */
  commandRefusal(name: string): Promise<string | null>;

  /** All instances of this installation on this host, running or not. Never partial. */
  list(): Promise<Instance[]>;

  /**
   * SIGTERM, up to `graceMs`, then SIGKILL of the whole tree. Resolves when nothing of it runs any
   * more, with how it ended; null when there is no such instance. Idempotent. `onKill` is called right before
   * SIGKILL is sent, and not when it ended within its grace.
   */
  stop(name: string, options: StopOptions): Promise<Exit | null>;

  /** Freezes it with its memory (`ensure` resumes). Success when already frozen. */
  pause(name: string): Promise<void>;

  /**
   * Removes it, stopping it by SIGKILL if it runs. Its log stays readable by `readLog` until
   * `forgetLog`. Success when absent.
   */
  remove(name: string): Promise<void>;

  /** Both output streams in the order they came. Empty when nothing was written or kept. */
  readLog(name: string, range: LogRange): Promise<LogChunk>;

  /** Names of all instances that are gone and whose log is kept; those that are there may be among them. */
  listLogs(): Promise<string[]>;

  /** Removes the log of an instance that is gone. Success when absent. */
  forgetLog(name: string): Promise<void>;

  /** What it uses now; null when it does not run. */
  usage(name: string): Promise<Usage | null>;

  /** Memory that it uses now, in bytes, read at once; null when it does not run. */
  memory(name: string): Promise<number | null>;

  /**
   * Calls `onExit` within a second of every exit of an instance of this installation, by events
   * of the engine, until `signal` aborts. An exit may be told more than once, and those that
   * happened while nobody watched are found by `list`. Rejects when the engine goes away.
   */
  watch(onExit: (instance: Instance) => void, signal: AbortSignal): Promise<void>;
}

export interface EnsureOptions {
  /** Finer words on what is done, for people. */
  onProgress?: (text: string) => void;
  /** Called once when an image had to be pulled, right after that. */
  onPulled?: (durationMs: number) => void;
  signal?: AbortSignal | undefined;
}

export interface StopOptions {
  graceMs: number;
  onKill?: (() => void) | undefined;
}

export interface InstanceSpec {
  /** `app-<app>-<generation>`: unique within the installation. */
  name: string;
  /** `labkeeper.*` labels, so that the reconciler finds its owner. */
  labels: Readonly<Record<string, string>>;
  image?: string;
  /** Argument list; `{port}`, `{base}` and `{volume:NAME}` are replaced by the adapter. */
  command?: readonly string[];
  workingDirectory?: string;
  /** Port inside a container, if it serves anything; a process is given a free one. */
  port?: number;
  /** Others it may be instead: the image's EXPOSE decides, else all of them are reachable. */
  alternativePorts?: readonly number[];
  /** A container's first port is published on this loopback port of the host too. */
  hostPort?: number;
  /** Public path of the app without final slash: replaces `{base}`. */
  basePath: string;
  /** The whole environment for the port that was chosen. */
  environment: (port: number) => Record<string, string>;
  /**
   * Variables on top of `environment` that nobody may read. Asked for when something is made, not
   * when it is adopted; never logged, and kept by nobody but the engine. Its errors are passed on.
   */
  secrets?: () => Promise<Readonly<Record<string, string>>>;
  /** Asked for when an image must be pulled; null where none are set. Never logged nor kept. */
  registryCredentials?: () => Promise<RegistryCredentials | null>;
  /** Folders of the host; each replaces `{volume:NAME}` and is told as `LABKEEPER_VOLUME_<NAME>`. */
  mounts?: readonly Mount[];
  /** Folders that a container sees too; a process finds them where they are. */
  folders?: readonly { source: string; path: string }[];
  /** Networks of the engine: a container joins the first that there is, else what its runtime is set up for. */
  networks?: readonly string[];
  limits: AppSpec['limits'];
  /** Size and number of files; what is dropped for want of room is the oldest, or with `keepsBeginning` the middle. */
  log: AppSpec['log'] & { keepsBeginning?: boolean };
}

export interface RegistryCredentials {
  username: string;
  /** Password or access token. */
  password: string;
}

export interface Mount {
  volume: string;
  /** Folder on the host, where a process finds it. Absolute, and there. */
  source: string;
  /** Where a container finds it. */
  path: string;
  /** Kept by containers; a process is only told. */
  readOnly: boolean;
}

export interface Instance {
  name: string;
  labels: Readonly<Record<string, string>>;
  phase: 'created' | 'running' | 'paused' | 'exited';
  /** Where the gateway reaches it; null unless it runs or is paused. */
  address: { host: string; port: number } | null;
  /** Where its ports are reached, best first: one, or several when nothing says which it listens on. */
  doors: readonly Door[];
  /** Epoch milliseconds; null before the first start. */
  startedAtMs: number | null;
  /** Set when `phase` is exited. */
  exit: Exit | null;
  /** Digest of the image that runs; null for processes. */
  imageDigest: string | null;
  /** Id of the image on its host; null for processes. */
  imageId: string | null;
}

export interface Door {
  /** The port inside its container; for a process its own. */
  innerPort: number;
  host: string;
  port: number;
}

export interface LogRange {
  /** Byte offset in the log since its beginning; bytes dropped by rotation still count. */
  fromByte?: number;
  /** Alternatively: the last so many bytes, cut at a line start. */
  tailBytes?: number;
  /** At most this many bytes in the answer; default and maximum 1 MiB. */
  maxBytes?: number;
}

export interface LogChunk {
  /** Offset of the first byte of `bytes`; greater than `fromByte` when rotation dropped some. */
  fromByte: number;
  bytes: Uint8Array;
  /** Ask again from here to go on. */
  nextByte: number;
  /** True when the instance is over and `nextByte` is the end. */
  complete: boolean;
}

export interface Usage {
  memoryBytes: number;
  memoryLimitBytes: number;
  /** Cores used, averaged over about a second: 1 is one full core. */
  cpus: number;
  pids: number;
}
