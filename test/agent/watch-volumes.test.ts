import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookAtVolumes, watchVolumes } from '../../src/agent/watch-volumes.ts';
import { volumeFolders } from '../../src/runtime/volume-folders/index.ts';
import type { VolumeFolders } from '../../src/runtime/volumes.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';

const KiB = 1024;

describe.runIf(requirePart('postgres'))('an agent and the volumes of its host', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  let folder: string;
  let folders: VolumeFolders;
  beforeAll(async () => {
    bed = await openTestStore();
    folder = mkdtempSync(join(tmpdir(), 'labkeeper-agent-volumes-'));
    folders = volumeFolders({ folder });
  });
  afterAll(async () => {
    await bed.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const never = new AbortController().signal;
  const ports = (changes: Partial<VolumeFolders> = {}) => ({
    host: 'lab-1',
    store: bed.store,
    volumes: { folders: { ...folders, ...changes }, lookEveryMs: 5, measureEveryMs: 10 },
    log: pino({ level: 'silent' }),
  });
  const look = (changes: Partial<VolumeFolders> = {}) => lookAtVolumes(ports(changes), never);

  async function settled(name: string, maxBytes: number | null = null): Promise<string> {
    await bed.store.volumes.put({ name, title: null, maxBytes, actor: 'ana' });
    await bed.store.volumes.settle([name], 'lab-1', 'plot');
    return join(folder, name);
  }
  const remove = (name: string) =>
    bed.store.volumes.remove({ name, actor: 'ana', why: 'over', operationId: randomUUID() });
  const condition = (name: string) => bed.store.volumes.find(name);

  it('keep their size up to date while it watches, and warn on the way to the limit', async () => {
    const path = await settled('grows', 1024 * KiB);
    const end = new AbortController();
    const watching = watchVolumes(ports(), end.signal);
    await folders.ensure('grows', { isNew: true, forContainers: false });
    writeFileSync(join(path, 'a'), Buffer.alloc(950 * KiB, 1));
    const heard = (what: string) =>
      eventually(async () => {
        const events = await bed.store.events.list({ entity: 'volume/grows', limit: 20 });
        expect(events.map((event) => event.what)).toContain(what);
      });
    await heard('nearly full');
    expect((await condition('grows'))?.measured).toMatchObject({ fileCount: 1, whole: true });
    writeFileSync(join(path, 'b'), Buffer.alloc(200 * KiB, 1));
    await heard('full');
    rmSync(join(path, 'a'));
    await heard('has room again');
    end.abort();
    await watching;
  });

  it('are removed with their folder, and the operation is over then', async () => {
    const path = await settled('goes');
    mkdirSync(path);
    writeFileSync(join(path, 'note'), 'x');
    const { id } = await remove('goes');
    await look();
    expect(readdirSync(folder)).not.toContain('goes');
    expect(await condition('goes')).toBeNull();
    expect(await bed.store.operations.find(id)).toMatchObject({ state: 'succeeded' });
  });

  it('stay with the reason when their folder does not go, until it does', async () => {
    await settled('sticks');
    const { id } = await remove('sticks');
    const refuse = async () => {
      throw new Error('rm: permission denied');
    };
    await look({ remove: refuse });
    expect(await condition('sticks')).toMatchObject({ hindrance: 'rm: permission denied' });
    expect(await bed.store.operations.find(id)).toMatchObject({ state: 'accepted' });
    await eventually(async () => {
      await look();
      expect(await condition('sticks')).toBeNull();
    });
  });

  it('tell when a folder that was measured is not there any more, and not before the first start', async () => {
    const path = await settled('lost');
    await look();
    expect(await condition('lost')).toMatchObject({ measured: null, hindrance: null });
    mkdirSync(path);
    await eventually(async () => {
      await look();
      expect((await condition('lost'))?.measured).toMatchObject({ fileCount: 0 });
    });
    rmSync(path, { recursive: true });
    await eventually(async () => {
      await look();
      expect((await condition('lost'))?.hindrance).toBe('its folder is not there');
    });
    expect((await condition('lost'))?.measured).not.toBeNull();
  });

  it('go on being watched after the database was away', async () => {
    const path = await settled('patient');
    mkdirSync(path);
    let away = true;
    const store = {
      ...bed.store,
      volumes: {
        ...bed.store.volumes,
        due: async (host: string, limit: number) => {
          if (away) throw new Error('connection refused');
          return bed.store.volumes.due(host, limit);
        },
      },
    };
    const end = new AbortController();
    const watching = watchVolumes({ ...ports(), store }, end.signal);
    await new Promise((done) => setImmediate(done));
    expect((await condition('patient'))?.measured).toBeNull();
    away = false;
    await eventually(async () => expect((await condition('patient'))?.measured).not.toBeNull());
    end.abort();
    await watching;
  });
});
