import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

const MiB = 1024 * 1024;

describe.runIf(requirePart('postgres'))('volumes on the command line', () => {
  let bed: CommandLineBed;
  let folder: string;
  let spoilt = false;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-cli-volumes-'));
    bed = await openCommandLine({
      volumeReader: {
        archive: async (host, volume, format) =>
          new ReadableStream<Uint8Array>({
            start(controller) {
              controller.enqueue(
                new TextEncoder().encode(`${format} of ${volume} on ${host.name}`),
              );
              if (spoilt) controller.error(new Error('a file could not be read'));
              else controller.close();
            },
          }),
      },
    });
    const { store } = bed.api;
    await store.hosts.heartbeat({
      ...{ name: 'lab-1', agentUrl: 'http://127.0.0.1:1', runtimes: [], cpus: 1, memoryBytes: 1 },
      storage: { state: 'ok', freeBytes: 1, totalBytes: 1 },
    });
    await bed.api.register('notes', { volumes: [{ volume: 'notes-data' }] });
    await store.volumes.settle(['notes-data'], 'lab-1', 'notes');
    await store.volumes.measured('notes-data', 'lab-1', {
      measure: { sizeBytes: 3 * MiB, fileCount: 12, whole: true },
      ...{ hindrance: null, nextInMs: 60_000 },
    });
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('are listed, shown and explained', async () => {
    const list = await bed.run('list', 'volumes');
    expect(list.out).toMatch(/volume\/notes-data\s+ok\s+3\.0 MiB\s+10 GiB\s+12\s+lab-1\s+notes/);
    const shown = await bed.run('show', 'volume/notes-data');
    expect(shown.out).toContain('3.0 MiB in 12 files');
    expect(shown.out).toContain('nothing stops from growing');
    const explained = await bed.run('explain', 'volume/notes-data');
    expect(explained.out).toBe(
      'notes-data lives on lab-1 and holds 3.0 MiB of 10 GiB in 12 files.\n',
    );
    const json = await bed.run('show', 'volume/notes-data', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ name: 'notes-data', apps: ['notes'] });
    const events = await bed.run('events', 'volume/notes-data');
    expect(events.out).toMatch(/created[^]*placed/);
  });

  it('are downloaded to standard output, or into a file that is whole or not there', async () => {
    const piped = await bed.run('get', 'volume/notes-data');
    expect(piped).toMatchObject({ code: 0, out: '', error: '' });
    expect(piped.bytes.toString()).toBe('tar of notes-data on lab-1');
    const file = join(folder, 'notes.tar.gz');
    expect((await bed.run('get', 'volume/notes-data', '-z', '-o', file)).code).toBe(0);
    expect(await readFile(file, 'utf8')).toBe('tar.gz of notes-data on lab-1');
    spoilt = true;
    const cut = await bed.run('get', 'volume/notes-data', '-o', join(folder, 'cut.tar'));
    spoilt = false;
    expect(cut.code).not.toBe(0);
    expect(await readdir(folder)).toEqual(['notes.tar.gz']);
  });

  it('are never written to a terminal', async () => {
    const watched = await openCommandLine({ isOutputInteractive: true });
    const refused = await watched.run('get', 'volume/any');
    expect(refused).toMatchObject({ code: 2, error: expect.stringContaining('-o FILE') });
    await watched.close();
  });

  it('are removed only when they are called volumes, and not while an app names them', async () => {
    const refused = await bed.run('rm', 'volume/notes-data', '--yes');
    expect(refused).toMatchObject({
      code: 1,
      error: expect.stringContaining('app/notes names it'),
    });
    await bed.api.store.volumes.put({
      ...{ name: 'spare', title: null, maxBytes: null, actor: 'ana' },
    });
    expect(await bed.run('rm', 'spare')).toMatchObject({ code: 3 });
    expect(await bed.api.store.volumes.find('spare')).not.toBeNull();
    const unsure = await bed.run('rm', 'volume/spare');
    expect(unsure).toMatchObject({ code: 2, error: expect.stringContaining('say --yes') });
    expect(await bed.api.store.volumes.find('spare')).not.toBeNull();
    const removed = await bed.run('rm', 'volume/spare', '--yes', '--wait');
    expect(removed).toMatchObject({ code: 0, out: expect.stringContaining('removed') });
    expect(await bed.api.store.volumes.find('spare')).toBeNull();
  });

  it('are refused to verbs of apps, and apps to verbs of volumes', async () => {
    for (const args of [
      ['start', 'volume/notes-data'],
      ['get', 'app/notes'],
      ['get', 'notes'],
      ['events', '-f', 'volume/notes-data'],
    ]) {
      expect([args, (await bed.run(...args)).code]).toEqual([args, 2]);
    }
  });
});
