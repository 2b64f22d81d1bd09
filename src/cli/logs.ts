import { findApp, findJob, saysJob } from './entity-argument.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import { jsonText, withoutSteering } from './terminal.ts';
import type { Invocation, Verb } from './verb.ts';
import { wholeNumber } from './whole-number.ts';

export const logs: Verb = {
  name: 'logs',
  usage: 'NAME [-f] [--generation N] [--attempt N] [--bytes N]',
  summary: 'Print the output of an app or a job',
  help: 'The end of its output, of the running or the last instance. -f goes on with what comes, through restarts; of a job it prints all of its output from the beginning on, and ends with it.',
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on with what comes' },
    generation: { type: 'string', value: 'N', help: 'of that instance' },
    attempt: { type: 'string', value: 'N', help: 'of a job: of that attempt' },
    bytes: { type: 'string', value: 'N', help: 'so much of its end (default 65536)' },
  },
  json: '`{ name, generation, fromByte, nextByte, complete, text }`; of a job `attempt` instead of `generation`; with -f a line `{ name, text }` a piece',
  completes: ['app or job'],
  takes: { least: 1, most: 1 },
  async run(invocation) {
    const {
      arguments: [argument = ''],
      client,
      terminal,
      json,
      flag,
      text,
    } = invocation;
    if (saysJob(argument)) return jobLogs(invocation, argument);
    if (text('attempt') !== null) throw new UsageError('--attempt is for jobs');
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

async function jobLogs(
  { client, terminal, json, flag, text }: Invocation,
  argument: string,
): Promise<ExitCode> {
  if (text('generation') !== null) throw new UsageError('--generation is for apps: say --attempt');
  const attempt = wholeNumber('attempt', text('attempt'), 1);
  const { id } = await findJob(client, argument);
  const shown = (words: string) => (terminal.colors ? withoutSteering(words) : words);
  if (!flag('follow')) {
    const { generation: _, ...log } = await client.jobs.log(id, {
      ...attempt,
      ...wholeNumber('tailBytes', text('bytes'), 0),
    });
    terminal.out(json ? jsonText({ name: id, ...log }) : shown(log.text));
    return exitCodes.ok;
  }
  if (text('bytes') !== null) throw new UsageError('--bytes does not go with -f for jobs');
  for await (const piece of client.jobs.followLog(id, attempt)) {
    terminal.out(json ? `${JSON.stringify({ name: id, text: piece })}\n` : shown(piece));
  }
  return exitCodes.ok;
}
