import type { AppJson, HostJson } from '../model/api.ts';
import { bytesInWords, durationInWords } from '../model/in-words.ts';
import type { VolumeJson } from '../model/volume-api.ts';
import { jobStates, type JobState } from '../model/job-state.ts';
import { collect } from './collect.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import { jobTable } from './job-text.ts';
import { table } from './table.ts';
import { jsonText, statusTone, volumeTone, type Terminal } from './terminal.ts';
import type { Invocation, OptionHelp, Verb } from './verb.ts';
import { wholeNumber } from './whole-number.ts';

/** What jobs are chosen by; the others are few. */
const jobOptions: Readonly<Record<string, OptionHelp>> = {
  state: {
    type: 'string',
    value: 'STATE',
    multiple: true,
    help: 'jobs: only in this state; may be given several times',
  },
  mine: { type: 'boolean', help: 'jobs: only your own' },
  space: { type: 'string', value: 'SPACE', help: 'jobs: only of this space' },
  limit: {
    type: 'string',
    value: 'N',
    help: 'jobs: so many of the newest (default 50, at most 500)',
  },
};

export const list: Verb = {
  name: 'list',
  usage: '[apps|hosts|jobs|volumes]',
  summary: 'List apps, hosts, jobs or volumes',
  help: 'Apps by name with their state, the computers that run them, jobs from the newest on, or the volumes that apps keep things in.',
  options: jobOptions,
  json: '`App[]`, `Host[]`, `Job[]` or `Volume[]`',
  completes: [{ words: ['apps', 'hosts', 'jobs', 'volumes'] }],
  takes: { least: 0, most: 1 },
  async run(invocation) {
    const { arguments: args, client, terminal, json, flag, texts } = invocation;
    const [kind = 'apps'] = args;
    if (kind === 'jobs' || kind === 'job') return listJobs(invocation);
    const stray = Object.keys(jobOptions).find((name) => flag(name) || texts(name).length > 0);
    if (stray !== undefined) throw new UsageError(`--${stray} is for list jobs`);
    if (kind === 'hosts' || kind === 'host') {
      const hosts = await client.hosts.list();
      terminal.out(json ? jsonText(hosts) : hostTable(terminal, hosts));
      return exitCodes.ok;
    }
    if (kind === 'volumes' || kind === 'volume') {
      const volumes = await collect(client.volumes.all());
      if (json) terminal.out(jsonText(volumes));
      else if (volumes.length > 0) terminal.out(volumeTable(terminal, volumes));
      else terminal.error('There are no volumes yet: an app makes those that it names.\n');
      return exitCodes.ok;
    }
    if (kind !== 'apps' && kind !== 'app') {
      throw new UsageError(`cannot list ${kind}: there are apps, hosts, jobs and volumes`);
    }
    const apps = await collect(client.apps.all());
    if (json) terminal.out(jsonText(apps));
    else if (apps.length > 0) terminal.out(appTable(terminal, apps));
    else {
      terminal.error('No apps are registered yet. Register some with: labkeeper apply FILE\n');
    }
    return exitCodes.ok;
  },
};

async function listJobs({
  client,
  terminal,
  json,
  flag,
  text,
  texts,
}: Invocation): Promise<ExitCode> {
  const space = text('space');
  const { items } = await client.jobs.list({
    limit: 50,
    ...wholeNumber('limit', text('limit'), 1),
    ...(space === null ? {} : { space }),
    ...(flag('mine') ? { owner: (await client.me()).person } : {}),
    state: texts('state').map(jobState),
  });
  if (json) terminal.out(jsonText(items));
  else if (items.length > 0) terminal.out(jobTable(terminal, items));
  else terminal.error('There are no such jobs. Submit one with: labkeeper submit -- COMMAND\n');
  return exitCodes.ok;
}

function jobState(given: string): JobState {
  const state = jobStates.find((one) => one === given);
  if (state !== undefined) return state;
  throw new UsageError(`--state ${given}: states are ${jobStates.join(', ')}`);
}

function appTable(terminal: Terminal, apps: readonly AppJson[]): string {
  return table(
    terminal,
    ['name', 'state', 'for', 'host', 'title'],
    apps.map(({ name, status, condition, title }) => [
      `app/${name}`,
      { text: status, tone: statusTone(status) },
      durationInWords(Date.now() - Date.parse(condition.since)),
      condition.host ?? '-',
      title,
    ]),
  );
}

function volumeTable(terminal: Terminal, volumes: readonly VolumeJson[]): string {
  return table(
    terminal,
    ['name', 'state', 'holds', 'of', 'files', 'host', 'apps'],
    volumes.map(({ name, status, measured, maxBytes, host, apps }) => [
      `volume/${name}`,
      { text: status, tone: volumeTone(status) },
      measured === null ? '-' : `${measured.whole ? '' : '> '}${bytesInWords(measured.sizeBytes)}`,
      bytesInWords(maxBytes),
      measured === null ? '-' : String(measured.fileCount),
      host ?? '-',
      apps.join(', '),
    ]),
  );
}

function hostTable(terminal: Terminal, hosts: readonly HostJson[]): string {
  return table(
    terminal,
    ['name', 'state', 'heard of', 'runs', 'free disk', 'cores', 'memory'],
    hosts.map((host) => [
      `host/${host.name}`,
      host.online ? { text: 'online', tone: 'good' } : { text: 'silent', tone: 'bad' },
      `${durationInWords(host.seenAgoMs)} ago`,
      host.runtimes.map(({ kind, ready }) => (ready ? kind : `${kind} (no)`)).join(', '),
      bytesInWords(host.storage.freeBytes),
      String(host.cpus),
      bytesInWords(host.memoryBytes),
    ]),
  );
}
