import type { LabkeeperClient } from '../client/index.ts';
import { roles } from '../model/roles.ts';
import { resourceFields } from '../model/field-help.ts';
import { machineVerbs } from './help.ts';
import type { Completes, OptionHelp, Verb } from './verb.ts';
import { globalOptions } from './global-options.ts';

export interface Candidate {
  value: string;
  /** One line about it; empty for names. */
  help: string;
}

/** What stands for the names of files: shells know them better. */
export const filesMark = ':files';

/**
 * What the last word may become. Names are asked of the server for at most `patienceMs`; a server that is away
 * or slow has none, and nothing is said of it: somebody is typing.
 */
export async function candidates(
  words: readonly string[],
  given: { verbs: readonly Verb[]; client: LabkeeperClient; patienceMs: number },
): Promise<Candidate[]> {
  const typed = words.at(-1) ?? '';
  const all = await possible(words.slice(0, -1), typed, given);
  return all.filter(({ value }) => value.startsWith(typed) || value === filesMark);
}

async function possible(
  before: readonly string[],
  typed: string,
  { verbs, client, patienceMs }: Parameters<typeof candidates>[1],
): Promise<Candidate[]> {
  const { name, rest } = verbOf(before);
  if (name === null) return typed.startsWith('-') ? optionsOf(globalOptions) : verbNames(verbs);
  const verb = verbs.find((one) => one.name === name);
  if (verb === undefined) return [];
  const [actionName] = rest.filter((word) => !word.startsWith('-'));
  const action = verb.actions?.find((one) => one.name === actionName);
  const options = { ...(action?.options ?? verb.options), ...globalOptions };
  const waiting = optionBefore(rest, options);
  if (waiting !== undefined) return valuesOf(waiting, client, patienceMs);
  if (typed.startsWith('-')) return optionsOf(options);
  const args = argumentsIn(rest, options);
  if (verb.actions !== undefined && args.length === 0) {
    return verb.actions.map((one) => ({ value: one.name, help: one.summary }));
  }
  // What stands behind -- is somebody else's command line.
  if (rest.includes('--')) return [];
  const at = verb.actions === undefined ? args.length : args.length - 1;
  const { completes = [], takes } = verb.actions === undefined ? verb : (action ?? { takes: none });
  if (at >= takes.most) return [];
  return namesOf(completes[Math.min(at, completes.length - 1)], typed, client, patienceMs);
}

const none = { least: 0, most: 0 };

function verbOf(before: readonly string[]): { name: string | null; rest: readonly string[] } {
  const at = before.findIndex((word, index) => {
    return !word.startsWith('-') && before[index - 1] !== '--server';
  });
  if (at === -1) return { name: null, rest: [] };
  return { name: before[at] ?? null, rest: before.slice(at + 1) };
}

const verbNames = (verbs: readonly Verb[]): Candidate[] =>
  [...machineVerbs, ...verbs.map(({ name, summary }) => [name, summary] as const)].map(
    ([value, help]) => ({ value, help }),
  );

const optionsOf = (options: Readonly<Record<string, OptionHelp>>): Candidate[] =>
  Object.entries(options).map(([name, { help }]) => ({ value: `--${name}`, help }));

/** The option whose value is being typed. */
function optionBefore(
  rest: readonly string[],
  options: Readonly<Record<string, OptionHelp>>,
): OptionHelp | undefined {
  const last = rest.at(-1) ?? '';
  const [, option] =
    Object.entries(options).find(
      ([name, { short }]) => last === `--${name}` || (short !== undefined && last === `-${short}`),
    ) ?? [];
  return option?.type === 'string' ? option : undefined;
}

function argumentsIn(
  rest: readonly string[],
  options: Readonly<Record<string, OptionHelp>>,
): string[] {
  return rest.filter(
    (word, index) =>
      !word.startsWith('-') && optionBefore(rest.slice(0, index), options) === undefined,
  );
}

async function valuesOf(
  { value }: OptionHelp,
  client: LabkeeperClient,
  patienceMs: number,
): Promise<Candidate[]> {
  if (value === 'FILE') return [{ value: filesMark, help: '' }];
  if (value === 'SPACE') return namesOf('space', '', client, patienceMs);
  return [];
}

async function namesOf(
  completes: Completes | undefined,
  typed: string,
  client: LabkeeperClient,
  patienceMs: number,
): Promise<Candidate[]> {
  if (completes === undefined) return [];
  if (typeof completes === 'object') return completes.words.map(plainWord);
  if (completes === 'file') return [{ value: filesMark, help: '' }];
  if (completes === 'role') return [...roles, 'none'].map(plainWord);
  const fetched = within(patienceMs, () => fetchers[completes](client, typed));
  if (completes !== 'entity or field') return fetched;
  return [...resourceFields(typed).map(plainWord), ...(await fetched)];
}

const plainWord = (value: string): Candidate => ({ value, help: '' });

/** Most names that are offered: whoever has more types on. */
const mostNames = 500;

/** Jobs are many: who means an older one knows its id. */
const newestJobs = 50;

type Fetch = (client: LabkeeperClient, typed: string) => Promise<Candidate[]>;

const apps: Fetch = async (client, typed) => {
  const { items } = await client.apps.list({ limit: mostNames });
  const prefix = typed.startsWith('app/') ? 'app/' : '';
  return items.map(({ name, explanation }) => ({ value: `${prefix}${name}`, help: explanation }));
};
const volumes: Fetch = async (client) => {
  const { items } = await client.volumes.list({ limit: mostNames });
  return items.map(({ name, explanation }) => ({ value: `volume/${name}`, help: explanation }));
};
const jobs: Fetch = async (client) => {
  const { items } = await client.jobs.list({ limit: newestJobs });
  return items.map(({ id, title, state }) => ({ value: `job/${id}`, help: `${state}, ${title}` }));
};
const hosts: Fetch = async (client) =>
  (await client.hosts.list()).map(({ name }) => plainWord(`host/${name}`));

/** Who is no operator sees no hosts: the other names are there all the same. */
const several =
  (...fetches: readonly Fetch[]): Fetch =>
  async (client, typed) => {
    const found = await Promise.allSettled(fetches.map((fetch) => fetch(client, typed)));
    return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  };

const fetchers: Readonly<Record<Exclude<Completes, object | 'file' | 'role'>, Fetch>> = {
  app: apps,
  volume: volumes,
  job: jobs,
  'app or job': several(apps, jobs),
  'app, job or volume': several(apps, volumes, jobs),
  entity: several(apps, hosts, volumes, jobs),
  'entity or field': several(apps, volumes, jobs),
  person: async (client) => firstOf(client.people.all()),
  space: async (client) => firstOf(client.spaces.all()),
  token: async (client) =>
    (await client.tokens.list())
      .filter(({ state }) => state === 'active')
      .map(({ id, label }) => ({ value: id, help: label })),
  secret: async (client) => firstOf(client.secrets.all()),
};

async function firstOf(
  items: AsyncIterable<{ name: string; title?: string }>,
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for await (const { name, title } of items) {
    found.push({ value: name, help: title === undefined || title === name ? '' : title });
    if (found.length >= mostNames) break;
  }
  return found;
}

async function within(patienceMs: number, fetch: () => Promise<Candidate[]>): Promise<Candidate[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Candidate[]>((resolve) => {
    timer = setTimeout(() => resolve([]), patienceMs);
  });
  // A refusal or a server that is away: nothing to offer, and no word into a line that is being typed.
  const found = fetch().catch((): Candidate[] => []);
  return Promise.race([found, late]).finally(() => clearTimeout(timer));
}
