import type { TokenJson } from '../model/people-api.ts';
import { durationMs } from './duration.ts';
import { exitCodes } from './exit-codes.ts';
import { noun } from './noun.ts';
import { table } from './table.ts';
import { jsonText, type Terminal } from './terminal.ts';

const person = {
  person: { type: 'string', value: 'NAME', help: 'whose (default: yours; others: operators)' },
} as const;

export const tokens = noun({
  name: 'tokens',
  summary: 'Make and revoke tokens for programs',
  help: 'A token lets a program do what its person may, in every space where they have a role: for a pipeline that is to do less, add a person with one role and make the token theirs. Programs set LABKEEPER_TOKEN, or send it as a bearer token.',
  actions: [
    {
      name: 'list',
      usage: '[--person NAME]',
      summary: 'List tokens, newest first, without their secrets',
      json: '`Token[]`',
      options: person,
      takes: { least: 0, most: 0 },
      async run({ client, terminal, json, text }) {
        const of = text('person');
        const found = await client.tokens.list(of === null ? {} : { person: of });
        if (json) terminal.out(jsonText(found));
        else if (found.length > 0) terminal.out(tokenTable(terminal, found));
        else terminal.error('There are no tokens. Make one with: labkeeper tokens create LABEL\n');
        return exitCodes.ok;
      },
    },
    {
      name: 'create',
      usage: 'LABEL [--for 90d] [--person NAME]',
      summary: 'Make a token, and show it this once',
      json: '`NewToken`',
      options: {
        ...person,
        for: { type: 'string', value: 'TIME', help: 'until it ends: 12h, 30d (default: 90d)' },
      },
      takes: { least: 1, most: 1 },
      async run({ arguments: [label = ''], client, terminal, json, text }) {
        const of = text('person');
        const made = await client.tokens.create({
          label,
          expiresInMs: durationMs(text('for') ?? '90d'),
          ...(of === null ? {} : { person: of }),
        });
        if (json) terminal.out(jsonText(made));
        else {
          terminal.out(`${made.token}\n`);
          terminal.error(
            `Token ${made.id} of ${made.person}, until ${made.expiresAt}. It is shown this once.\n`,
          );
        }
        return exitCodes.ok;
      },
    },
    {
      name: 'revoke',
      usage: 'ID',
      summary: 'End a token, from the next request on',
      json: '`Token`',
      takes: { least: 1, most: 1 },
      completes: ['token'],
      async run({ arguments: [id = ''], client, terminal, json }) {
        const revoked = await client.tokens.revoke(id);
        terminal.out(json ? jsonText(revoked) : `token ${id} of ${revoked.person} is revoked\n`);
        return exitCodes.ok;
      },
    },
  ],
});

function tokenTable(terminal: Terminal, found: readonly TokenJson[]): string {
  return table(
    terminal,
    ['id', 'state', 'until', 'last used', 'of', 'label'],
    found.map(({ id, state, expiresAt, lastUsedAt, person: of, label }) => [
      id,
      { text: state, tone: state === 'active' ? 'good' : 'soft' },
      ...[expiresAt, lastUsedAt ?? 'never', of, label],
    ]),
  );
}
