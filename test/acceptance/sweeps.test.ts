import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const square = `const [config, output] = process.argv.slice(1); const fs = require('node:fs');
  const { x, by } = JSON.parse(fs.readFileSync(config, 'utf8'));
  fs.writeFileSync(output + '/result.json', JSON.stringify({ product: x * by }));`;

describe.runIf(requirePart('temporal') && requirePart('postgres'))('a sweep', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ LABKEEPER_JOB_CPUS: '4' });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  it('runs all of its jobs although the worker is killed meanwhile, and its sums are right', async () => {
    const { id } = await lab.client.sweeps.submit({
      job: {
        command: [process.execPath, '-e', square, '{config}', '{output}'],
        config: { by: 3 },
        limits: { cpus: 1, memoryBytes: 128 * 1024 * 1024 },
      },
      grid: { x: Array.from({ length: 16 }, (_, at) => at) },
      maxParallel: 3,
    });
    await eventually(
      async () => expect((await lab.client.sweeps.show(id)).jobs.succeeded).toBeGreaterThan(2),
      { deadlineMs: 60_000 },
    );
    await lab.worker.kill9();
    await lab.worker.start();
    await eventually(
      async () => {
        const { state, explanation } = await lab.client.sweeps.show(id);
        expect(state, explanation).toBe('succeeded');
      },
      { deadlineMs: 110_000 },
    );
    const csv = await lab.client.sweeps.csv(id);
    expect(csv.split('\r\n')[0]).toBe('index,job,state,x,product');
    const products = csv
      .trim()
      .split('\r\n')
      .slice(1)
      .map((line) => Number(line.split(',').at(-1)));
    expect(products).toEqual(Array.from({ length: 16 }, (_, at) => at * 3));
    const { items } = await lab.client.sweeps.table(id, { after: '13' });
    expect(items.map(({ job, result }) => [job, result])).toEqual([
      [`${id}.14`, { value: { product: 42 } }],
      [`${id}.15`, { value: { product: 45 } }],
    ]);
    expect((await lab.store.jobs.queue({ maxRunningPerPerson: null, ageMs: 1 })).leases).toEqual(
      [],
    );
  }, 180_000);

  it('ends at its first failure when it is asked to', async () => {
    const { id } = await lab.client.sweeps.submit({
      job: {
        command: [process.execPath, '-e', 'process.exit(1)'],
        limits: { cpus: 1, memoryBytes: 128 * 1024 * 1024 },
      },
      list: Array.from({ length: 40 }, (_, a) => ({ a })),
      maxParallel: 1,
      failFast: true,
    });
    const over = await eventually(
      async () => {
        const sweep = await lab.client.sweeps.show(id);
        expect(sweep.terminal, sweep.explanation).toBe(true);
        return sweep;
      },
      { deadlineMs: 60_000 },
    );
    expect(over).toMatchObject({ state: 'failed' });
    expect(over.jobs.canceled).toBeGreaterThan(30);
  }, 90_000);
});
