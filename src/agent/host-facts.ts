import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { HostFacts } from './heartbeat.ts';

/** Free space below which the data folder's disk is low, and below which it counts as full. */
export interface Watermarks {
  warnBytes: number;
  refuseBytes: number;
}

/** Apps and labkeeper itself need some of it too. */
const shareForJobs = 0.8;

/** What this machine has, and how full the disk of its data folder is. */
export async function readHostFacts(
  folder: string,
  watermarks: Watermarks,
  agentUrl: string,
  jobs: { cpus: number | null; memoryBytes: number | null },
): Promise<HostFacts> {
  const disk = await statfs(folder);
  const freeBytes = disk.bavail * disk.bsize;
  return {
    agentUrl,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    capacity: {
      cpus: jobs.cpus ?? availableParallelism(),
      memoryBytes: jobs.memoryBytes ?? Math.floor(totalmem() * shareForJobs),
      labels: {},
      devices: [],
    },
    storage: {
      state: storageState(freeBytes, watermarks),
      freeBytes,
      totalBytes: disk.blocks * disk.bsize,
    },
  };
}

export function storageState(freeBytes: number, watermarks: Watermarks): 'ok' | 'low' | 'full' {
  if (freeBytes < watermarks.refuseBytes) return 'full';
  return freeBytes < watermarks.warnBytes ? 'low' : 'ok';
}
