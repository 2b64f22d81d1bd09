import type { AppJson, AppUsageJson, HostJson } from '../model/api.ts';
import { describeExit } from '../model/app-state.ts';
import { bytesInWords, durationInWords } from '../model/in-words.ts';
import type { VolumeJson } from '../model/volume-api.ts';
import { findEntity } from './entity-argument.ts';
import { jobText } from './job-text.ts';
import { exitCodes } from './exit-codes.ts';
import { fields } from './table.ts';
import { jsonText, plain, statusTone, tinted, volumeTone, type Terminal } from './terminal.ts';
import type { Verb } from './verb.ts';

export const show: Verb = {
  name: 'show',
  usage: 'NAME',
  summary: 'Show an app, a host, a job or a volume',
  help: 'What it is, what it does, since when and why. With --json the whole resource.',
  options: {},
  json: '`App`, `Host`, `Job` or `Volume`',
  completes: ['entity'],
  takes: { least: 1, most: 1 },
  async run({ arguments: [name = ''], client, terminal, json }) {
    const found = await findEntity(client, name);
    if (found.kind === 'host') {
      terminal.out(json ? jsonText(found.host) : hostText(terminal, found.host));
      return exitCodes.ok;
    }
    if (found.kind === 'volume') {
      terminal.out(json ? jsonText(found.volume) : volumeText(terminal, found.volume));
      return exitCodes.ok;
    }
    if (found.kind === 'job') {
      terminal.out(json ? jsonText(found.job) : jobText(terminal, found.job));
      return exitCodes.ok;
    }
    const { app } = found;
    const usage = await client.apps.usage(app.name).catch(() => null);
    terminal.out(json ? jsonText(app) : appText(terminal, app, usage));
    return exitCodes.ok;
  },
};

function appText(terminal: Terminal, app: AppJson, usage: AppUsageJson | null): string {
  const { condition, spec } = app;
  const now = usage?.usage ?? null;
  const heading = tinted(terminal, 'strong', `app/${app.name}`);
  const state = tinted(terminal, statusTone(app.status), app.status);
  const pairs = fields(terminal, [
    ['title', app.title === app.name ? null : app.title],
    ['address', app.url],
    ['runs', spec.image ?? spec.command?.join(' ') ?? null],
    ['host', condition.host],
    ['generation', condition.generation === 0 ? null : String(condition.generation)],
    ['since', `${condition.since} (${durationInWords(Date.now() - Date.parse(condition.since))})`],
    ['caused by', `${condition.actor}: ${condition.why}`],
    ['sleeps at', condition.sleepsAt],
    ['starts at', condition.restartAt],
    ['last exit', condition.exit === null ? null : describeExit(condition.exit)],
    [
      'uses',
      now === null
        ? null
        : `${bytesInWords(now.memoryBytes)} of ${bytesInWords(now.memoryLimitBytes)}, ${now.cpus.toFixed(2)} cores, ${now.pids} ${now.pids === 1 ? 'process' : 'processes'}`,
    ],
    ['registered', `${app.createdAt} by ${app.owner}, definition ${app.specRevision}`],
    ['workflow', app.links.workflow],
  ]);
  return `${heading}  ${state}\n${plain(app.explanation)}\n\n${pairs}`;
}

function volumeText(terminal: Terminal, volume: VolumeJson): string {
  const { measured, status } = volume;
  const heading = tinted(terminal, 'strong', `volume/${volume.name}`);
  const pairs = fields(terminal, [
    ['title', volume.title === volume.name ? null : volume.title],
    ['space', volume.space],
    ['host', volume.host],
    [
      'holds',
      measured === null
        ? null
        : `${measured.whole ? '' : 'at least '}${bytesInWords(measured.sizeBytes)} in ${measured.fileCount} files, measured ${measured.at}`,
    ],
    ['limit', bytesInWords(volume.maxBytes)],
    ['apps', volume.apps.length === 0 ? 'none' : volume.apps.join(', ')],
    ['hindrance', volume.hindrance],
    ['made', `${volume.createdAt} by ${volume.owner}`],
  ]);
  const state = tinted(terminal, volumeTone(status), status);
  return `${heading}  ${state}\n${plain(volume.explanation)}\n\n${pairs}\n${plain(volume.limitMeaning)}\n`;
}

function hostText(terminal: Terminal, host: HostJson): string {
  const { storage } = host;
  const state = host.online
    ? tinted(terminal, 'good', 'online')
    : tinted(terminal, 'bad', 'silent');
  return `${tinted(terminal, 'strong', `host/${host.name}`)}  ${state}\n\n${fields(terminal, [
    ['heard of', `${durationInWords(host.seenAgoMs)} ago`],
    ...host.runtimes.map(
      ({ kind, ready, reason }) =>
        [kind, ready ? 'ready' : `not ready: ${reason ?? 'no reason given'}`] as const,
    ),
    [
      'disk',
      `${bytesInWords(storage.freeBytes)} of ${bytesInWords(storage.totalBytes)} free (${storage.state})`,
    ],
    ['cores', String(host.cpus)],
    ['memory', bytesInWords(host.memoryBytes)],
  ])}`;
}
