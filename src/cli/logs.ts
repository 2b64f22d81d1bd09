import { findApp } from './entity-argument.ts';
import { exitCodes } from './exit-codes.ts';
import { jsonText, withoutSteering } from './terminal.ts';
import type { Verb } from './verb.ts';
import { wholeNumber } from './whole-number.ts';

export const logs: Verb = {
  name: 'logs',
  usage: 'NAME [-f] [--generation N] [--bytes N]',
  summary: 'Print the output of an app',
  help: 'The end of its output, of the running or the last instance. -f goes on with what comes, through restarts.',
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on with what comes' },
    generation: { type: 'string', value: 'N', help: 'of that instance' },
    bytes: { type: 'string', value: 'N', help: 'so much of its end (default 65536)' },
  },
  json: '`{ name, generation, fromByte, nextByte, complete, text }`; with -f a line `{ name, text }` a piece',
  completes: ['app'],
  takes: { least: 1, most: 1 },
  async run({ arguments: [argument = ''], client, terminal, json, flag, text }) {
    const range = {
      ...wholeNumber('generation', text('generation'), 1),
      ...wholeNumber('tailBytes', text('bytes'), 0),
    };
    const { name } = await findApp(client, argument);
    // A file or a pipe gets the bytes as they are, a person's terminal nothing that steers it.
    const shown = (words: string) => (terminal.colors ? withoutSteering(words) : words);
    if (!flag('follow')) {
      const log = await client.apps.log(name, range);
      terminal.out(json ? jsonText({ name, ...log }) : shown(log.text));
      return exitCodes.ok;
    }
    for await (const piece of client.apps.followLog(name, range)) {
      terminal.out(json ? `${JSON.stringify({ name, text: piece })}\n` : shown(piece));
    }
    return exitCodes.ok;
  },
};
