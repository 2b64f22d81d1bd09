import { createHash, randomUUID } from 'node:crypto';
import { canonicalJson } from '../model/canonical-json.ts';
import type { Cause } from '../model/app-state.ts';
import { LabError } from '../model/failures.ts';
import type { JobSpec, JobSubmission } from '../model/job-spec.ts';
import { jobOfType, submitterFields } from '../model/job-type.ts';
import type { QueuePosition } from '../model/job-view.ts';
import { jobEntity } from '../model/names.ts';
import { may, type Caller } from '../model/roles.ts';
import type { Job, JobType } from '../store/job-ports.ts';
import type { SharedSubmission } from '../store/shared-job-ports.ts';
import { requireMay } from './auth/authorize.ts';
import { refuseMistakes, type ConfigCheck } from './config-check.ts';
import type { ApiDependencies } from './dependencies.ts';
import { Problem } from './problem.ts';
import { saveConfig, withConfig } from './job-config.ts';
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
    body: Record<string, unknown>;
    wish: JobSubmission;
    caller: Caller;
    idempotencyKey?: string | undefined;
    /** Of an old client. */
    shared?: SharedSubmission | undefined;
  }): Promise<{ outcome: 'created' | 'existing'; job: Job }>;
  /** What a submission would refuse, without submitting: throws the same. */
  plan(input: {
    body: Record<string, unknown>;
    wish: JobSubmission;
    caller: Caller;
  }): Promise<{ spec: JobSpec; type: JobType | null }>;
  cancel(id: string, cause: Cause): Promise<Job>;
  remove(id: string, cause: Cause): Promise<void>;
  /** The job, or `not_found`. */
  find(id: string): Promise<Job>;
  /** Where a job waits, and why; null for one that does not wait. */
  position(job: Job): Promise<QueuePosition | null>;
}

export function jobActions(
  deps: Pick<ApiDependencies, 'store' | 'delivery' | 'tracing' | 'settings' | 'sharedFolder'>,
  { queue, configs }: { queue: QueueReader; configs: ConfigCheck },
): JobActions {
  const { store, delivery, tracing } = deps;
  const requireStorage = storageGuard(store.hosts);

  const configFolder = { sharedFolder: deps.sharedFolder, ...deps.settings };

  const plan: JobActions['plan'] = async ({ body, wish: given, caller }) => {
    const wish = await withConfig(given, configFolder);
    const { type: name, ...spec } = wish;
    if (name === undefined) {
      const { space } = spec;
      requireMay(caller, 'job.submit', { space, owner: null }, `the space ${space}`);
      return { spec, type: null };
    }
    const type = await store.jobTypes.find(name);
    const subject = type && { space: type.space, owner: type.owner };
    if (type === null || !may(caller, 'job.see', subject)) {
      throw new Problem('invalid', `there is no job type ${name}`, {
        errors: [{ path: 'type', message: `there is no job type ${name}` }],
      });
    }
    requireMay(caller, 'job.submit-type', subject, `the space ${type.space}`);
    refuseFieldsOfType(body, type);
    const made = jobOfType(type.spec, wish);
    refuseMistakes(configs.mistakes(type.spec.configSchema, made.config ?? {}));
    return { spec: made, type };
  };

  return {
    plan,
    async submit({ id = randomUUID(), body, wish, caller, idempotencyKey, shared }) {
      const { spec, type } = await plan({ body, wish, caller });
      const { space } = spec;
      await requireStorage();
      await saveConfig(spec, configFolder);
      const owner = caller.person ?? 'visitor';
      const done = await store.jobs.submit({
        ...{ id, space, owner, actor: owner, why: 'submitted', spec, idempotencyKey },
        type: type === null ? undefined : { name: type.name, revision: type.revision },
        shared,
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
      const { positions } = await queue.read();
      return positions.get(job.id) ?? { ahead: 0, wait: null, startsInMs: null };
    },
  };
}

/** What a type decides cannot be said beside it: it would be passed over, and nobody would know. */
function refuseFieldsOfType(body: Record<string, unknown>, { name }: JobType): void {
  const allowed: readonly string[] = [...submitterFields, 'type'];
  const errors = Object.keys(body)
    .filter((field) => !allowed.includes(field))
    .map((path) => ({ path, message: `is decided by the job type ${name}` }));
  if (errors.length === 0) return;
  const named = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  throw new Problem('invalid', `the body has fields that it cannot set: ${named}`, { errors });
}
