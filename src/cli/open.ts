import { findApp, findJob, saysJob } from './entity-argument.ts';
import { exitCodes } from './exit-codes.ts';
import { jsonText } from './terminal.ts';
import type { LabkeeperClient } from '../client/index.ts';
import type { Verb } from './verb.ts';

export const open: Verb = {
  name: 'open',
  usage: 'NAME [--print]',
  summary: 'Open an app, or the page of a job, in the browser',
  help: 'Prints its address, and opens it where there is a browser. Opening an app wakes it.',
  options: { print: { type: 'boolean', help: 'only print the address' } },
  json: '`{ name, url }`',
  completes: ['app or job'],
  takes: { least: 1, most: 1 },
  async run({ arguments: [argument = ''], client, server, terminal, json, flag, browse }) {
    const { name, url } = saysJob(argument)
      ? await jobPage(client, server, argument)
      : await findApp(client, argument);
    terminal.out(json ? jsonText({ name, url }) : `${url}\n`);
    const opens = !flag('print') && !json && terminal.isInteractive;
    if (opens && !(await browse(url))) {
      terminal.error('No browser was found here: open the address yourself.\n');
    }
    return exitCodes.ok;
  },
};

async function jobPage(client: LabkeeperClient, server: string, argument: string) {
  const { id, links } = await findJob(client, argument);
  return { name: id, url: new URL(links.page, server).href };
}
