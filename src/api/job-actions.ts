import { createHash, randomUUID } from 'node:crypto';
import { canonicalJson } from '../model/canonical-json.ts';
import type { Cause } from '../model/app-state.ts';
import { LabError } from '../model/failures.ts';
import type { JobSpec } from '../model/job-spec.ts';
import type { QueuePosition } from '../model/job-view.ts';
import { jobEntity } from '../model/names.ts';
import type { Caller } from '../model/roles.ts';
import type { Job } from '../store/job-ports.ts';
import { requireMay } from './auth/authorize.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { QueueReader } from './queue-view.ts';
import { storageGuard } from './storage-guard.ts';

/** What may be done with jobs, whoever asks: API, pages, families of old clients. */
export interface JobActions {
  /**
   * Accepts a job. The same id, or key of the caller, with the same body answers the job that is there. Throws `forbidden`,
   * `conflict`, `quota_exceeded`, `storage_full`, `invalid`.
   */
  submit(input: {
    id?: string | undefined;
    /** What was asked for, before defaults: what a repeat is compared with. */
    body: unknown;
    spec: JobSpec;
    caller: Caller;
    idempotencyKey?: string | undefined;
  }): Promise<{ outcome: 'created' | 'existing'; job: Job }>;
  cancel(id: string, cause: Cause): Promise<Job>;
  remove(id: string, cause: Cause): Promise<void>;
  /** The job, or `not_found`. */
  find(id: string): Promise<Job>;
  /** Where a job waits, and why; null for one that does not wait. */
  position(job: Job): Promise<QueuePosition | null>;
}

export function jobActions(
  deps: Pick<ApiDependencies, 'store' | 'delivery' | 'tracing'>,
  reader: QueueReader,
): JobActions {
  const { store, delivery, tracing } = deps;
  const requireStorage = storageGuard(store.hosts);

  return {
    async submit({ id = randomUUID(), body, spec, caller, idempotencyKey }) {
      const { space } = spec;
      requireMay(caller, 'job.submit', { space, owner: null }, `the space ${space}`);
      await requireStorage();
      const owner = caller.person ?? 'visitor';
      const done = await store.jobs.submit({
        ...{ id, space, owner, actor: owner, why: 'submitted', spec, idempotencyKey },
        bodyDigest: createHash('sha256').update(canonicalJson(body)).digest('hex'),
        traceparent: tracing.current(),
      });
      delivery.newsSoon(jobEntity(done.job.id));
      return done;
    },
    async cancel(id, cause) {
      const job = await store.jobs.cancel(id, cause);
      delivery.newsSoon(jobEntity(id));
      return job;
    },
    remove: (id, cause) => store.jobs.remove(id, cause),
    async find(id) {
      const job = await store.jobs.find(id);
      if (job === null) throw new LabError('not_found', `there is no job ${id}`);
      return job;
    },
    async position(job) {
      if (job.state !== 'queued') return null;
      const { positions } = await reader.read();
      return positions.get(job.id) ?? { ahead: 0, wait: null, startsInMs: null };
    },
  };
}
