import { apply } from './apply.ts';
import { commands } from './commands.ts';
import { events } from './events.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { login, logout } from './login.ts';
import { logs } from './logs.ts';
import { open } from './open.ts';
import { secrets } from './secrets.ts';
import { explain, show } from './show.ts';
import { share } from './share.ts';
import type { OptionHelp, Verb } from './verb.ts';

/** Every verb that talks to a running labkeeper, in the order of the help. */
export const verbs: readonly Verb[] = [
  list,
  show,
  explain,
  logs,
  events,
  open,
  share,
  get,
  ...commands,
  apply,
  login,
  logout,
  secrets,
];

/** Options that every verb has. */
export const globalOptions: Readonly<Record<string, OptionHelp>> = {
  json: { type: 'boolean', help: 'answer in JSON' },
  server: {
    type: 'string',
    value: 'URL',
    help: 'address of labkeeper (default: from the settings, http://localhost:8080)',
  },
  help: { type: 'boolean', short: 'h', help: 'say all this' },
};
