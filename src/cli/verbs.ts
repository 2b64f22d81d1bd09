import { apply } from './apply.ts';
import { cancel } from './cancel.ts';
import { completion } from './completion.ts';
import { explain } from './explain.ts';
import { people } from './people.ts';
import { spaces } from './spaces.ts';
import { tokens } from './tokens.ts';
import { commands } from './commands.ts';
import { events } from './events.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { login, logout } from './login.ts';
import { logs } from './logs.ts';
import { open } from './open.ts';
import { secrets } from './secrets.ts';
import { show } from './show.ts';
import { share } from './share.ts';
import { submit } from './submit.ts';
import type { Verb } from './verb.ts';

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
  submit,
  cancel,
  ...commands,
  apply,
  login,
  logout,
  secrets,
  tokens,
  people,
  spaces,
  completion(() => verbs),
];
