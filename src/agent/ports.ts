import type { Log } from '../log.ts';
import type { WorkerMetrics } from '../metrics/worker-metrics.ts';
import type { RuntimeKind } from '../model/app-spec.ts';
import type { Exit } from '../model/app-state.ts';
import type { JobNews } from '../model/job-state.ts';
import type { MemoryRing } from '../model/memory-ring.ts';
import type { EntityName } from '../model/names.ts';
import type { Containers } from '../runtime/containers.ts';
import type { JobFolders } from '../runtime/job-folders.ts';
import type { SharedJobFolders } from '../runtime/shared-job-folders.ts';
import type { VolumeFolders } from '../runtime/volumes.ts';
import type { KeepByOutcome } from '../store/job-ports.ts';
import type { HostReport, Store } from '../store/ports.ts';

/** What the agent touches; `worker.ts` builds it. */
export interface AgentPorts {
  host: string;
  store: Store;
  runtimes: Partial<Record<RuntimeKind, Containers>>;
  /**
   * Tells the owner of an instance that it is over. Resolves when the word is durable; success when
   * the owner is gone. May be called again for the same exit.
   */
  tellExited: (entity: EntityName, fact: { generation: number; exit: Exit }) => Promise<void>;
  /** What the host row says beside its runtimes, read anew for each heartbeat. */
  facts: () => Promise<Omit<HostReport, 'name' | 'runtimes'>>;
  /** Why a runtime is not there at all, by kind: shown on the host's page. */
  missingRuntimes: Partial<Record<RuntimeKind, string>>;
  /** What people must know of a runtime that is there: shown on the host's page too. */
  runtimeNotes: Partial<Record<RuntimeKind, string>>;
  volumes: {
    folders: VolumeFolders;
    /** How often it asks which volumes are due. */
    lookEveryMs: number;
    /** How often each is measured, at most. */
    measureEveryMs: number;
  };
  jobs: {
    folders: JobFolders;
    /** Of jobs of old clients. */
    shared: SharedJobFolders;
    /** How often progress of running jobs is read. */
    progressEveryMs: number;
    /** How often what is left over of jobs is looked for, and how long files of those that are over are kept. */
    tidyEveryMs: number;
    keepFiles: KeepByOutcome;
    /** How often what running jobs leave is measured. */
    measureEveryMs: number;
    /** Tells a running job's workflow; rejects when the word did not arrive. Success when nobody waits for it. */
    tell: (id: string, news: JobNews) => Promise<void>;
    /** Gives capacity to those whose turn it is. */
    giveOut: () => Promise<void>;
    /** Hands what is left in the outbox for an entity to its workflow. */
    tellNews: (entity: EntityName) => Promise<void>;
    /** How often the queue is looked at without a change. */
    lookEveryMs: number;
  };
  heartbeatIntervalMs: number;
  reconcileIntervalMs: number;
  /** How often the memory of running apps is noted, and where. */
  memory: MemoryRing;
  metrics: WorkerMetrics;
  log: Log;
}
