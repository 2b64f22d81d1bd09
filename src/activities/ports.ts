import type { Containers } from '../runtime/containers.ts';
import type { JobFolders } from '../runtime/job-folders.ts';
import type { SharedJobFolders } from '../runtime/shared-job-folders.ts';
import type { VolumeFolders } from '../runtime/volumes.ts';
import type { WorkerMetrics } from '../metrics/worker-metrics.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { Store } from '../store/ports.ts';
import type { RuntimeKind } from '../model/app-spec.ts';
import type { SecretSources } from './app-secrets.ts';

/** What activities touch. Built in `worker.ts`; never an adapter's own types. */
export interface ControlPorts {
  store: Store;
  metrics: WorkerMetrics;
  tracing: Tracing;
  /** How long a gateway that cannot be heard holds up an idle stop. */
  gatewayVetoMs: number;
  /** How long a wake waits for the one host that holds its volumes before it is refused with the reason. */
  hostPatienceMs: number;
  /** Starts the workflow of an app that has none; success when one is open. Idempotent. */
  ensureWorkflow: (name: string) => Promise<'started' | 'open'>;
  /** The same for the deployment of an app. */
  ensureDeployment: (app: string) => Promise<'started' | 'open'>;
  /** The same for a job. */
  ensureJob: (id: string) => Promise<'started' | 'open'>;
}

export interface HostPorts {
  store: Store;
  metrics: WorkerMetrics;
  tracing: Tracing;
  host: string;
  installation: string;
  runtimes: Partial<Record<RuntimeKind, Containers>>;
  /** Where secrets come from, beside the store. */
  secrets: SecretSources;
  /** Where the volumes of this host lie. */
  volumes: VolumeFolders;
  /** GET of an instance's own address; resolves with status and a bounded body. */
  probe: Probe;
}

/** What jobs need beside that. */
export interface JobControlPorts {
  store: Store;
  /** Gives capacity to those whose turn it is, and tells them. */
  giveOut: () => Promise<void>;
}

export interface JobHostPorts extends HostPorts, JobControlPorts {
  /** Where the jobs of this host find their files. */
  jobFolders: JobFolders;
  /** The same for jobs of old clients, and the networks that their containers join: the first that there is. */
  shared: { folders: SharedJobFolders; networks: readonly string[] };
}

/** One look at a health path. Rejects when nothing answers within `timeoutMs`. */
export type Probe = (input: {
  host: string;
  port: number;
  path: string;
  /** What the app would see from a visitor; some frameworks check it. */
  headers: Record<string, string>;
  timeoutMs: number;
}) => Promise<{ status: number; body: string }>;
