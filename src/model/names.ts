/** A DNS label (RFC 1123): it becomes a host name, a path segment, a container name, a folder. */
export const dnsLabelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `app/plot`: workflow id, CLI argument, path under `/manage/` and (plural) under `/api/v1/`. */
export type EntityName = `${EntityKind | 'deployment' | 'queue'}/${string}`;

/** What timelines are kept of. */
export const entityKinds = [
  'app',
  'job',
  'job-type',
  'sweep',
  'volume',
  'space',
  'person',
  'host',
] as const;
export type EntityKind = (typeof entityKinds)[number];

export const appEntity = (name: string): EntityName => `app/${name}`;
export const jobEntity = (id: string): EntityName => `job/${id}`;
export const jobTypeEntity = (name: string): EntityName => `job-type/${name}`;
export const sweepEntity = (id: string): EntityName => `sweep/${id}`;
export const volumeEntity = (name: string): EntityName => `volume/${name}`;

/** The queue of all jobs, for its timeline. */
export const queueEntity: EntityName = 'queue/jobs';

/** What is on its way to being served by an app; workflow id. */
export const deploymentEntity = (app: string): EntityName => `deployment/${app}`;

/**
 * The name of the one container or process that serves `app` in `generation`. Deterministic, so
 * that a repeated start finds what an earlier one made.
 */
export const instanceName = (app: string, generation: number): string => `app-${app}-${generation}`;

/**
 * The name of the one container or process of an attempt of a job, which its number stands for: ids
 * come from outside and may be no name of anything.
 */
export const jobInstanceName = (number: number, attempt: number): string =>
  `job-${number}-${attempt}`;

/** Temporal task queues: shared control work, and one queue for the effects of each host. */
export const controlQueue = 'control';
export const hostQueue = (host: string): string => `host/${host}`;
