import { expect, it } from 'vitest';
import { estimateStarts } from '../../src/model/queue-estimate.ts';

const GiB = 1024 ** 3;
const rules = {
  maxRunningPerPerson: null,
  maxRunningOfSpace: {},
  maxRunningOfType: {},
  ageMs: 1e9,
};
const host = {
  ...{ name: 'a', cpus: 2, memoryBytes: 8 * GiB, devices: [], takesWork: true },
  runtimes: ['process'] as const,
};
const job = (number: number, expectedMs: number | null, cpus = 1) => ({
  ...{ id: `job-${number}`, number, owner: 'ada', space: 'default', type: null, priority: 0 },
  ...{ waitedMs: 0, cpus, memoryBytes: GiB, devices: 0, runtime: 'process' as const, host: null },
  ...{ volumesOn: [], hold: null, expectedMs },
});
const lease = (id: string, leftMs: number | null) => ({
  ...{ job: id, owner: 'ada', space: 'default', type: null, host: 'a', cpus: 1 },
  ...{ memoryBytes: GiB, devices: [], leftMs },
});
const starts = (...[leases, jobs]: [ReturnType<typeof lease>[], ReturnType<typeof job>[]]) =>
  Object.fromEntries(estimateStarts({ hosts: [host], leases, jobs, rules }));

it('a job that waits starts when enough of what runs is probably over', () => {
  const running = [lease('x', 1_000), lease('y', 5_000)];
  expect(starts(running, [job(1, 10_000), job(2, 2_000), job(3, 1_000, 2)])).toEqual({
    'job-1': 1_000,
    'job-2': 5_000,
    'job-3': 11_000,
  });
});

it('a job behind something of unknown length is not told a time', () => {
  expect(starts([lease('x', null), lease('y', null)], [job(1, 1_000)])).toEqual({});
  expect(starts([lease('x', 500), lease('y', null)], [job(1, null), job(2, 1_000)])).toEqual({
    'job-1': 500,
  });
});

it('what runs for longer than its like is taken to be over soon, and the queue to move', () => {
  expect(starts([lease('x', 0), lease('y', 0)], [job(1, 1_000)])).toEqual({ 'job-1': 0 });
});

it('a long queue is thought through only as far as it is told', () => {
  const many = Array.from({ length: 5_000 }, (_, at) => job(at + 1, 1_000));
  const found = estimateStarts({ hosts: [host], leases: [], jobs: many, rules });
  expect(found.size).toBe(200);
  expect(found.get('job-200')).toBe(99_000);
});
