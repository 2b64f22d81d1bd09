import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { addHost, endAttempt, queueLimits, submission } from './job-bed.ts';
import { runSql } from './sql.ts';

const cause = { actor: 'ada', why: 'a test' };

describe.runIf(requirePart('postgres'))('jobs in the store', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore({ maxQueuedJobs: 60, maxQueuedJobsPerPerson: 50 });
    await bed.store.spaces.put('bio', {}, cause);
  });
  afterAll(() => bed.close());
  beforeEach(async () => {
    await runSql(bed.url, 'TRUNCATE jobs, hosts, holds, instances CASCADE');
    await bed.store.spaces.put('bio', { maxRunningJobs: null, maxQueuedJobs: null }, cause);
  });
  const submit = (...given: Parameters<typeof submission>) =>
    bed.store.jobs.submit(submission(...given));
  const grant = () => bed.store.jobs.grant(queueLimits);
  const stateOf = async (id: string) => (await bed.store.jobs.find(id))?.state;
  const whatsOf = async (id: string) =>
    (await bed.store.events.list({ entity: `job/${id}`, limit: 50 })).map(({ what }) => what);

  it('are accepted once by id, and refuse another body under it', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => submit('same')));
    expect(all.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    expect(await whatsOf('same')).toEqual(['submitted']);
    await expect(submit('same', { priority: 3 })).rejects.toMatchObject({
      type: 'conflict',
      message: expect.stringContaining('its id was used for job/same with another definition'),
    });
    await expect(submit('same', {}, { owner: 'bob' })).rejects.toMatchObject({ type: 'conflict' });
  });

  it('are accepted once by the key of their owner, and another owner has keys of their own', async () => {
    const first = await submit('one', {}, { idempotencyKey: 'k' });
    const again = await submit('two', {}, { idempotencyKey: 'k' });
    expect([first.outcome, again.outcome, again.job.id]).toEqual(['created', 'existing', 'one']);
    const other = await submit('three', {}, { idempotencyKey: 'k', owner: 'bob' });
    expect(other.outcome).toBe('created');
  });

  it('are refused where too many wait: of a person, of a space, of all', async () => {
    await bed.store.spaces.put('bio', { maxQueuedJobs: 2 }, cause);
    await submit('bio-1', { space: 'bio' });
    await submit('bio-2', { space: 'bio' });
    await expect(submit('bio-3', { space: 'bio' })).rejects.toMatchObject({
      type: 'quota_exceeded',
      message: expect.stringContaining('2 jobs of the space bio wait already'),
    });
    for (let at = 2; at < 50; at += 1) await submit(`ada-${at}`);
    await expect(submit('ada-50')).rejects.toMatchObject({
      type: 'quota_exceeded',
      message: expect.stringContaining('50 jobs of ada wait already'),
    });
    for (let at = 0; at < 10; at += 1) await submit(`bob-${at}`, {}, { owner: 'bob' });
    await expect(submit('eve-1', {}, { owner: 'eve' })).rejects.toMatchObject({
      message: expect.stringContaining('60 jobs of all people wait already'),
    });
  });

  it('get capacity with lease, instance, event and word to their workflow at once', async () => {
    await addHost(bed.store, 'lab-1', {
      devices: [{ id: 'GPU-1', name: 'card', memoryBytes: 1 }],
    });
    const { job } = await submit('cap-1', { devices: 1 });
    await bed.store.outbox.drop('job/cap-1');
    expect(await grant()).toEqual([{ job: 'cap-1', attempt: 1, host: 'lab-1' }]);
    expect(await bed.store.jobs.find('cap-1')).toMatchObject({
      ...{ state: 'preparing', attempt: 1, host: 'lab-1', devices: ['GPU-1'] },
    });
    expect(await bed.store.instances.find(`job-${job.number}-1`)).toMatchObject({
      ...{ entity: 'job/cap-1', host: 'lab-1', wanted: 'present' },
    });
    expect((await bed.store.outbox.claimNext('job/cap-1'))?.payload).toMatchObject({
      ...{ command: 'job', news: { kind: 'granted', attempt: 1, host: 'lab-1' } },
    });
    expect(await whatsOf('cap-1')).toEqual(['granted', 'submitted']);
  });

  it('never get more than there is, however many give it out at once, and all get their turn', async () => {
    await addHost(bed.store, 'lab-1');
    await addHost(bed.store, 'lab-2', { cpus: 3 });
    const ids = Array.from({ length: 30 }, (_, at) => `job-${at}`);
    for (const [at, id] of ids.entries()) await submit(id, {}, { owner: `owner-${at % 3}` });
    const started = new Set<string>();
    while (started.size < ids.length) {
      const rounds = await Promise.all(Array.from({ length: 6 }, grant));
      const granted = rounds.flat();
      expect(granted.length).toBeGreaterThan(0);
      for (const { job } of granted) {
        expect(started.has(job)).toBe(false);
        started.add(job);
      }
      const held = await runSql(
        bed.url,
        'SELECT host, sum(cpus)::float8 AS cpus FROM leases GROUP BY host ORDER BY host',
      );
      expect(held.every(({ host, cpus }) => Number(cpus) <= (host === 'lab-1' ? 4 : 3))).toBe(true);
      await Promise.all(granted.map(({ job }) => endAttempt(bed.store, job)));
    }
    expect(await runSql(bed.url, 'SELECT FROM leases')).toEqual([]);
  });

  it('wait beyond the limit of their space, and start when one of it is over', async () => {
    await addHost(bed.store, 'lab-1');
    await bed.store.spaces.put('bio', { maxRunningJobs: 1 }, cause);
    await submit('first', { space: 'bio' });
    await submit('second', { space: 'bio' });
    expect((await grant()).map(({ job }) => job)).toEqual(['first']);
    const { plan } = await bed.store.jobs.queue(queueLimits);
    expect(plan.waiting).toEqual([{ job: 'second', wait: { reason: 'space_cap', limit: 1 } }]);
    await endAttempt(bed.store, 'first');
    expect((await grant()).map(({ job }) => job)).toEqual(['second']);
  });

  it('that are held keep their place and do not start until they are released', async () => {
    await addHost(bed.store, 'lab-1');
    await submit('held-1');
    await submit('held-2', { space: 'bio' });
    await bed.store.jobs.hold('held-1', cause);
    await bed.store.jobs.holdScope('space/bio', { actor: 'eve', why: 'exam' });
    expect(await grant()).toEqual([]);
    const { plan, holds } = await bed.store.jobs.queue(queueLimits);
    expect(plan.waiting).toEqual([
      { job: 'held-1', wait: { reason: 'held', hold: { of: 'job', ...cause } } },
      { job: 'held-2', wait: { reason: 'held', hold: { of: 'space', actor: 'eve', why: 'exam' } } },
    ]);
    expect(holds).toMatchObject([{ scope: 'space/bio', actor: 'eve' }]);
    await bed.store.jobs.releaseScope('space/bio', cause);
    expect((await grant()).map(({ job }) => job)).toEqual(['held-2']);
    await bed.store.jobs.release('held-1', cause);
    await bed.store.jobs.holdScope('queue', cause);
    expect(await grant()).toEqual([]);
    await bed.store.jobs.releaseScope('queue', cause);
    expect((await grant()).map(({ job }) => job)).toEqual(['held-1']);
    await expect(bed.store.jobs.hold('held-1', cause)).rejects.toMatchObject({ type: 'conflict' });
    expect(await whatsOf('held-1')).toEqual(['granted', 'released', 'held', 'submitted']);
  });

  it('make the volumes they name, give them a home where they start, and keep them from removal', async () => {
    await addHost(bed.store, 'lab-1', { cpus: 1 });
    await addHost(bed.store, 'lab-2', { cpus: 2 });
    const volumes = [{ volume: 'shared-data' }];
    await submit('vol-1', { volumes, host: 'lab-2' });
    expect((await grant()).map(({ job, host }) => [job, host])).toEqual([['vol-1', 'lab-2']]);
    await submit('vol-2', { volumes });
    await submit('vol-3', { volumes });
    expect((await grant()).map(({ job, host }) => [job, host])).toEqual([['vol-2', 'lab-2']]);
    expect((await bed.store.volumes.find('shared-data'))?.host).toBe('lab-2');
    const { plan } = await bed.store.jobs.queue(queueLimits);
    expect(plan.waiting).toEqual([{ job: 'vol-3', wait: { reason: 'capacity', lacks: '1 core' } }]);
    const remove = () =>
      bed.store.volumes.remove({ name: 'shared-data', ...cause, operationId: 'gone' });
    await expect(remove()).rejects.toMatchObject({
      message: expect.stringContaining('job/vol-1, job/vol-2, job/vol-3 name it'),
    });
  });

  it('tell how long their like took', async () => {
    await addHost(bed.store, 'lab-1', { cpus: 1 });
    for (const id of ['a', 'b', 'c']) await submit(id, { command: ['train', 'x'] });
    for (const id of ['a', 'b', 'c']) {
      await grant();
      await endAttempt(bed.store, id);
    }
    await runSql(
      bed.url,
      `UPDATE jobs SET started_at = finished_at - CASE id WHEN 'a' THEN interval '1 s'
         WHEN 'b' THEN interval '10 s' ELSE interval '1 h' END`,
    );
    await submit('next', { command: ['train', 'x', '--more'] });
    await submit('other', { command: ['else'] });
    const { jobs } = await bed.store.jobs.queue(queueLimits);
    expect(jobs.map(({ id, expectedMs }) => [id, expectedMs])).toEqual([
      ['next', 10_000],
      ['other', null],
    ]);
  });

  it('that are canceled while they wait are over at once, whoever was about to grant them', async () => {
    await addHost(bed.store, 'lab-1');
    for (let round = 0; round < 20; round += 1) {
      const id = `race-${round}`;
      await submit(id);
      const [granted, canceled] = await Promise.all([grant(), bed.store.jobs.cancel(id, cause)]);
      const wasGranted = granted.some(({ job }) => job === id);
      expect([canceled.state, await stateOf(id)]).toEqual(
        wasGranted ? ['stopping', 'stopping'] : ['canceled', 'canceled'],
      );
      if (wasGranted) await endAttempt(bed.store, id);
      else expect(await runSql(bed.url, 'SELECT FROM leases WHERE job = $1', [id])).toEqual([]);
    }
  });

  it('that are over take no later word, and a repeat of the last one is fine', async () => {
    await addHost(bed.store, 'lab-1');
    await submit('late');
    await grant();
    await endAttempt(bed.store, 'late');
    const over = { life: 1, revision: 1 };
    expect(await bed.store.jobs.advance('late', over, { state: 'failed' })).toBe(true);
    expect(
      await bed.store.jobs.advance('late', { life: 2, revision: 9 }, { state: 'failed' }),
    ).toBe(false);
    expect(await bed.store.jobs.begin('late')).toBeNull();
    expect(await stateOf('late')).toBe('succeeded');
  });

  it('are listed newest first by cursor, and filtered', async () => {
    for (let at = 0; at < 7; at += 1) {
      await submit(`list-${at}`, { tags: { even: String(at % 2 === 0) }, title: `Run ${at}` });
    }
    const first = await bed.store.jobs.list({ limit: 3 });
    const before = first.at(-1)?.number ?? 0;
    const second = await bed.store.jobs.list({ before, limit: 3 });
    expect([...first, ...second].map(({ id }) => id)).toEqual(
      [6, 5, 4, 3, 2, 1].map((at) => `list-${at}`),
    );
    const tagged = await bed.store.jobs.list({ tags: { even: 'true' }, search: 'run 4', limit: 9 });
    expect(tagged.map(({ id }) => id)).toEqual(['list-4']);
    expect(await bed.store.jobs.list({ spaces: ['bio'], limit: 9 })).toEqual([]);
    expect(await bed.store.jobs.tally({ owner: 'ada' })).toEqual([{ state: 'queued', count: 7 }]);
  });

  it('are removed only when they are over', async () => {
    await submit('gone');
    await expect(bed.store.jobs.remove('gone', cause)).rejects.toMatchObject({ type: 'conflict' });
    await bed.store.jobs.cancel('gone', cause);
    await bed.store.jobs.remove('gone', cause);
    expect(await bed.store.jobs.find('gone')).toBeNull();
    expect((await whatsOf('gone'))[0]).toBe('removed');
  });
});
