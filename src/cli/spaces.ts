import type { MemberJson, SpaceJson } from '../model/people-api.ts';
import type { SpaceChange } from '../model/person.ts';
import { collect } from './collect.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import { noun } from './noun.ts';
import { roleOf, setRole } from './people.ts';
import { fields, table } from './table.ts';
import { jsonText, tinted, type Terminal } from './terminal.ts';
import type { Invocation } from './verb.ts';

const quotas = {
  apps: { type: 'string', value: 'N', help: 'apps it may have; none sets no limit' },
  awake: { type: 'string', value: 'N', help: 'apps of it awake at once; none sets no limit' },
  running: { type: 'string', value: 'N', help: 'jobs of it that run at once; none sets no limit' },
  queued: { type: 'string', value: 'N', help: 'jobs of it that may wait; none sets no limit' },
} as const;

export const spaces = noun({
  name: 'spaces',
  summary: 'Make spaces, set their members and quotas',
  help: 'A course or a project: its apps, who may use them, and how many. A wake beyond the quota waits until an app of the space sleeps. Operators make spaces and set quotas, admins of a space its members.',
  actions: [
    {
      name: 'list',
      usage: '',
      summary: 'List the spaces you have a role in; operators see all',
      json: '`Space[]`',
      takes: { least: 0, most: 0 },
      async run({ client, terminal, json }) {
        const found = await collect(client.spaces.all());
        terminal.out(json ? jsonText(found) : spaceTable(terminal, found));
        return exitCodes.ok;
      },
    },
    {
      name: 'show',
      usage: 'SPACE',
      summary: 'Show a space',
      json: '`Space`',
      takes: { least: 1, most: 1 },
      completes: ['space'],
      run: async (invocation) => {
        const [name = ''] = invocation.arguments;
        return tell(invocation, await invocation.client.spaces.show(name));
      },
    },
    {
      name: 'create',
      usage: 'SPACE [--title TEXT] [--apps N] [--awake N] [--running N] [--queued N]',
      summary: 'Make a space',
      json: '`Space`',
      options: { ...quotas, title: { type: 'string', value: 'TEXT', help: 'shown to people' } },
      takes: { least: 1, most: 1 },
      run: async (invocation) => {
        const [name = ''] = invocation.arguments;
        const title = invocation.text('title');
        return tell(
          invocation,
          await invocation.client.spaces.set(name, {
            ...(title === null ? {} : { title }),
            ...quotaOf(invocation),
          }),
        );
      },
    },
    {
      name: 'quota',
      usage: 'SPACE [--apps N] [--awake N] [--running N] [--queued N]',
      summary: 'Set how many apps and jobs a space may have',
      json: '`Space`',
      options: quotas,
      takes: { least: 1, most: 1 },
      completes: ['space'],
      run: async (invocation) => {
        const [name = ''] = invocation.arguments;
        const quota = quotaOf(invocation);
        if (Object.keys(quota).length === 0) {
          throw new UsageError(
            'say which: --apps N, --awake N, --running N, --queued N, or none instead of a number',
          );
        }
        // Setting makes a space that is not there: a typing error must not.
        await invocation.client.spaces.show(name);
        return tell(invocation, await invocation.client.spaces.set(name, quota));
      },
    },
    {
      name: 'members',
      usage: 'SPACE',
      summary: 'List who has a role in a space',
      json: '`Member[]`',
      takes: { least: 1, most: 1 },
      completes: ['space'],
      async run({ arguments: [name = ''], client, terminal, json }) {
        const found = await collect(client.spaces.members(name));
        if (json) terminal.out(jsonText(found));
        else if (found.length > 0) terminal.out(memberTable(terminal, found));
        else terminal.error(`${name} has no members: labkeeper spaces add ${name} PERSON ROLE\n`);
        return exitCodes.ok;
      },
    },
    {
      name: 'add',
      usage: 'SPACE PERSON ROLE',
      summary: 'Make a person a member, or change their role',
      json: '`{ space, person, role }`',
      takes: { least: 3, most: 3 },
      completes: ['space', 'person', 'role'],
      run: (invocation) => {
        const [space = '', person = '', role = ''] = invocation.arguments;
        return setRole(invocation, { space, person, role: roleOf(role) });
      },
    },
    {
      name: 'remove',
      usage: 'SPACE PERSON',
      summary: 'Take a person out of a space',
      json: '`{ space, person, role: null }`',
      takes: { least: 2, most: 2 },
      completes: ['space', 'person'],
      run: (invocation) => {
        const [space = '', person = ''] = invocation.arguments;
        return setRole(invocation, { space, person, role: null });
      },
    },
    {
      name: 'rm',
      usage: 'SPACE',
      summary: 'Remove a space that has nothing in it',
      json: '`{ name }`',
      takes: { least: 1, most: 1 },
      completes: ['space'],
      async run({ arguments: [name = ''], client, terminal, json }) {
        await client.spaces.remove(name);
        terminal.out(json ? jsonText({ name }) : `removed the space ${name}\n`);
        return exitCodes.ok;
      },
    },
  ],
});

/** Which option sets which quota. */
const quotaFields = {
  apps: 'maxApps',
  awake: 'maxAwakeApps',
  running: 'maxRunningJobs',
  queued: 'maxQueuedJobs',
} as const;

function quotaOf({ text }: Invocation): SpaceChange {
  const change: SpaceChange = {};
  for (const [option, field] of Object.entries(quotaFields)) {
    const limit = numberOrNone(text(option));
    if (limit !== undefined) change[field] = limit;
  }
  return change;
}

/** Undefined when it was not given, null for `none`. */
function numberOrNone(given: string | null): number | null | undefined {
  if (given === null) return undefined;
  if (given === 'none') return null;
  if (/^\d{1,7}$/.test(given)) return Number(given);
  throw new UsageError(`${given} is no number from 0 on, and not none`);
}

function tell({ terminal, json }: Invocation, space: SpaceJson): ExitCode {
  terminal.out(json ? jsonText(space) : spaceText(terminal, space));
  return exitCodes.ok;
}

const used = (count: number, most: number | null): string =>
  most === null ? String(count) : `${count} of ${most}`;

function spaceText(terminal: Terminal, space: SpaceJson): string {
  return `${tinted(terminal, 'strong', space.name)}\n\n${fields(terminal, [
    ['title', space.title === space.name ? null : space.title],
    ['apps', used(space.apps, space.maxApps)],
    ['awake', used(space.awakeApps, space.maxAwakeApps)],
    ['jobs running', used(space.runningJobs, space.maxRunningJobs)],
    ['jobs waiting', used(space.queuedJobs, space.maxQueuedJobs)],
    ['members', String(space.members)],
    ['made', space.createdAt],
  ])}`;
}

function spaceTable(terminal: Terminal, found: readonly SpaceJson[]): string {
  return table(
    terminal,
    ['name', 'apps', 'awake', 'members', 'title'],
    found.map((space) => [
      space.name,
      used(space.apps, space.maxApps),
      used(space.awakeApps, space.maxAwakeApps),
      String(space.members),
      space.title,
    ]),
  );
}

function memberTable(terminal: Terminal, found: readonly MemberJson[]): string {
  return table(
    terminal,
    ['person', 'role', 'since', 'title'],
    found.map(({ person, role, since, title }) => [person, role, since, title]),
  );
}
