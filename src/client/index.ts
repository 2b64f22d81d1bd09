import { z } from 'zod';
import {
  appHistorySchema,
  appListSchema,
  appPlanSchema,
  appSchema,
  appUsageSchema,
  eventListSchema,
  healthSchema,
  deadHostSchema,
  hostListSchema,
  operationSchema,
  registeredAppSchema,
  type AppHistoryJson,
  type AppJson,
  type AppListJson,
  type AppPlanJson,
  type AppUsageJson,
  type EventListJson,
  type HealthJson,
  type HostJson,
  type OperationJson,
  type RegisteredAppJson,
} from '../model/api.ts';
import {
  deviceLoginSchema,
  pendingLoginSchema,
  type DeviceLoginJson,
} from '../model/device-login.ts';
import {
  appLinkListSchema,
  appLinkSchema,
  meSchema,
  newAppLinkAnswerSchema,
  newTokenAnswerSchema,
  type AppLinkJson,
  type MeJson,
  type NewAppLinkJson,
  type NewTokenJson,
} from '../model/people-api.ts';
import type { NewAppLink } from '../model/person.ts';
import type { AppSpecInput } from '../model/app-spec.ts';
import type { EntityKind } from '../model/names.ts';
import { manifestAnswerSchema, type ManifestBody } from '../model/manifest-api.ts';
import { appSecretListSchema, type AppSecretJson } from '../model/secret-api.ts';
import { followEvents, type FollowOptions, type StreamMessage } from './follow-events.ts';
import { followLog, readLog, type LogOptions, type LogText } from './logs.ts';
import { jobMethods, type JobMethods } from './jobs.ts';
import { nullWhenAbsent } from './problem-error.ts';
import { pages } from './pages.ts';
import { peopleMethods, type PeopleMethods } from './people.ts';
import { secretMethods, type SecretMethods } from './secrets.ts';
import { sleep } from './sleep.ts';
import { sweepMethods, type SweepMethods } from './sweeps.ts';
import { transport, type ClientOptions } from './transport.ts';
import { volumeMethods, type VolumeMethods } from './volumes.ts';

export { ProblemError, UnreachableError } from './problem-error.ts';
export type { ClientOptions } from './transport.ts';
export type { StreamMessage } from './follow-events.ts';

/** Which events: of one kind of thing, of one (`plot`, `volume/data`), called so, by somebody, no older. */
interface EventFilterQuery {
  kind?: EntityKind;
  name?: string;
  what?: string;
  /** Begins so. */
  actor?: string;
  since?: '1h' | '24h' | '7d' | '30d';
}

interface CommandOptions {
  /** Shown in the timeline. */
  why?: string;
  /** Repeating a command under the same key does it once. */
  idempotencyKey?: string;
}

/**
 * The API of labkeeper, typed. Every method rejects with `ProblemError` when it was refused and
 * `UnreachableError` when nobody answered. Commands resolve when they are accepted: `wait` for
 * what comes of them.
 */
