import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mostMetrics } from '../../src/model/job-metrics.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { addHost, queueLimits, submission } from './job-bed.ts';
import { runSql } from './sql.ts';

const ring = { stepMs: 1_000, slots: 8 };

describe.runIf(requirePart('postgres'))('figures of a job over time', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
    await addHost(bed.store, 'lab-1', { cpus: 100, memoryBytes: 1e12 });
  });
  afterAll(() => bed.close());

  async function granted(id: string): Promise<void> {
    await bed.store.jobs.submit(submission(id));
    await bed.store.jobs.grant(queueLimits);
  }
  /** As if its attempt had begun so long ago. */
  const beganBefore = (id: string, seconds: number) =>
    runSql(bed.url, `UPDATE jobs SET started_at = now() - $2 * interval '1 second' WHERE id = $1`, [
      id,
      seconds + 0.5,
    ]);
  const report = (id: string, values: Record<string, number>, step: number | null = null) =>
    bed.store.jobs.reportProgress(
      [{ id, attempt: 1, progress: values, metrics: { step, values } }],
      ring,
    );
  const valuesOf = async (id: string, name: string) =>
    (await bed.store.jobs.metrics(id))
      .find((series) => series.name === name)
      ?.points.map(({ value }) => value);

  it('are one point a step, the last word of each', async () => {
    await granted('steps');
    for (const [second, value] of [
      [0, 1],
      [0, 2],
      [1, 3],
      [3, 4],
    ] as const) {
      await beganBefore('steps', second);
      await report('steps', { reward: value }, value * 10);
    }
    const [series] = await bed.store.jobs.metrics('steps');
    expect(series).toMatchObject({ attempt: 1, name: 'reward' });
    expect(series?.points.map(({ step, value }) => [step, value])).toEqual([
      [20, 2],
      [30, 3],
      [40, 4],
    ]);
  });

  it('span the whole attempt in a bounded number of points, however long it runs', async () => {
    await granted('long');
    for (let second = 0; second <= 100; second += 1) {
      await beganBefore('long', second);
      await report('long', { loss: second });
      expect((await valuesOf('long', 'loss'))?.length).toBeLessThanOrEqual(ring.slots);
    }
    const values = (await valuesOf('long', 'loss')) ?? [];
    expect(values.length).toBeGreaterThan(ring.slots / 2);
    expect(values.at(-1)).toBe(100);
    expect(values[0]).toBeLessThan(20);
    const gaps = values.slice(1).map((value, at) => value - (values[at] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(32);
  });

  it('have so many names and no more, the first that were told', async () => {
    await granted('names');
    await beganBefore('names', 0);
    await report('names', { first: 1 });
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`m${at}`, at]));
    await report('names', many);
    await report('names', { ...many, other: 1, first: 2 });
    const series = await bed.store.jobs.metrics('names');
    expect(series).toHaveLength(mostMetrics);
    expect(await valuesOf('names', 'first')).toEqual([2]);
    expect(await valuesOf('names', 'other')).toBeUndefined();
  });

  it('of an attempt that is over are not written any more, and go with those of the next', async () => {
    await granted('again');
    await beganBefore('again', 0);
    await report('again', { x: 1 });
    await runSql(bed.url, `UPDATE jobs SET attempt = 2 WHERE id = 'again'`);
    await report('again', { x: 2 });
    expect(await valuesOf('again', 'x')).toEqual([1]);
    await bed.store.jobs.reportProgress([
      { id: 'again', attempt: 2, progress: {}, metrics: { step: null, values: { y: 3 } } },
    ]);
    expect((await bed.store.jobs.metrics('again')).map(({ name }) => name)).toEqual(['y']);
  });

  it('are none of a job that told none, or is not there', async () => {
    await granted('silent');
    await bed.store.jobs.reportProgress([{ id: 'silent', attempt: 1, progress: { step: 1 } }]);
    expect(await bed.store.jobs.metrics('silent')).toEqual([]);
    expect(await bed.store.jobs.metrics('nobody')).toEqual([]);
  });
});
