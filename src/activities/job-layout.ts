import { opevaLabels } from '../model/opeva.ts';
import { labels } from '../model/instance-labels.ts';
import type { JobFolders, JobPaths } from '../runtime/job-folders.ts';
import type { Job } from '../store/job-ports.ts';
import type { JobHostPorts } from './ports.ts';

/** Where the files of one attempt lie, and what its instance is given for that. */
export interface JobLayout {
  folders: Pick<JobFolders, 'prepare' | 'collect'>;
  inContainer: JobPaths;
  labels: Readonly<Record<string, string>>;
  networks: readonly string[];
  environment(paths: JobPaths): Record<string, string>;
  /** Takes what the program printed, where others than labkeeper read it. */
  keepLog(pieces: AsyncIterable<Uint8Array>): Promise<void>;
}

/** A folder of its own, or its place in the folder that an old family shares. */
export function jobLayout(
  ports: Pick<JobHostPorts, 'jobFolders' | 'shared' | 'host'>,
  job: Pick<Job, 'id' | 'shared'>,
  attempt: number,
): JobLayout {
  if (!job.shared) {
    return {
      folders: ports.jobFolders,
      inContainer: ports.jobFolders.inContainer,
      labels: {},
      networks: [],
      environment: () => ({}),
      keepLog: async () => {},
    };
  }
  const { folders, networks } = ports.shared;
  return {
    folders,
    inContainer: folders.inContainer(job.id),
    labels: { ...opevaLabels(job.id, ports.host, attempt), [labels.layout]: 'shared' },
    networks,
    environment: ({ root }) => ({ OPEVA_BASE_DIR: root }),
    keepLog: (pieces) => folders.keepLog(job.id, pieces),
  };
}