export interface LabkeeperClient extends SecretMethods, PeopleMethods {
  apps: {
    list(page?: { space?: string; after?: string; limit?: number }): Promise<AppListJson>;
    /** All apps by name, page by page. */
    all(filter?: { space?: string }): AsyncGenerator<AppJson>;
    show(name: string): Promise<AppJson>;
    /** The app, or null when there is none. */
    find(name: string): Promise<AppJson | null>;
    /** Registers or replaces. */
    register(
      name: string,
      spec: AppSpecInput,
      options?: Pick<CommandOptions, 'idempotencyKey'>,
    ): Promise<RegisteredAppJson>;
    /** What registering this would do; changes nothing. */
    plan(name: string, spec: AppSpecInput): Promise<AppPlanJson>;
    /**
     * Registers or replaces many, all or none. `expected` holds the definitions they are made from, by name, 0
     * for none; when another stands by now, it rejects with `conflict`.
     */
    apply(manifest: ManifestBody): Promise<RegisteredAppJson[]>;
    remove(name: string, options?: CommandOptions): Promise<OperationJson>;
    start(name: string, options?: CommandOptions): Promise<OperationJson>;
    stop(name: string, options?: CommandOptions): Promise<OperationJson>;
    restart(name: string, options?: CommandOptions): Promise<OperationJson>;
    keepAwake(name: string, options?: CommandOptions): Promise<OperationJson>;
    usage(name: string): Promise<AppUsageJson>;
    /** Series for charts: awake time by day, memory, phases of the last wakes. */
    history(
      name: string,
      wanted?: { days?: number; wakes?: number; memory?: 'day' | 'month' },
    ): Promise<AppHistoryJson>;
    /** Its secret variables, and which versions run; never a value. */
    secrets(name: string): Promise<AppSecretJson[]>;
    /** Links that open it without a login; newest first, those too that let nobody in any more. */
    links(name: string): Promise<AppLinkJson[]>;
    /** Makes such a link. Its `url` is shown in this answer only. */
    share(name: string, wish: NewAppLink): Promise<NewAppLinkJson>;
    revokeLink(name: string, id: string): Promise<AppLinkJson>;
    /** The end of its log, or a range. */
    log(name: string, options?: LogOptions): Promise<LogText>;
    /** Its log as it grows, piece by piece, through restarts unless a generation is given. */
    followLog(name: string, options?: LogOptions): AsyncGenerator<string>;
    events(name: string, page?: { before?: string; limit?: number }): Promise<EventListJson>;
    follow(name: string, options?: FollowOptions): AsyncGenerator<StreamMessage>;
  };
  events: {
    list(page?: { before?: string; limit?: number } & EventFilterQuery): Promise<EventListJson>;
    follow(options?: FollowOptions): AsyncGenerator<StreamMessage>;
  };
  operations: {
    show(id: string): Promise<OperationJson>;
    /** Resolves when it is over, succeeded or failed; rejects after `timeoutMs` (default 2 min). */
    wait(id: string, options?: WaitOptions): Promise<OperationJson>;
  };
  hosts: {
    list(): Promise<HostJson[]>;
    /** An operator's word that nothing runs there any more; answers the ids of the jobs that were given up. */
    declareDead(name: string, options?: { why?: string }): Promise<string[]>;
  };
  volumes: VolumeMethods;
  jobs: JobMethods;
  sweeps: SweepMethods;
  /** Who asks, and their roles. */
  me(): Promise<MeJson>;
  /** How a program gets a token of a person at a browser; needs no token itself. */
  logins: {
    begin(label: string): Promise<DeviceLoginJson>;
    /** The token, once it was confirmed; null before. Rejects when it is over. */
    take(deviceCode: string): Promise<NewTokenJson | null>;
  };
  /** Whether the API can do its work; an answer also when it cannot. */
  health(): Promise<HealthJson>;
}

interface WaitOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}

