import type { LabkeeperClient } from '../client/index.ts';
import type { AppJson, HostJson } from '../model/api.ts';
import { dnsLabelPattern } from '../model/names.ts';
import { NotFoundError, UsageError } from './exit-codes.ts';

export type Found = { kind: 'app'; app: AppJson } | { kind: 'host'; host: HostJson };

/**
 * What a NAME means: `app/board`, `host/local`, or `board` alone where only one thing is called so.
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
  const { kind } = parseName(argument);
  if (kind === 'host') throw new UsageError(`${argument} is a host: this verb is for apps`);
  const found = await findEntity(client, argument);
  if (found.kind === 'app') return found.app;
  throw new UsageError(`${argument} is a host: this verb is for apps`);
}

/** Name of an app by its spelling alone: it may be gone, and its timeline is still there. */
export function appName(argument: string): string {
  const { kind, name } = parseName(argument);
  if (kind === 'host') throw new UsageError(`${argument} is a host: this verb is for apps`);
  return name;
}

function parseName(argument: string): { kind: 'app' | 'host' | null; name: string } {
  const slash = argument.indexOf('/');
  const kind = slash === -1 ? null : argument.slice(0, slash);
  const name = argument.slice(slash + 1);
  if (kind !== null && kind !== 'app' && kind !== 'host') {
    throw new UsageError(`${argument}: names begin with app/ or host/`);
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
