import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { openPages, visit, type PagesBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('storage on the page of hosts', () => {
  let bed: PagesBed;
  beforeAll(async () => {
    bed = await openPages();
  });
  afterAll(() => bed.close());

  const storage = async () => {
    const { html } = await visit(bed, '/manage/hosts');
    return html.slice(html.indexOf('storage-heading'));
  };

  it('says from where on a host warns and refuses, and that there is nothing else to tell', async () => {
    const html = await storage();
    expect(html).toContain(
      'Below 2.0 GiB of free space a host warns, below 512 MiB it takes no new work',
    );
    expect(html).toContain('There are none.');
    expect(html).toContain('No app runs as a container.');
    expect(html).not.toContain('Room is short');
  });

  it('lists volumes, the fullest first, each with its size, its apps and what to do', async () => {
    await bed.register('writer', { volumes: [{ volume: 'full' }, { volume: 'half' }] });
    for (const [name, sizeBytes] of [
      ['half', 500_000],
      ['full', 1_000_000],
    ] as const) {
      await bed.send('PUT', `/api/v1/volumes/${name}`, { body: { maxBytes: 1_000_000 } });
      await bed.store.volumes.settle([name], 'local', 'writer');
      const measure = { sizeBytes, fileCount: 1, whole: true };
      const found = { measure, hindrance: null, nextInMs: 60_000 };
      await bed.store.volumes.measured(name, 'local', found);
    }
    await bed.send('PUT', '/api/v1/volumes/spare', { body: {} });
    const html = await storage();
    expect([...html.matchAll(/<tr id="volume-([a-z]+)"/g)].map(([, name]) => name)).toEqual([
      'full',
      'half',
      'spare',
    ]);
    expect(html).toContain('2 volumes on local: 1.4 MiB.');
    expect(html).toContain('1 volume never used.');
    expect(html).toMatch(
      /volume-full.*977 KiB of 977 KiB.*>writer<.*Make room in it, or raise its limit\./s,
    );
    expect(html).toMatch(/volume-spare.*Empty, and no app uses it: remove it\./s);
  });

  it('lists the images that apps name', async () => {
    for (const name of ['one', 'two']) await bed.register(name, { image: 'lab/fft:3', port: 80 });
    await bed.register('three', { image: 'lab/other:1', port: 80 });
    const html = await storage();
    expect(html).toMatch(/lab\/fft:3.*>one<.*>two<.*lab\/other:1.*>three</s);
    expect((await bed.store.apps.images(1)).map(({ image, count }) => [image, count])).toEqual([
      ['lab/fft:3', 2],
    ]);
  });

  it('says of a full disk what helps', async () => {
    await bed.store.hosts.heartbeat({
      name: 'lab-2',
      agentUrl: 'http://127.0.0.1:1',
      runtimes: [],
      storage: { state: 'full', freeBytes: 1, totalBytes: 1024 ** 3 },
      cpus: 1,
      memoryBytes: 1,
    });
    const html = await storage();
    expect(html).toContain('Room is short on lab-2.');
    expect(html).toContain('docker image prune --all');
  });
});
