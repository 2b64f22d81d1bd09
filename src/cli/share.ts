import type { AppLinkJson } from '../model/people-api.ts';
import { durationMs } from './duration.ts';
import { findApp } from './entity-argument.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { table } from './table.ts';
import { jsonText, type Terminal } from './terminal.ts';
import type { Verb } from './verb.ts';

export const share: Verb = {
  name: 'share',
  usage: 'NAME [--for 7d] [--label TEXT] | NAME --list | NAME --revoke ID',
  summary: 'Make a link that opens an app without a login',
  help: 'Prints the link, this once. Whoever has it opens this one app until the link ends or is revoked; who came in with a revoked one is out at once.',
  options: {
    for: { type: 'string', value: 'TIME', help: 'until it ends: 90min, 12h, 7d (default: 7d)' },
    label: { type: 'string', value: 'TEXT', help: 'what it is for (default: shared)' },
    list: { type: 'boolean', help: 'list the links there are' },
    revoke: { type: 'string', value: 'ID', help: 'end a link' },
  },
  json: '`NewAppLink`; with --list `AppLink[]`, with --revoke `AppLink`',
  completes: ['app'],
  takes: { least: 1, most: 1 },
  async run({ arguments: [argument = ''], client, terminal, json, flag, text }) {
    const revoke = text('revoke');
    const asked = [flag('list'), revoke !== null, (text('for') ?? text('label')) !== null];
    if (asked.filter(Boolean).length > 1) {
      throw new UsageError('make a link, list links or revoke one: not several at once');
    }
    const lasts = durationMs(text('for') ?? '7d');
    const { name } = await findApp(client, argument);
    if (flag('list')) {
      const links = await client.apps.links(name);
      if (json) terminal.out(jsonText(links));
      else if (links.length > 0) terminal.out(linkTable(terminal, links));
      else terminal.error(`There are no links to app/${name}.\n`);
      return exitCodes.ok;
    }
    if (revoke !== null) {
      const link = await client.apps.revokeLink(name, revoke);
      terminal.out(json ? jsonText(link) : `link ${link.id} to app/${name} is revoked\n`);
      return exitCodes.ok;
    }
    const label = text('label') ?? 'shared';
    const made = await client.apps.share(name, { label, expiresInMs: lasts });
    if (json) terminal.out(jsonText(made));
    else {
      terminal.out(`${made.url}\n`);
      terminal.error(`Opens app/${name} until ${made.expiresAt}; link ${made.id}.\n`);
    }
    return exitCodes.ok;
  },
};

function linkTable(terminal: Terminal, links: readonly AppLinkJson[]): string {
  return table(
    terminal,
    ['id', 'state', 'until', 'by', 'label'],
    links.map(({ id, state, expiresAt, createdBy, label }) => [
      id,
      { text: state, tone: state === 'active' ? 'good' : 'soft' },
      ...[expiresAt, createdBy, label],
    ]),
  );
}
