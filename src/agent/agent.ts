import { startHeartbeat } from './heartbeat.ts';
import type { AgentPorts } from './ports.ts';
import { keepQueue } from './keep-queue.ts';
import { createReconciler } from './reconcile.ts';
import { sampleMemory } from './sample-memory.ts';
import { tidyJobs } from './tidy-jobs.ts';
import { watchArtifacts } from './watch-artifacts.ts';
import { watchExits } from './watch-exits.ts';
import { watchProgress } from './watch-progress.ts';
import { watchVolumes } from './watch-volumes.ts';

export interface Agent {
  /** Ends watching; what runs on the host goes on. */
  stop(): Promise<void>;
  /** One pass of the reconciler now; for tests and after reconnects. */
  reconcile(): Promise<void>;
}

/**
 * What runs on every host: tells workflows of exits within a second, says that the host lives,
 * compares what runs with what rows want, notes how much memory apps use, and measures volumes.
 */
export function startAgent(ports: AgentPorts): Agent {
  const stopping = new AbortController();
  const reconciler = createReconciler(ports);
  const runs = [
    startHeartbeat(ports, stopping.signal),
    reconciler.run(stopping.signal),
    sampleMemory(ports, stopping.signal),
    watchVolumes(ports, stopping.signal),
    watchProgress(ports, stopping.signal),
    watchArtifacts(ports, stopping.signal),
    keepQueue({ ...ports.jobs, store: ports.store, log: ports.log }, stopping.signal),
    tidyJobs(ports, stopping.signal),
    ...Object.values(ports.runtimes).map((runtime) =>
      watchExits(ports, runtime, reconciler.now, stopping.signal),
    ),
  ];
  return {
    reconcile: reconciler.now,
    async stop() {
      stopping.abort();
      await Promise.all(runs);
    },
  };
}
