import { isRecord } from '../model/is-record.ts';
import { createHash, randomUUID } from 'node:crypto';
import type { Cause } from '../model/app-state.ts';
import { canonicalJson } from '../model/canonical-json.ts';
import { jobEntity } from '../model/names.ts';
import {
  parameterNames,
  parametersOf,
  withParameters,
  type Sweep as SweepWish,
} from '../model/sweep.ts';
import type { Caller } from '../model/roles.ts';
import type { Sweep } from '../store/sweep-ports.ts';
import type { ConfigCheck } from './config-check.ts';
import type { ApiDependencies } from './dependencies.ts';
import type { JobActions } from './job-actions.ts';
import { Problem } from './problem.ts';
import { storageGuard } from './storage-guard.ts';

/** Mistakes that are told at once. */
const maxMistakes = 50;

export interface SweepActions {
  /** Accepts a sweep with all of its jobs, or refuses all with what is wrong with each. */
  submit(input: {
    id?: string | undefined;
    body: Record<string, unknown>;
    wish: SweepWish;
    caller: Caller;
    idempotencyKey?: string | undefined;
  }): Promise<{ outcome: 'created' | 'existing'; sweep: Sweep }>;
  cancel(id: string, cause: Cause): Promise<Sweep>;
}

export function sweepActions(
  deps: Pick<ApiDependencies, 'store' | 'delivery'>,
  { jobs, configs }: { jobs: JobActions; configs: ConfigCheck },
): SweepActions {
  const { store, delivery } = deps;
  const requireStorage = storageGuard(store.hosts);

  return {
    async submit({ id = randomUUID(), body, wish, caller, idempotencyKey }) {
      const parameters = parametersOf(wish);
      // What is common is judged with the first job's parameters: alone it may lack what each of them has.
      const [first = {}] = parameters;
      const common = await jobs.plan({
        body: isRecord(body['job']) ? body['job'] : {},
        wish: withParameters(wish.job, first),
        caller,
      });
      if (common.type !== null) {
        const { configSchema, config } = common.type.spec;
        refuseWrong(
          parameters.flatMap((one, index) =>
            configs
              .mistakes(configSchema, { ...config, ...withParameters(wish.job, one).config })
              .map(({ path, message }) => ({ path: `job ${index}: ${path}`, message })),
          ),
        );
      }
      await requireStorage();
      const owner = caller.person ?? 'visitor';
      const { space } = common.spec;
      const { type } = common;
      return store.sweeps.submit({
        ...{ id, space, owner, idempotencyKey, parameters },
        title: wish.title ?? null,
        type: type === null ? undefined : { name: type.name, revision: type.revision },
        spec: { ...common.spec, config: { ...type?.spec.config, ...wish.job.config } },
        names: parameterNames(wish),
        maxParallel: wish.maxParallel,
        failFast: wish.failFast,
        bodyDigest: createHash('sha256').update(canonicalJson(body)).digest('hex'),
      });
    },
    async cancel(id, cause) {
      const { sweep, told } = await store.sweeps.cancel(id, cause);
      for (const job of told) delivery.newsSoon(jobEntity(job));
      return sweep;
    },
  };
}

function refuseWrong(all: { path: string; message: string }[]): void {
  if (all.length === 0) return;
  const errors = all.slice(0, maxMistakes);
  const named = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  throw new Problem('invalid', `the sweep has ${all.length} mistakes: ${named}`, { errors });
}
