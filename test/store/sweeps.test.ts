import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SweepSubmission } from '../../src/store/sweep-ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { addHost, endAttempt, queueLimits, submission } from './job-bed.ts';
import { runSql } from './sql.ts';

const cause = { actor: 'ada', why: 'a test' };

describe.runIf(requirePart('postgres'))('sweeps in the store', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore({ maxQueuedJobs: 10_050 });
  });
  afterAll(() => bed.close());
  beforeEach(async () => {
    await runSql(bed.url, 'TRUNCATE jobs, sweeps, hosts, instances, outbox CASCADE');
  });
  const submit = (id: string, count: number, more: Partial<SweepSubmission> = {}) =>
    bed.store.sweeps.submit({
      ...{ id, space: 'default', owner: 'ada', title: null, maxParallel: null, failFast: false },
      spec: submission('common', { config: { seed: 7, a: 0 } }).spec,
      names: ['a'],
      parameters: Array.from({ length: count }, (_, a) => ({ a })),
      bodyDigest: 'digest',
      ...more,
    });
  const grant = async () =>
    (await bed.store.jobs.grant(queueLimits)).map(({ job }) => job).toSorted();
  const fail = async (id: string) => {
    const job = await bed.store.jobs.begin(id);
    const mark = { life: job?.mark.life ?? 0, revision: 1 };
    await bed.store.jobs.advance(id, mark, {
      ...{ state: 'failed', cause: 'exit_code', detail: 'no' },
      ...{ now: ['finishedAt'], release: true },
    });
  };

  it('are rows of jobs from the beginning, each with its parameters laid over the common config', async () => {
    const { outcome, sweep } = await submit('grid', 3);
    expect([outcome, sweep.total, sweep.tally.queued]).toEqual(['created', 3, 3]);
    const rows = await bed.store.sweeps.rows('grid', { after: 0, limit: 10 });
    expect(rows.map(({ index, job, parameters }) => [index, job, parameters])).toEqual([
      [1, 'grid.1', { a: 1 }],
      [2, 'grid.2', { a: 2 }],
    ]);
    expect((await bed.store.jobs.find('grid.2'))?.spec.config).toEqual({ seed: 7, a: 2 });
    // No workflow before the grant: nothing waits but rows.
    expect(await bed.store.outbox.claimNext('job/grid.0')).toBeNull();
    expect(await bed.store.jobs.listLive({ limit: 10 })).toEqual([]);
  });

  it('are accepted once by id and by key, and all of their jobs or none', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => submit('once', 50)));
    expect(all.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    await expect(submit('once', 50, { bodyDigest: 'other' })).rejects.toMatchObject({
      type: 'conflict',
    });
    await bed.store.jobs.submit(submission('taken.1'));
    await expect(submit('taken', 3)).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('one of its jobs would be called like a job that is there'),
    });
    expect(await bed.store.jobs.find('taken.0')).toBeNull();
    await expect(submit('many', 10_051)).rejects.toMatchObject({ type: 'quota_exceeded' });
  });

  it('run as many at once as they may, and leave room for others of the same owner', async () => {
    await addHost(bed.store, 'lab-1');
    await submit('wide', 300, { maxParallel: 2 });
    await bed.store.jobs.submit(submission('alone'));
    expect(await grant()).toEqual(['alone', 'wide.0', 'wide.1']);
    const { plan } = await bed.store.jobs.queue(queueLimits);
    expect(plan.waiting[0]).toEqual({ job: 'wide.2', wait: { reason: 'sweep_cap', limit: 2 } });
    await endAttempt(bed.store, 'wide.0');
    expect(await grant()).toEqual(['wide.2']);
  });

  it('end when their last job does, with one event', async () => {
    await addHost(bed.store, 'lab-1');
    await submit('short', 2);
    await grant();
    await endAttempt(bed.store, 'short.0');
    await bed.store.sweeps.settle();
    expect((await bed.store.sweeps.find('short'))?.state).toBe('running');
    await endAttempt(bed.store, 'short.1');
    await Promise.all([1, 2, 3].map(() => bed.store.sweeps.settle()));
    expect(await bed.store.sweeps.find('short')).toMatchObject({
      ...{ state: 'succeeded', detail: '2 of 2 succeeded' },
    });
    const events = await bed.store.events.list({ entity: 'sweep/short', limit: 9 });
    expect(events.map(({ what }) => what)).toEqual(['succeeded', 'submitted']);
  });

  it('keep their jobs until they are over, from removal and from being forgotten', async () => {
    await addHost(bed.store, 'lab-1', { cpus: 1 });
    await submit('kept', 2);
    await grant();
    await endAttempt(bed.store, 'kept.0');
    const none = { succeededMs: 0, otherMs: 0 };
    expect(await bed.store.jobs.forget(none, 10)).toBe(0);
    await expect(bed.store.jobs.remove('kept.0', cause)).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('sweep/kept is not over, and counts it'),
    });
    await bed.store.sweeps.cancel('kept', cause);
    expect(await bed.store.jobs.forget(none, 10)).toBe(2);
    expect(await bed.store.sweeps.find('kept')).toBeNull();
  });

  it('go on after a failure unless the first one is to end them', async () => {
    await addHost(bed.store, 'lab-1', { cpus: 2 });
    await submit('goes-on', 3);
    await grant();
    await fail('goes-on.0');
    expect(await bed.store.sweeps.settle()).toEqual([]);
    expect(await grant()).toEqual(['goes-on.2']);
    for (const id of ['goes-on.1', 'goes-on.2']) await endAttempt(bed.store, id);

    await submit('ends', 4, { failFast: true });
    await grant();
    await fail('ends.1');
    expect(await bed.store.sweeps.settle()).toEqual(['ends.0']);
    expect((await bed.store.sweeps.find('ends'))?.tally).toEqual({
      ...{ queued: 0, active: 1, succeeded: 0, failed: 1, canceled: 2 },
    });
    expect((await bed.store.jobs.find('ends.0'))?.state).toBe('stopping');
    expect((await bed.store.outbox.claimNext('job/ends.0'))?.payload).toMatchObject({
      news: { kind: 'granted' },
    });
    await endAttempt(bed.store, 'ends.0');
    await bed.store.sweeps.settle();
    expect(await bed.store.sweeps.find('ends')).toMatchObject({ state: 'failed' });
  });

  it('are canceled as a whole: what waits at once, what runs when it is gone', async () => {
    await addHost(bed.store, 'lab-1', { cpus: 1 });
    await submit('stop', 5);
    await grant();
    const { sweep, told } = await bed.store.sweeps.cancel('stop', cause);
    expect([sweep.state, told, sweep.tally.canceled]).toEqual(['stopping', ['stop.0'], 4]);
    expect((await bed.store.jobs.find('stop.3'))?.cancel).toMatchObject({
      ...{ actor: 'ada', why: 'a test', signalledAt: null, goneAt: expect.any(String) },
    });
    await expect(bed.store.sweeps.remove('stop', cause)).rejects.toMatchObject({
      type: 'conflict',
    });
    await endAttempt(bed.store, 'stop.0');
    await bed.store.sweeps.settle();
    expect((await bed.store.sweeps.find('stop'))?.state).toBe('canceled');
    await bed.store.sweeps.remove('stop', cause);
    expect(await bed.store.jobs.find('stop.0')).toBeNull();
  });

  it('have ten thousand jobs without more ado', async () => {
    await addHost(bed.store, 'lab-1');
    await submit('large', 10_000, { maxParallel: 3 });
    expect(await grant()).toEqual(['large.0', 'large.1', 'large.2']);
    const { tally } = (await bed.store.sweeps.find('large')) ?? {};
    expect(tally).toMatchObject({ queued: 9_997, active: 3 });
    await bed.store.sweeps.cancel('large', cause);
    expect((await bed.store.sweeps.find('large'))?.tally).toMatchObject({ canceled: 9_997 });
  });

  it('lose what waits for too long to the deadline, without a workflow that says so', async () => {
    await submit('late', 2);
    await runSql(bed.url, "UPDATE jobs SET queue_deadline_at = now() - interval '1 h'");
    expect(await bed.store.jobs.expire()).toBe(2);
    expect(await bed.store.jobs.expire()).toBe(0);
    await bed.store.sweeps.settle();
    expect(await bed.store.sweeps.find('late')).toMatchObject({
      ...{ state: 'failed', detail: '0 of 2 succeeded, 2 failed' },
    });
  });
});
