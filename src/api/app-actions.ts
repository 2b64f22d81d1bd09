import { randomUUID } from 'node:crypto';
import type { AppPlanJson } from '../model/api.ts';
import type { AppSpec } from '../model/app-spec.ts';
import type { Cause, Command } from '../model/app-state.ts';
import { statusOf } from '../model/app-view.ts';
import { LabError } from '../model/failures.ts';
import type { Caller } from '../model/roles.ts';
import type { App, Operation, Registered, Registration } from '../store/ports.ts';
import type { ApiDependencies } from './dependencies.ts';
import { planRegistration, requireRegister } from './plan-registration.ts';
import { storageGuard } from './storage-guard.ts';

/** What can be done to an app. API routes and pages do it here, so that both obey one set of rules. */
export interface AppActions {
  /**
   * Registers or replaces. Throws `quota_exceeded` beyond the limit of apps, `storage_full` for a
   * new app when no host has room, `conflict` when the key was used for something else, `forbidden`
   * when the caller may not.
   */
  register(input: {
    name: string;
    spec: AppSpec;
    caller: Caller;
    operationId?: string | undefined;
    /**
     * Definition that the caller saw, 0 for none. Throws `conflict` when another stands: nothing of
     * somebody else is undone unseen.
     */
    expectedRevision?: number | undefined;
  }): Promise<Registered>;
  /** The same for many, all or none. */
  registerAll(
    apps: readonly { name: string; spec: AppSpec; expectedRevision?: number | undefined }[],
    caller: Caller,
  ): Promise<Registered[]>;
  /** What `register` would do. Refuses what it would refuse for permissions and unknown spaces; changes nothing. */
  plan(input: { name: string; spec: AppSpec; caller: Caller }): Promise<AppPlanJson>;
  /**
   * One committed command, whose delivery has begun. Throws `not_found`, `conflict`, and for what would
   * wake `storage_full`, `quota_exceeded`.
   */
  command(input: {
    name: string;
    verb: Command;
    cause: Cause;
    operationId?: string | undefined;
  }): Promise<Operation>;
  /** Counts as use now, and keeps it from stopping. Throws `not_found`; `conflict` when asleep. */
  keepAwake(input: {
    name: string;
    cause: Cause;
    operationId?: string | undefined;
  }): Promise<Operation>;
  /** The app, or `not_found`. */
  find(name: string): Promise<App>;
}

export function appActions(
  deps: Pick<ApiDependencies, 'store' | 'delivery' | 'metrics' | 'tracing'>,
): AppActions {
  const { store, delivery } = deps;
  const accepted = (verb: 'register' | Command) =>
    deps.metrics.counter('labkeeper_api_commands_total', { verb }).add();
  const requireStorage = storageGuard(store.hosts);

  const find = async (name: string): Promise<App> => {
    const app = await store.apps.find(name);
    if (app === null) throw new LabError('not_found', `there is no app ${name}`);
    return app;
  };

  /** Full disks refuse new work; what is awake already may be woken, that changes nothing. */
  const requireRoom = async (name: string): Promise<void> => {
    try {
      await requireStorage();
    } catch (error) {
      const { condition } = await find(name);
      if (condition.wanted !== 'awake' || condition.phase === 'failed') throw error;
    }
  };

  const command: AppActions['command'] = async ({ name, verb, cause, operationId }) => {
    if (verb === 'wake') await requireRoom(name);
    const traceparent = deps.tracing.current();
    const operation = await store.apps.command({
      name,
      verb,
      cause: traceparent === undefined ? cause : { ...cause, traceparent },
      operationId: operationId ?? randomUUID(),
    });
    accepted(verb);
    delivery.soon(operation);
    return operation;
  };

  const registrationOf = (wish: Parameters<AppActions['register']>[0]): Registration => {
    const { name, spec, caller, operationId, expectedRevision } = wish;
    const actor = caller.person ?? 'visitor';
    return {
      ...{ name, spec, actor, space: spec.space, owner: actor },
      traceparent: deps.tracing.current(),
      operationId: operationId ?? randomUUID(),
      check: (existing) => {
        requireRegister(caller, { name, space: spec.space, existing });
        requireRevision(name, existing, expectedRevision);
      },
    };
  };

  const announce = (all: readonly Registered[]): void => {
    for (const { operation } of all) {
      if (operation === null) continue;
      accepted(operation.verb === 'register' ? 'register' : 'replace');
      delivery.soon(operation);
    }
  };

  return {
    find,
    command,
    plan: (input) => planRegistration(store, input),
    async register(wish) {
      if ((await store.apps.find(wish.name)) === null) await requireStorage();
      const done = await store.apps.register(registrationOf(wish));
      announce([done]);
      return done;
    },
    async registerAll(wishes, caller) {
      for (const { name } of wishes) {
        if ((await store.apps.find(name)) === null) await requireStorage();
      }
      const all = await store.apps.registerAll(
        wishes.map((wish) => registrationOf({ ...wish, caller })),
      );
      announce(all);
      return all;
    },
    async keepAwake({ name, cause, operationId }) {
      const status = statusOf((await find(name)).condition);
      if (status === 'asleep' || status === 'failed' || status === 'removing') {
        throw new LabError('conflict', `cannot keep ${name} awake: it is ${status}; start it`);
      }
      await store.use.touch(name, `kept awake by ${cause.actor}`);
      return command({ name, verb: 'wake', cause, operationId });
    },
  };
}

function requireRevision(name: string, existing: App | null, expected: number | undefined): void {
  const found = existing?.specRevision ?? 0;
  if (expected === undefined || expected === found) return;
  throw new LabError(
    'conflict',
    found === 0 || expected === 0
      ? `cannot register app/${name}: there is ${found === 0 ? 'no app of this name any more' : 'an app of this name already; open its page to change it'}`
      : `cannot change app/${name}: definition ${found} replaced the ${expected} that this is made from; look at what changes now`,
    { details: { specRevision: found } },
  );
}
