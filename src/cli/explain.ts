import type { AppJson } from '../model/api.ts';
import { describeExit } from '../model/app-state.ts';
import { fieldHelp, inUnits, resourceNames, type FieldHelp } from '../model/field-help.ts';
import { findApp, findJob, findVolume, saysJob, saysVolume } from './entity-argument.ts';
import { exitCodes, NotFoundError, type ExitCode } from './exit-codes.ts';
import { fields, table } from './table.ts';
import { jsonText, plain, tinted, type Terminal } from './terminal.ts';
import type { Invocation, Verb } from './verb.ts';

export const explain: Verb = {
  name: 'explain',
  usage: 'NAME | FIELD',
  summary: 'Say why an app, a job or a volume is as it is, or what a field means',
  help: 'Of an app, a job or a volume the sentence that its page shows: what it does, since when, who caused that, what comes next; for an app or a job that failed also how it ended and its last log lines. Of a field of a definition, such as app.idle.idleAfterMs, its meaning, type, default, limits and an example; `app` alone lists its fields. An app of that name is app/app.',
  options: {},
  json: 'of an app `{ name, status, explanation, exit, lastLogLines }`, of a volume `{ name, status, explanation }`, of a job `{ id, state, cause, explanation, exit, lastLogLines }`, of a field `{ field, type, description, required, default, limits, values, example, fields }`',
  completes: ['entity or field'],
  takes: { least: 1, most: 1 },
  run(invocation) {
    const [name = ''] = invocation.arguments;
    if (namesField(name)) return Promise.resolve(explainField(invocation, name));
    if (saysJob(name)) return explainJob(invocation, name);
    return saysVolume(name) ? explainVolume(invocation, name) : explainApp(invocation, name);
  },
};

/** No name has a dot in it. */
const namesField = (name: string): boolean =>
  name.includes('.') || resourceNames.some((one) => one === name);

function explainField({ terminal, json }: Invocation, path: string): ExitCode {
  const help = fieldHelp(path);
  if (help === null) {
    const [resource = ''] = path.split('.');
    const known = resourceNames.some((one) => one === resource)
      ? `labkeeper explain ${resource} lists its fields`
      : `fields begin with ${resourceNames.join(', ')}`;
    throw new NotFoundError(`there is no field ${path}; ${known}`);
  }
  terminal.out(json ? jsonText(help) : fieldText(terminal, help));
  return exitCodes.ok;
}

function fieldText(terminal: Terminal, help: FieldHelp): string {
  const { field, type, description, limits, values, required, example } = help;
  const facts: [string, string | null][] = [
    [
      'default',
      'default' in help ? value(field, help.default) : required ? 'none: it must be set' : null,
    ],
    ['limits', limits.length === 0 ? null : limits.join(', ')],
    ['values', values.length === 0 ? null : values.join(', ')],
    [
      'example',
      example === undefined ? null : `${field.split('.').at(-1)}: ${value(field, example)}`,
    ],
  ];
  const shown = facts.filter(([, words]) => words !== null);
  const head = `${tinted(terminal, 'strong', field)}  ${type}\n${plain(description)}\n`;
  const list =
    help.fields.length === 0
      ? ''
      : `\n${table(
          terminal,
          ['field', 'type', 'meaning'],
          help.fields.map((one) => [one.field, one.type, one.description]),
        )}`;
  return `${head}${shown.length === 0 ? '' : `\n${fields(terminal, shown)}`}${list}`;
}

const value = (field: string, given: unknown): string =>
  `${JSON.stringify(given)}${inUnits(field, given)}`;

async function explainVolume(
  { client, terminal, json }: Invocation,
  argument: string,
): Promise<ExitCode> {
  const { name, status, explanation } = await findVolume(client, argument);
  terminal.out(json ? jsonText({ name, status, explanation }) : `${plain(explanation)}\n`);
  return exitCodes.ok;
}

async function explainJob(
  { client, terminal, json }: Invocation,
  argument: string,
): Promise<ExitCode> {
  const job = await findJob(client, argument);
  const { id, state, cause, explanation, exit, lastLogLines } = job;
  if (json) {
    terminal.out(jsonText({ id, state, cause, explanation, exit, lastLogLines }));
    return exitCodes.ok;
  }
  terminal.out(`${plain(explanation)}\n`);
  if (state === 'failed') tellLastLines(terminal, lastLogLines);
  return exitCodes.ok;
}

async function explainApp(
  { client, terminal, json }: Invocation,
  argument: string,
): Promise<ExitCode> {
  const { name, status, explanation, condition }: AppJson = await findApp(client, argument);
  const { exit, lastLogLines } = condition;
  if (json) {
    terminal.out(jsonText({ name, status, explanation, exit, lastLogLines }));
    return exitCodes.ok;
  }
  terminal.out(`${plain(explanation)}\n`);
  const isBroken = status === 'failed' || status === 'restarting';
  if (isBroken && exit !== null) terminal.out(`It ${describeExit(exit)}.\n`);
  if (isBroken) tellLastLines(terminal, lastLogLines);
  return exitCodes.ok;
}

function tellLastLines(terminal: Terminal, lastLogLines: readonly string[]): void {
  if (lastLogLines.length === 0) return;
  const lines = lastLogLines.map((line) => `  ${plain(line)}\n`).join('');
  terminal.out(`Its last lines:\n${lines}`);
}
