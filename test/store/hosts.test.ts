import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Host } from '../../src/store/ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';

describe.runIf(requirePart('postgres'))('hosts and installation', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  const host: Omit<Host, 'seenAgoMs'> = {
    name: 'lab-1',
    agentUrl: 'http://127.0.0.1:8091',
    runtimes: [{ kind: 'docker', ready: false, reason: 'no daemon answers' }],
    storage: { state: 'ok', freeBytes: 5_000_000_000_000, totalBytes: 9_000_000_000_000 },
    cpus: 2.5,
    memoryBytes: 64 * 1024 ** 3,
    capacity: {
      cpus: 2,
      memoryBytes: 48 * 1024 ** 3,
      labels: { rack: 'left' },
      devices: [{ id: 'GPU-1', name: 'a card', memoryBytes: 8 * 1024 ** 3 }],
    },
  };

  it('knows a host by its last heartbeat', async () => {
    const { hosts } = bed.store;
    await hosts.heartbeat(host);
    const { seenAgoMs, ...found } = (await hosts.find('lab-1')) ?? { seenAgoMs: -1 };
    expect(found).toEqual(host);
    expect(seenAgoMs).toBeGreaterThanOrEqual(0);
    await hosts.heartbeat({ ...host, cpus: 4, runtimes: [] });
    await hosts.heartbeat({ ...host, name: 'lab-0' });
    expect((await hosts.list()).map(({ name, cpus }) => [name, cpus])).toEqual([
      ['lab-0', 2.5],
      ['lab-1', 4],
    ]);
    expect(await hosts.find('lab-9')).toBeNull();
  });

  it('has an id of its own in each database', async () => {
    const own = await openTestStore();
    const first = await bed.store.installation();
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(await bed.store.installation()).toBe(first);
    await own.close();
  });
});
