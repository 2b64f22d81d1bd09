import type { LabkeeperClient } from '../client/index.ts';
import type { AppJson, HostJson } from '../model/api.ts';
import type { JobJson } from '../model/job-api.ts';
import { jobIdPattern } from '../model/job-ids.ts';
import { dnsLabelPattern } from '../model/names.ts';
import type { VolumeJson } from '../model/volume-api.ts';
import { NotFoundError, UsageError } from './exit-codes.ts';

export type Found =
  | { kind: 'app'; app: AppJson }
  | { kind: 'host'; host: HostJson }
  | { kind: 'job'; job: JobJson }
  | { kind: 'volume'; volume: VolumeJson };

const kinds = ['app', 'host', 'job', 'volume'] as const;
type Kind = (typeof kinds)[number];

/**
 * What a NAME means: `app/board`, `host/local`, `job/4f7c`, `volume/data`, or `board` alone where only one thing is
 * called so. Jobs and volumes are meant only when it is said: what a typing error removes is gone with all in it.
 * Throws `NotFoundError`, and `UsageError` for what is no name or not only one.
 */
export async function findEntity(client: LabkeeperClient, argument: string): Promise<Found> {
  const { kind, name } = parseName(argument);
  if (kind === 'app') {
    const app = await client.apps.find(name);
    if (app !== null) return { kind, app };
  } else if (kind === 'host') {
    const host = await findHost(client, name);
    if (host !== undefined) return { kind, host };
  } else if (kind === 'job') {
    return { kind, job: await findJob(client, argument) };
  } else if (kind === 'volume') {
    const volume = await client.volumes.find(name);
    if (volume !== null) return { kind, volume };
  } else {
    const [app, host] = await Promise.all([client.apps.find(name), findHost(client, name)]);
    if (app !== null && host !== undefined) {
      throw new UsageError(`${name} is ambiguous: say app/${name} or host/${name}`);
    }
    if (app !== null) return { kind: 'app', app };
    if (host !== undefined) return { kind: 'host', host };
  }
  throw new NotFoundError(`there is no ${kind ?? 'app or host'} ${name}; see labkeeper list`);
}

/** The app a NAME means, for verbs that apps alone have. */
export async function findApp(client: LabkeeperClient, argument: string): Promise<AppJson> {
  refuseOthers(argument, 'app');
  const found = await findEntity(client, argument);
  if (found.kind === 'app') return found.app;
  throw new UsageError(`${argument} is a ${found.kind}: this verb is for apps`);
}

/** The volume a NAME means, which says that it is one. */
export async function findVolume(client: LabkeeperClient, argument: string): Promise<VolumeJson> {
  const { kind, name } = parseName(argument);
  if (kind === null) throw new UsageError(`say volume/${name}: this verb is for volumes`);
  refuseOthers(argument, 'volume');
  const found = await findEntity(client, argument);
  if (found.kind === 'volume') return found.volume;
  throw new UsageError(`${argument} is a ${found.kind}: this verb is for volumes`);
}

/** So much of an id is enough where only one begins so. */
const leastIdCharacters = 4;

/** The job a NAME means: `job/` and its id, or the beginning of it. */
export async function findJob(client: LabkeeperClient, argument: string): Promise<JobJson> {
  const { kind, name } = parseName(argument);
  if (kind === null) throw new UsageError(`say job/${name}: this verb is for jobs`);
  refuseOthers(argument, 'job');
  const job = await client.jobs.find(name);
  if (job !== null) return job;
  const unknown = new NotFoundError(`there is no job ${name}; see labkeeper list jobs`);
  if (name.length < leastIdCharacters) throw unknown;
  const { items } = await client.jobs.list({ idPrefix: name, limit: 5 });
  const [only, ...more] = items;
  if (only === undefined) throw unknown;
  if (more.length === 0) return client.jobs.show(only.id);
  const ids = items.map(({ id }) => id).join(', ');
  throw new UsageError(`${argument} is ambiguous: ${ids} begin so`);
}

/** What has a timeline, by its spelling alone: it may be gone, and its timeline is still there. */
export function timelineName(argument: string): { kind: 'app' | 'job' | 'volume'; name: string } {
  const { kind, name } = parseName(argument);
  if (kind === 'host') throw new UsageError(`${argument} is a host: it has no timeline`);
  return { kind: kind ?? 'app', name };
}

/** True when the spelling says that it is a job. */
export const saysJob = (argument: string): boolean => argument.startsWith('job/');

/** True when the spelling says that it is a volume. */
export const saysVolume = (argument: string): boolean => argument.startsWith('volume/');

function refuseOthers(argument: string, wanted: Kind): void {
  const { kind } = parseName(argument);
  if (kind === null || kind === wanted) return;
  throw new UsageError(`${argument} is a ${kind}: this verb is for ${wanted}s`);
}

function parseName(argument: string): { kind: Kind | null; name: string } {
  const slash = argument.indexOf('/');
  const prefix = slash === -1 ? null : argument.slice(0, slash);
  const name = argument.slice(slash + 1);
  const kind = kinds.find((one) => one === prefix) ?? null;
  if (prefix !== null && kind === null) {
    throw new UsageError(`${argument}: names begin with app/, host/, job/ or volume/`);
  }
  if (kind === 'job') {
    if (jobIdPattern.test(name)) return { kind, name };
    throw new UsageError(`${argument}: an id is 1 to 128 letters, digits and . _ -`);
  }
  if (!dnsLabelPattern.test(name)) {
    throw new UsageError(
      `${argument}: a name is 1 to 63 lower-case letters, digits and inner hyphens`,
    );
  }
  return { kind, name };
}

async function findHost(client: LabkeeperClient, name: string): Promise<HostJson | undefined> {
  return (await client.hosts.list()).find((host) => host.name === name);
}