export function labkeeperClient(options: ClientOptions): LabkeeperClient {
  const wire = transport(options);
  const { json } = wire;
  const appPath = (name: string) => `/api/v1/apps/${encodeURIComponent(name)}`;

  const command = (name: string, verb: string, { why, idempotencyKey }: CommandOptions = {}) =>
    json(`${appPath(name)}/${verb}`, operationSchema, {
      method: 'POST',
      body: why === undefined ? {} : { why },
      headers: { 'idempotency-key': idempotencyKey },
    });
  const list: LabkeeperClient['apps']['list'] = (page = {}) =>
    json('/api/v1/apps', appListSchema, { query: page });
  const show = (name: string) => json(appPath(name), appSchema);
  const showOperation = (id: string) =>
    json(`/api/v1/operations/${encodeURIComponent(id)}`, operationSchema);

  return {
    apps: {
      list,
      all: (filter = {}) => pages((page) => list({ ...filter, ...page })),
      show,
      find: (name) => show(name).catch(nullWhenAbsent),
      register: (name, spec, { idempotencyKey } = {}) =>
        json(appPath(name), registeredAppSchema, {
          method: 'PUT',
          body: spec,
          headers: { 'idempotency-key': idempotencyKey },
        }),
      plan: (name, spec) =>
        json(`${appPath(name)}/plan`, appPlanSchema, { method: 'POST', body: spec }),
      apply: async (manifest) => {
        const ask = { method: 'POST', body: manifest } as const;
        return (await json('/api/v1/manifests', manifestAnswerSchema, ask)).items;
      },
      remove: (name, { why, idempotencyKey } = {}) =>
        json(appPath(name), operationSchema, {
          method: 'DELETE',
          query: { why },
          headers: { 'idempotency-key': idempotencyKey },
        }),
      start: (name, options) => command(name, 'start', options),
      stop: (name, options) => command(name, 'stop', options),
      restart: (name, options) => command(name, 'restart', options),
      keepAwake: (name, options) => command(name, 'keep-awake', options),
      secrets: async (name) => (await json(`${appPath(name)}/secrets`, appSecretListSchema)).items,
      links: async (name) => (await json(`${appPath(name)}/links`, appLinkListSchema)).items,
      share: (name, wish) =>
        json(`${appPath(name)}/links`, newAppLinkAnswerSchema, { method: 'POST', body: wish }),
      revokeLink: (name, id) =>
        json(`${appPath(name)}/links/${encodeURIComponent(id)}`, appLinkSchema, {
          method: 'DELETE',
        }),
      usage: (name) => json(`${appPath(name)}/usage`, appUsageSchema),
      history: (name, wanted = {}) =>
        json(`${appPath(name)}/usage/history`, appHistorySchema, { query: wanted }),
      log: (name, options) => readLog(wire, `${appPath(name)}/logs`, options),
      followLog: (name, options) => followLog(wire, `${appPath(name)}/logs`, options),
      events: (name, page = {}) =>
        json(`${appPath(name)}/events`, eventListSchema, { query: page }),
      follow: (name, options) => followEvents(wire, `${appPath(name)}/events/stream`, options),
    },
    events: {
      list: (page = {}) => json('/api/v1/events', eventListSchema, { query: { ...page } }),
      follow: (options) => followEvents(wire, '/api/v1/events/stream', options),
    },
    operations: {
      show: showOperation,
      wait: (id, options) => waitFor(() => showOperation(id), options),
    },
    ...secretMethods(wire),
    ...peopleMethods(wire),
    hosts: {
      list: async () => (await json('/api/v1/hosts', hostListSchema)).items,
      async declareDead(name, { why } = {}) {
        const { jobs } = await json(
          `/api/v1/hosts/${encodeURIComponent(name)}/declare-dead`,
          deadHostSchema,
          { method: 'POST', body: why === undefined ? {} : { why } },
        );
        return jobs;
      },
    },
    volumes: volumeMethods(wire),
    jobs: jobMethods(wire),
    sweeps: sweepMethods(wire),
    me: () => json('/api/v1/me', meSchema),
    logins: {
      begin: (label) =>
        json('/api/v1/device-logins', deviceLoginSchema, { method: 'POST', body: { label } }),
      async take(deviceCode) {
        const path = '/api/v1/device-logins/token';
        const taken = await json(path, z.union([newTokenAnswerSchema, pendingLoginSchema]), {
          method: 'POST',
          body: { deviceCode },
        });
        return 'token' in taken ? taken : null;
      },
    },
    health: () => json('/health/ready', healthSchema, { accept: [503] }),
  };
}

const firstLookMs = 50;
const lastLookMs = 1_000;

async function waitFor(
  show: () => Promise<OperationJson>,
  { timeoutMs = 120_000, signal }: WaitOptions = {},
): Promise<OperationJson> {
  const endsAtMs = performance.now() + timeoutMs;
  for (let lookMs = firstLookMs; ; lookMs = Math.min(lookMs * 1.5, lastLookMs)) {
    const operation = await show();
    if (operation.state !== 'accepted') return operation;
    signal?.throwIfAborted();
    if (performance.now() >= endsAtMs) {
      throw new Error(
        `${operation.verb} of ${operation.entity} is not over after ${timeoutMs} ms; it goes on as operation ${operation.id}`,
      );
    }
    await sleep(lookMs, signal);
  }
}
