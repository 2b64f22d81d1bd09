import type { PersonJson } from '../model/people-api.ts';
import type { PersonChange } from '../model/person.ts';
import { roles, type Role } from '../model/roles.ts';
import { collect } from './collect.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import { noun } from './noun.ts';
import { fields, table } from './table.ts';
import { jsonText, tinted, type Terminal } from './terminal.ts';
import type { Action, Invocation } from './verb.ts';

export const people = noun({
  name: 'people',
  summary: 'Add people, give them roles, disable them',
  help: 'Who can log in. Somebody new is a user of the default space. Disabling ends sessions and tokens at once, and keeps what they own. For operators; roles also for admins of the space.',
  actions: [
    {
      name: 'list',
      usage: '[--search TEXT]',
      summary: 'List people',
      json: '`Person[]`',
      options: { search: { type: 'string', value: 'TEXT', help: 'in their name or title' } },
      takes: { least: 0, most: 0 },
      async run({ client, terminal, json, text }) {
        const search = text('search');
        const found = await collect(client.people.all(search === null ? {} : { search }));
        if (json) terminal.out(jsonText(found));
        else if (found.length > 0) terminal.out(personTable(terminal, found));
        else terminal.error('There is nobody of that name.\n');
        return exitCodes.ok;
      },
    },
    {
      name: 'show',
      usage: 'NAME',
      summary: 'Show a person',
      json: '`Person`',
      takes: { least: 1, most: 1 },
      completes: ['person'],
      run: async (invocation) => {
        const [name = ''] = invocation.arguments;
        return tell(invocation, await invocation.client.people.show(name));
      },
    },
    {
      name: 'add',
      usage: 'NAME [--title TEXT] [--operator]',
      summary: 'Add a person, or change their title',
      json: '`Person`',
      options: {
        title: { type: 'string', value: 'TEXT', help: 'shown to people' },
        operator: { type: 'boolean', help: 'may do everything everywhere' },
      },
      takes: { least: 1, most: 1 },
      run: (invocation) => {
        const title = invocation.text('title');
        return change(invocation, {
          ...(title === null ? {} : { title }),
          ...(invocation.flag('operator') ? { operator: true } : {}),
        });
      },
    },
    changing('disable', 'Keep a person out; what they own stays', { disabled: true }),
    changing('enable', 'Let a disabled person in again', { disabled: false }),
    changing('demote', 'Take the rights of an operator away', { operator: false }),
    {
      name: 'role',
      usage: `NAME SPACE ${roles.join('|')}|none`,
      summary: 'Give a role in a space, or take it away',
      json: '`{ space, person, role }`, role null for none',
      takes: { least: 3, most: 3 },
      completes: ['person', 'space', 'role'],
      run: (invocation) => {
        const [person = '', space = '', role = ''] = invocation.arguments;
        return setRole(invocation, { space, person, role: roleOf(role) });
      },
    },
    {
      name: 'login-link',
      usage: 'NAME',
      summary: 'Make a link that logs a person in, once',
      json: '`LoginLink`',
      takes: { least: 1, most: 1 },
      completes: ['person'],
      async run({ arguments: [name = ''], client, terminal, json }) {
        const link = await client.people.loginLink(name);
        if (json) terminal.out(jsonText(link));
        else {
          terminal.out(`${link.url}\n`);
          terminal.error(`Logs ${link.person} in once, until ${link.expiresAt}.\n`);
        }
        return exitCodes.ok;
      },
    },
  ],
});

/** Gives a role, or takes it away with null, and says so. */
export async function setRole(
  { client, terminal, json }: Invocation,
  member: { space: string; person: string; role: Role | null },
): Promise<ExitCode> {
  const { space, person, role } = member;
  if (role === null) await client.spaces.dropRole(space, person);
  else await client.spaces.setRole(space, person, role);
  const words = `${person} is ${role === null ? 'no member any more' : role} in ${space}\n`;
  terminal.out(json ? jsonText(member) : words);
  return exitCodes.ok;
}

export function roleOf(given: string): Role | null {
  if (given === 'none') return null;
  const role = roles.find((one) => one === given);
  if (role !== undefined) return role;
  throw new UsageError(`${given} is no role: there are ${roles.join(', ')} and none`);
}

function changing(name: string, summary: string, wanted: PersonChange): Action {
  return {
    ...{ name, summary, usage: 'NAME', json: '`Person`', takes: { least: 1, most: 1 } },
    completes: ['person'],
    run: async (invocation) => {
      // Setting adds who is not there: a typing error must not.
      await invocation.client.people.show(invocation.arguments[0] ?? '');
      return change(invocation, wanted);
    },
  };
}

async function change(invocation: Invocation, wanted: PersonChange): Promise<ExitCode> {
  const [name = ''] = invocation.arguments;
  return tell(invocation, await invocation.client.people.set(name, wanted));
}

function tell({ terminal, json }: Invocation, person: PersonJson): ExitCode {
  terminal.out(json ? jsonText(person) : personText(terminal, person));
  return exitCodes.ok;
}

const rolesInWords = (person: PersonJson): string =>
  Object.entries(person.roles)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([space, role]) => `${role} in ${space}`)
    .join(', ') || 'none';

function personText(terminal: Terminal, person: PersonJson): string {
  const state = person.disabled
    ? tinted(terminal, 'bad', 'disabled')
    : tinted(terminal, 'good', person.operator ? 'operator' : 'enabled');
  return `${tinted(terminal, 'strong', person.name)}  ${state}\n\n${fields(terminal, [
    ['title', person.title === person.name ? null : person.title],
    ['roles', rolesInWords(person)],
    ['added', `${person.createdAt} by ${person.createdBy}`],
    ['last seen', person.lastSeenAt ?? 'never'],
  ])}`;
}

function personTable(terminal: Terminal, found: readonly PersonJson[]): string {
  return table(
    terminal,
    ['name', 'state', 'last seen', 'roles'],
    found.map((person) => [
      person.name,
      person.disabled
        ? { text: 'disabled', tone: 'bad' }
        : { text: person.operator ? 'operator' : 'enabled', tone: 'good' },
      person.lastSeenAt ?? 'never',
      rolesInWords(person),
    ]),
  );
}
