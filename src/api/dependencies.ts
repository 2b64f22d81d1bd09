import type { Log } from '../log.ts';
import type { ApiMetrics } from '../metrics/api-metrics.ts';
import type { MemoryRing } from '../model/memory-ring.ts';
import type { IdentityProvider } from '../outbound/identity-provider.ts';
import type { QueueLimits } from '../store/job-ports.ts';
import type { OutboxEntry, Store } from '../store/ports.ts';
import type { Authentication } from '../model/bind.ts';
import type { Identity } from './auth/identify.ts';
import type { SharedFolder } from '../store/shared-folder.ts';
import type { Sealer } from '../store/secret-ports.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { JobMirror } from './compat/opeva/mirror.ts';
import type { OpevaSettings } from './compat/opeva/settings.ts';
import type { QulabsSettings } from './compat/qulabs/settings.ts';
import type { ArtifactReader } from './artifact-reader.ts';
import type { LogReader } from './log-reader.ts';
import type { OutboxDelivery } from './outbox-delivery.ts';
import type { VolumeReader } from './volume-reader.ts';

/** What the API is built from. Everything that reaches out of the process is passed in here. */
export interface ApiDependencies {
  store: Store;
  log: Log;
  /** Hands what commands leave in the outbox to their workflows. */
  delivery: OutboxDelivery;
  logReader: LogReader;
  /** Seals secrets; null where no encryption key is set up, and then none can be set. */
  sealer: Sealer | null;
  volumeReader: VolumeReader;
  artifactReader: ArtifactReader;
  /** The folder that jobs of the OPEVA family share, and what keeps its files in step. */
  sharedFolder: SharedFolder;
  mirror: JobMirror;
  /** Resolves when the Temporal Service answers; rejects with the reason otherwise. */
  pingTemporal: () => Promise<void>;
  /** Secret that gateway and agents share; null refuses every internal request. */
  internalToken: string | null;
  /** Where people may prove who they are; null when none is configured. */
  identityProvider: IdentityProvider | null;
  settings: ApiSettings;
  /** Metrics of this process. */
  metrics: ApiMetrics;
  tracing: Tracing;
  /** Aborts when the process ends: streams end, feeds stop. */
  ending: AbortSignal;
}

/** Hands one outbox entry to its workflow; rejects when that could not be done. */
export type Deliver = (entry: OutboxEntry) => Promise<void>;

export interface ApiSettings {
  /** `open`: whoever reaches the loopback is its one user. `required`: people log in. */
  authentication: Authentication;
  /** A login lasts this long. */
  sessionMs: number;
  /** Mail domains whose people the identity provider may bring in by themselves. */
  oidcDomains: readonly string[];
  /** A one-time link can be used this long. */
  loginLinkMs: number;
  maxBodyBytes: number;
  /** Of a job. */
  maxConfigBytes: number;
  /** Of one file that is sent for jobs to read, and how long it is kept unused. */
  maxUploadBytes: number;
  uploadLastsMs: number;
  maxSecretBytes: number;
  /** Secrets and registry credentials of one space. */
  maxSecrets: number;
  maxEventStreams: number;
  /** Public address of the console without final slash, if one is set. */
  consoleUrl: string | null;
  /** Where people reach the console, set or not; without final slash. */
  publicConsoleUrl: string;
  /** Public address of the apps without final slash. */
  appsUrl: string;
  /** Below which each app has a host of its own; null means below `localhost`. */
  appsDomain: string | null;
  /** What sends a browser back to an app with a grant is good for this long. */
  grantMs: number;
  /** Which series of memory are kept. */
  memoryRing: MemoryRing;
  /** Free space of a host's disk below which it warns, and takes no new work; for pages to tell. */
  storageWatermarks: { warnBytes: number; refuseBytes: number };
  /** By which the queue decides, for whoever explains it. */
  queueLimits: QueueLimits;
  /** Of the QuLabs family. */
  qulabs: QulabsSettings;
  /** Of the OPEVA family. */
  opeva: OpevaSettings;
  temporalUiUrl: string | null;
  temporalNamespace: string;
  /** A comment line on every event stream this often. */
  heartbeatMs: number;
  /** How often a followed log is read. */
  logPollMs: number;
  /** Bytes that may wait for a slow reader of a stream before it is dropped. */
  streamBufferBytes: number;
}

/** Hono's typed variables of one request. */
export interface ApiEnv {
  Variables: {
    requestId: string;
    /** Name of who asks; written on every command. */
    actor: string;
    /** Who asks, and how they proved it; roles are those of now. */
    identity: Identity;
  };
}
