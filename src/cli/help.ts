import type { OptionHelp, Verb } from './verb.ts';
import { globalOptions } from './global-options.ts';

/** Verbs of the machine itself, which need no server: name and summary. */
export const machineVerbs = [
  ['up', 'Run labkeeper on this machine'],
  ['doctor', 'Check every part of this machine, and say the remedy'],
  ['backup', 'Write the whole state into one archive, while everything runs'],
  ['restore', 'Restore a backup into an empty data folder'],
  ['login-link', 'On this machine: make a link that logs a person in, once'],
] as const;

/** What `labkeeper --help` prints. */
export function helpText(verbs: readonly Verb[]): string {
  const rows = [...machineVerbs, ...verbs.map(({ name, summary }) => [name, summary])] as [
    string,
    string,
  ][];
  return `labkeeper keeps a lab's apps working for people.

Usage: labkeeper VERB [ARGUMENTS] [--json] [--server URL]

${columns(rows)}
NAME is app/board, host/local, volume/data or job/ID, of which the first letters are enough; board alone means
the app or host that is called so.
labkeeper VERB --help says more.

Exit codes: 0 done, 1 failed, 2 the command line or file has mistakes, 3 not found, 4 no server,
5 apply --diff found a difference. Where a job was waited for: the code that it ended with, 6 it was canceled,
7 it expired, 124 it ran too long, 128 + N it was ended by signal N.
`;
}

/** What `labkeeper VERB --help` prints. */
export function verbHelp(verb: Verb): string {
  return `Usage: labkeeper ${verb.name} ${verb.usage}

${wrapped(verb.help)}

${actionsHelp(verb)}${columns(Object.entries({ ...verb.options, ...globalOptions }).map(optionRow))}`;
}

function actionsHelp({ actions = [] }: Verb): string {
  if (actions.length === 0) return '';
  const rows = actions.map(({ name, usage, summary }): [string, string] => [
    `${name} ${usage}`.trimEnd(),
    summary,
  ]);
  return `${columns(rows)}\n`;
}

function optionRow([name, option]: [string, OptionHelp]): [string, string] {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  const value = option.value === undefined ? '' : ` ${option.value}`;
  return [`${short}--${name}${value}`, option.help];
}

function columns(rows: readonly [string, string][]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, words]) => `  ${name.padEnd(width)}  ${words}\n`).join('');
}

function wrapped(text: string): string {
  return text.replace(/(.{1,88})(?:\s+|$)/g, '$1\n').trimEnd();
}
