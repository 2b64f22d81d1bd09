import { ProblemError, type LabkeeperClient, type StreamMessage } from '../client/index.ts';
import type { TimelineEventJson } from '../model/api.ts';
import { findJob, timelineName } from './entity-argument.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { jsonText, plain, tinted, type Terminal } from './terminal.ts';
import type { Verb } from './verb.ts';
import { wholeNumber } from './whole-number.ts';

export const events: Verb = {
  name: 'events',
  usage: '[NAME] [-f] [--limit N]',
  summary: 'Print the timeline of an app, a job or a volume, or of everything',
  help: 'Oldest first. -f goes on with what happens, and misses nothing when the connection is lost. What was removed keeps its timeline. Of a volume there is what happened until now.',
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on with what happens' },
    limit: { type: 'string', value: 'N', help: 'so many of the newest (default 30, at most 500)' },
  },
  json: '`Event[]`, oldest first; with -f a line an `Event`',
  completes: ['app, job or volume'],
  takes: { least: 0, most: 1 },
  async run({ arguments: [argument], client, terminal, json, flag, text }) {
    const of = argument === undefined ? null : timelineName(argument);
    if (of?.kind === 'volume' && flag('follow')) {
      throw new UsageError(
        '-f is for apps, jobs and everything: a volume has no stream of its own',
      );
    }
    const page = { limit: 30, ...wholeNumber('limit', text('limit'), 1) };
    const { items } = await (of === null ? client.events.list(page) : timelineOf(client, of, page));
    const oldestFirst = items.toReversed();
    if (json && !flag('follow')) {
      terminal.out(jsonText(oldestFirst));
      return exitCodes.ok;
    }
    const print = (event: TimelineEventJson) =>
      terminal.out(json ? `${JSON.stringify(event)}\n` : line(terminal, event));
    oldestFirst.forEach(print);
    if (!flag('follow')) return exitCodes.ok;
    const after = oldestFirst.at(-1)?.id ?? '0';
    const news: AsyncGenerator<StreamMessage> =
      of === null ? client.events.follow({ after }) : newsOf(client, of, after);
    for await (const message of news) {
      if (message.type === 'event') print(message.event);
    }
    return exitCodes.ok;
  },
};

async function* newsOf(
  client: LabkeeperClient,
  { kind, name }: ReturnType<typeof timelineName>,
  after: string,
): AsyncGenerator<StreamMessage> {
  if (kind === 'app') return yield* client.apps.follow(name, { after });
  const job = await client.jobs.find(name);
  const id = job === null ? (await findJob(client, `job/${name}`)).id : name;
  for await (const message of client.jobs.follow(id, { after })) {
    yield message;
    if (message.type === 'job-removed') return;
  }
}

/** An id of a job may be the beginning of one, and the job may be gone. */
async function timelineOf(
  client: LabkeeperClient,
  { kind, name }: ReturnType<typeof timelineName>,
  page: { limit: number },
) {
  if (kind === 'app') return client.apps.events(name, page);
  if (kind === 'volume') return client.volumes.events(name, page);
  return client.jobs.events(name, page).catch(async (error: unknown) => {
    if (!(error instanceof ProblemError) || error.type !== 'not_found') throw error;
    return client.jobs.events((await findJob(client, `job/${name}`)).id, page);
  });
}

function line(terminal: Terminal, event: TimelineEventJson): string {
  const at = event.at.replace(/T(.*?)(?:\.\d+)?Z$/, ' $1');
  const cause = event.why === '' ? event.actor : `${event.actor}: ${event.why}`;
  return `${tinted(terminal, 'soft', at)}  ${plain(event.entity)}  ${tinted(terminal, 'strong', plain(event.what))}  ${plain(cause)}\n`;
}
