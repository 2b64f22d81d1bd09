import { parseArgs } from 'node:util';
import { version } from '../model/version.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import { helpText, verbHelp } from './help.ts';
import { failureText } from './failure-text.ts';
import { tinted, type Terminal } from './terminal.ts';
import type { Invocation, OptionHelp, Verb } from './verb.ts';
import { globalOptions } from './global-options.ts';
import { verbs } from './verbs.ts';

/** What the command line reaches out with; `main.ts` gives the real things. */
export interface Surroundings extends Pick<
  Invocation,
  'environment' | 'browse' | 'readSecret' | 'encryptionKey'
> {
  terminal: Terminal;
  /** A client of the server that was named, or of the one the settings know. */
  connect(server: string | null): Promise<Pick<Invocation, 'client' | 'server' | 'hurried'>>;
}

/** Runs one command line to its end. Never throws: what went wrong is told and is in the code. */
export async function runCommandLine(
  args: readonly string[],
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { terminal } = surroundings;
  const ours = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined);
  const json = ours.includes('--json');
  let verb: Verb | undefined;
  try {
    const { name, rest } = splitVerb(args);
    if (name === null || name === 'help') return showHelp(rest, terminal);
    verb = verbs.find((one) => one.name === name);
    if (verb === undefined) throw new UsageError(`there is no verb ${name}${suggestion(name)}`);
    return await runVerb(verb, rest, surroundings);
  } catch (error) {
    const mark = tinted(terminal, 'bad', 'labkeeper:');
    const { exitCode, text } = failureText(error, { json, mark });
    const hint = verb === undefined ? 'labkeeper --help' : `labkeeper ${verb.name} --help`;
    terminal.error(!json && exitCode === exitCodes.usage ? `${text}See ${hint}.\n` : text);
    return exitCode;
  }
}

async function runVerb(
  verb: Verb,
  args: readonly string[],
  { terminal, connect, ...abilities }: Surroundings,
): Promise<ExitCode> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: bare({ ...verb.options, ...globalOptions }),
    allowPositionals: true,
    strict: true,
  });
  const flag = (name: string) => values[name] === true;
  const text = (name: string) => {
    const value = values[name];
    return typeof value === 'string' ? value : null;
  };
  const texts = (name: string) =>
    [values[name] ?? []].flat().filter((value) => typeof value === 'string');
  if (flag('help')) {
    terminal.out(verbHelp(verb));
    return exitCodes.ok;
  }
  const { least, most } = verb.takes;
  if (positionals.length < least || positionals.length > most) {
    const wrong = positionals.length < least ? 'needs more' : 'takes fewer';
    throw new UsageError(`${verb.name} ${wrong} arguments: labkeeper ${verb.name} ${verb.usage}`);
  }
  return verb.run({
    arguments: positionals,
    flag,
    text,
    texts,
    json: flag('json'),
    terminal,
    ...(await connect(text('server'))),
    ...abilities,
  });
}

/** The verb is the first word that is neither an option nor the value of `--server`. */
function splitVerb(args: readonly string[]): { name: string | null; rest: string[] } {
  const at = args.findIndex((arg, index) => !arg.startsWith('-') && args[index - 1] !== '--server');
  if (at === -1) return { name: null, rest: [...args] };
  return { name: args[at] ?? null, rest: args.filter((_, index) => index !== at) };
}

function showHelp(rest: readonly string[], terminal: Terminal): ExitCode {
  if (rest.includes('--version')) {
    terminal.out(`${version}\n`);
    return exitCodes.ok;
  }
  const stray = rest.find(
    (arg) => arg.startsWith('-') && !['-h', '--help', '--json'].includes(arg),
  );
  if (stray !== undefined) throw new UsageError(`there is no option ${stray} without a verb`);
  const asked = verbs.find(({ name }) => rest.includes(name));
  terminal.out(asked === undefined ? helpText(verbs) : verbHelp(asked));
  return exitCodes.ok;
}

/** The verb that begins like it, or holds the same letters. */
function suggestion(typed: string): string {
  const near = verbs.find(
    ({ name }) =>
      name.startsWith(typed.slice(0, 3)) ||
      [...name].sort().join('') === [...typed].sort().join(''),
  );
  return near === undefined ? '' : `; did you mean ${near.name}?`;
}

function bare(options: Readonly<Record<string, OptionHelp>>) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short, multiple }]) => [
      name,
      {
        type,
        ...(short === undefined ? {} : { short }),
        ...(multiple === undefined ? {} : { multiple }),
      },
    ]),
  );
}
