import { jobSpecSchema, type JobSpecInput } from '../../src/model/job-spec.ts';
import type { HostReport, Store } from '../../src/store/ports.ts';
import type { Submission } from '../../src/store/job-ports.ts';

const GiB = 1024 ** 3;

/** A job as the API would hand it on; one core and a gibibyte unless said otherwise. */
export function submission(
  id: string,
  spec: JobSpecInput = {},
  more: Partial<Submission> = {},
): Submission {
  const whole = { command: ['true'], limits: { cpus: 1, memoryBytes: GiB }, ...spec };
  const parsed = jobSpecSchema.parse(whole);
  return {
    ...{ id, space: parsed.space, owner: 'ada', actor: 'ada', why: 'submitted', spec: parsed },
    bodyDigest: JSON.stringify(whole),
    ...more,
  };
}

/** Says that a host is there: four cores, 16 GiB, for commands. */
export async function addHost(
  store: Store,
  name: string,
  capacity: Partial<NonNullable<HostReport['capacity']>> = {},
): Promise<void> {
  await store.hosts.heartbeat({
    ...{ name, agentUrl: 'http://127.0.0.1:1', cpus: 4, memoryBytes: 16 * GiB },
    runtimes: [{ kind: 'process', ready: true, reason: null }],
    storage: { state: 'ok', freeBytes: 1e12, totalBytes: 1e12 },
    capacity: { cpus: 4, memoryBytes: 16 * GiB, labels: {}, devices: [], ...capacity },
  });
}

/** Ends the attempt that holds capacity, as its host would. */
export async function endAttempt(store: Store, id: string): Promise<void> {
  const job = await store.jobs.begin(id);
  if (job === null) throw new Error(`job/${id} is over already`);
  const mark = { life: job.mark.life, revision: 1 };
  const now = ['startedAt', 'finishedAt'] as const;
  await store.jobs.advance(id, mark, { state: 'succeeded', now, release: true });
}

export const queueLimits = { maxRunningPerPerson: null, ageMs: 600_000 };
