import type { AppJson, HostJson } from '../model/api.ts';
import { bytesInWords, durationInWords } from '../model/in-words.ts';
import type { VolumeJson } from '../model/volume-api.ts';
import { collect } from './collect.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { table } from './table.ts';
import { jsonText, statusTone, volumeTone, type Terminal } from './terminal.ts';
import type { Verb } from './verb.ts';

export const list: Verb = {
  name: 'list',
  usage: '[apps|hosts|volumes]',
  summary: 'List apps, hosts or volumes',
  help: 'Apps by name with their state, the computers that run them, or the volumes they keep things in.',
  options: {},
  json: '`App[]`, `Host[]` or `Volume[]`',
  completes: [{ words: ['apps', 'hosts', 'volumes'] }],
  takes: { least: 0, most: 1 },
  async run({ arguments: [kind = 'apps'], client, terminal, json }) {
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
      throw new UsageError(`cannot list ${kind}: there are apps, hosts and volumes`);
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
