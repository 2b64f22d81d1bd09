import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobSpecSchema } from '../../src/model/job-spec.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from './sql.ts';

const limits = { maxRunningPerPerson: null, ageMs: 600_000 };
const ada = { actor: 'ada', why: 'it burned' };
const GiB = 1024 ** 3;

describe.runIf(requirePart('postgres'))('hosts that are given up', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore({ hostSilentMs: 30_000 });
  });
  afterAll(() => bed.close());

  const heartbeat = (name: string) =>
    bed.store.hosts.heartbeat({
      name,
      agentUrl: 'http://127.0.0.1:1',
      runtimes: [{ kind: 'process', ready: true, reason: null }],
      storage: { state: 'ok', freeBytes: GiB, totalBytes: GiB },
      cpus: 8,
      memoryBytes: 8 * GiB,
      capacity: { cpus: 8, memoryBytes: 8 * GiB, labels: {}, devices: [] },
    });
  const falls = (name: string, agoMs: number) =>
    runSql(
      bed.url,
      `UPDATE hosts SET seen_at = now() - $2::float8 * interval '1 ms' WHERE name = $1`,
      [name, agoMs],
    );
  /** A job that was granted on a host of its own. */
  async function granted(): Promise<{ id: string; host: string; instance: string }> {
    const id = randomUUID();
    const host = `h-${id.slice(0, 8)}`;
    await heartbeat(host);
    const spec = jobSpecSchema.parse({ command: ['true'], host, limits: { memoryBytes: GiB } });
    const { job } = await bed.store.jobs.submit({
      ...{ id, space: 'default', owner: 'ada', actor: 'ada', why: 'test', spec, bodyDigest: id },
    });
    expect(await bed.store.jobs.grant(limits)).toMatchObject([{ job: id, host, attempt: 1 }]);
    return { id, host, instance: `job-${job.number}-1` };
  }
  const told = async (id: string) =>
    (
      await runSql(bed.url, 'SELECT payload FROM outbox WHERE entity = $1 ORDER BY id', [
        `job/${id}`,
      ])
    ).map((row) => (row['payload'] as { news: object }).news);
  const lose = async (id: string, mark: { life: number; revision: number }) =>
    bed.store.jobs.advance(id, mark, {
      ...{ state: 'queued' as const, cause: 'host_lost' as const, release: true, ofAttempt: 1 },
      ...{ counts: 'recall' as const, queue: { readyInMs: 0, deadlineInMs: 60_000 } },
    });

  it('an attempt that was never picked up is taken back from a silent host, and told so', async () => {
    const { jobs, instances } = bed.store;
    const { id, host, instance } = await granted();
    expect(await jobs.recallSilent()).toEqual([]);
    await falls(host, 29_000);
    expect(await jobs.recallSilent()).toEqual([]);
    await falls(host, 31_000);
    expect(await jobs.recallSilent()).toEqual([id]);
    expect(await jobs.recallSilent()).toEqual([]);
    expect((await told(id)).at(-1)).toEqual({ kind: 'hostLost', attempt: 1 });
    expect((await instances.find(instance))?.wanted).toBe('absent');
    // The host comes back, and is too late.
    expect(await jobs.pickUp(id, 1, 'starting')).toBe(false);
    expect(await jobs.find(id)).toMatchObject({
      state: 'preparing',
      pickedUp: false,
      lost: { actor: 'queue' },
    });
    const began = await jobs.begin(id);
    expect(await lose(id, { life: began?.mark.life ?? 0, revision: 1 })).toBe(true);
    expect(await jobs.find(id)).toMatchObject({
      state: 'queued',
      lost: null,
      recalls: 1,
      hostLosses: 0,
    });
    await heartbeat(host);
    expect(await jobs.grant(limits)).toMatchObject([{ job: id, attempt: 2 }]);
    // Whoever still carries out the loss of the first attempt takes nothing from the second.
    expect(await lose(id, { life: began?.mark.life ?? 0, revision: 2 })).toBe(false);
    expect(await jobs.pickUp(id, 1, 'starting')).toBe(false);
    expect(await jobs.pickUp(id, 2, 'starting')).toBe(true);
    await jobs.cancel(id, ada);
  });

  it('an attempt that was picked up stays with its silent host, and one that is to end is not picked up', async () => {
    const { jobs } = bed.store;
    const { id, host } = await granted();
    expect(await jobs.pickUp(id, 1, 'starting')).toBe(true);
    expect(await jobs.pickUp(id, 1, 'starting')).toBe(true);
    await falls(host, 3_600_000);
    expect(await jobs.recallSilent()).toEqual([]);
    const other = await granted();
    await jobs.cancel(other.id, ada);
    expect(await jobs.pickUp(other.id, 1, 'starting')).toBe(false);
  });

  it('a pick-up and a recall at once: one of them wins, each time', async () => {
    const { jobs } = bed.store;
    for (let round = 0; round < 20; round += 1) {
      const { id, host } = await granted();
      await falls(host, 31_000);
      const [isPicked, recalled] = await Promise.all([
        jobs.pickUp(id, 1, 'starting'),
        jobs.recallSilent(),
      ]);
      expect([isPicked, recalled.includes(id)]).toContain(true);
      expect(isPicked).not.toBe(recalled.includes(id));
      await runSql(bed.url, 'DELETE FROM jobs WHERE id = $1', [id]);
    }
  });

  it('an operator gives up a silent host with all it holds; it gets work again once it has settled', async () => {
    const { jobs, hosts, instances, events } = bed.store;
    const { id, host, instance } = await granted();
    await jobs.pickUp(id, 1, 'starting');
    await expect(hosts.declareDead(host, ada)).rejects.toMatchObject({ type: 'conflict' });
    await expect(hosts.declareDead('none', ada)).rejects.toMatchObject({ type: 'not_found' });
    await falls(host, 31_000);
    expect([...(await hosts.silent()).keys()]).toContain(host);
    expect(await hosts.declareDead(host, ada)).toEqual({ jobs: [id] });
    expect(await hosts.declareDead(host, ada)).toEqual({ jobs: [] });
    expect((await jobs.find(id))?.lost).toMatchObject({ actor: 'ada' });
    expect((await instances.find(instance))?.wanted).toBe('absent');
    expect(await events.list({ entity: `host/${host}`, limit: 5 })).toMatchObject([
      { actor: 'ada', what: 'declared dead', why: 'it burned' },
      { what: 'declared dead' },
    ]);
    const began = await jobs.begin(id);
    await lose(id, { life: began?.mark.life ?? 0, revision: 1 });

    const { epoch, settledEpoch } = await heartbeat(host);
    expect([epoch, settledEpoch]).toEqual([2, 0]);
    expect(await jobs.grant(limits)).toEqual([]);
    expect(await hosts.settle(host, 1)).toBe(false);
    expect(await jobs.grant(limits)).toEqual([]);
    expect(await hosts.settle(host, 2)).toBe(true);
    expect(await heartbeat(host)).toEqual({ epoch: 2, settledEpoch: 2 });
    expect(await jobs.grant(limits)).toMatchObject([{ job: id, attempt: 2, host }]);
  });
});
