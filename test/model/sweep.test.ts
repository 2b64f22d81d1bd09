import { describe, expect, it } from 'vitest';
import {
  explainSweep,
  judgeSweep,
  parameterNames,
  parametersOf,
  sweepSchema,
} from '../../src/model/sweep.ts';

const job = { command: ['true'] };

describe('the parameters of a sweep', () => {
  it('are every combination of a grid, the last field changing fastest', () => {
    const sweep = sweepSchema.parse({ job, grid: { a: [1, 2], b: ['x', 'y'] } });
    expect(parametersOf(sweep)).toEqual([
      { a: 1, b: 'x' },
      { a: 1, b: 'y' },
      { a: 2, b: 'x' },
      { a: 2, b: 'y' },
    ]);
    expect(parameterNames(sweep)).toEqual(['a', 'b']);
  });

  it('are the lines of a list, whose fields may differ', () => {
    const sweep = sweepSchema.parse({ job, list: [{ a: 1 }, { b: 2, a: 3 }] });
    expect(parametersOf(sweep)).toEqual([{ a: 1 }, { b: 2, a: 3 }]);
    expect(parameterNames(sweep)).toEqual(['a', 'b']);
  });

  it('are at most ten thousand, and a grid that makes more is refused before it is made', () => {
    const tens = Array.from({ length: 10 }, (_, at) => at);
    const grid = { a: tens, b: tens, c: tens, d: tens };
    expect(parametersOf(sweepSchema.parse({ job, grid }))).toHaveLength(10_000);
    const huge = Object.fromEntries([...'abcdefghij'].map((name) => [name, tens]));
    expect(sweepSchema.safeParse({ job, grid: huge }).error?.issues[0]?.message).toBe(
      'makes 10000000000 jobs, and a sweep has at most 10000',
    );
  });

  it('come from a grid or a list, not both and not neither', () => {
    for (const both of [{}, { grid: { a: [1] }, list: [{ a: 1 }] }]) {
      expect(sweepSchema.safeParse({ job, ...both }).success).toBe(false);
    }
  });
});

describe('the end of a sweep', () => {
  const none = { queued: 0, active: 0, succeeded: 0, failed: 0, canceled: 0 };
  it('comes when none of its jobs can go on, and says how many did what', () => {
    expect(judgeSweep({ ...none, succeeded: 2, active: 1 }, 3, false)).toBeNull();
    expect(judgeSweep({ ...none, succeeded: 2, queued: 1 }, 3, false)).toBeNull();
    expect(judgeSweep({ ...none, succeeded: 3 }, 3, false)).toEqual({
      ...{ state: 'succeeded', detail: '3 of 3 succeeded' },
    });
    expect(judgeSweep({ ...none, succeeded: 1, failed: 1, canceled: 1 }, 3, false)).toEqual({
      ...{ state: 'failed', detail: '1 of 3 succeeded, 1 failed, 1 canceled' },
    });
    expect(judgeSweep({ ...none, succeeded: 1, canceled: 2 }, 3, true)?.state).toBe('canceled');
  });

  it('is told in one sentence', () => {
    const sweep = { id: 's', total: 4, detail: null, since: '2026-03-01T09:00:00.000Z' };
    const tally = { ...none, succeeded: 1, failed: 1, active: 2 };
    expect(explainSweep({ ...sweep, state: 'running' }, tally)).toBe(
      'sweep/s runs since 2026-03-01 09:00:00 UTC: 2 of 4 over, 2 at work, 0 waiting; 1 failed.',
    );
  });
});
