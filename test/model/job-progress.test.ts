import { describe, expect, it } from 'vitest';
import { progressFigures, progressInWords, timeLeftMs } from '../../src/model/job-progress.ts';

describe('the progress of a program', () => {
  it.each([
    [{ progress_pct: 42.7, step: 67, step_total: 168 }, 42.7, 67, 168],
    [{ step: 3, step_total: 12 }, 25, 3, 12],
    [{ global_step: 50, global_step_total: 200, step: 1, step_total: 2 }, 25, 50, 200],
    [{ global_step: 50, step: 1, step_total: 2 }, null, 50, null],
    [{ progress: { step: 7, reward: 1 } }, null, 7, null],
    [{ progress_pct: 140 }, 100, null, null],
    [{ progress_pct: 'half', step: null, step_total: 0 }, null, null, 0],
    [null, null, null, null],
  ])('is read from %j', (given, percent, step, steps) => {
    expect(progressFigures(given)).toMatchObject({ percent, step, steps });
  });

  it('tells how long it still takes, if it goes on as it went', () => {
    const job = {
      ...{
        state: 'running',
        startedAt: '2026-03-01T09:00:00.000Z',
        progress: { progress_pct: 25 },
      },
      progressAt: '2026-03-01T09:01:00.000Z',
    };
    const nowMs = Date.parse('2026-03-01T09:01:30.000Z');
    expect(timeLeftMs(job, nowMs)).toBe(150_000);
    expect(timeLeftMs({ ...job, state: 'succeeded' }, nowMs)).toBeNull();
    expect(timeLeftMs({ ...job, progress: { progress_pct: 0 } }, nowMs)).toBeNull();
    expect(timeLeftMs({ ...job, progressAt: null }, nowMs)).toBeNull();
  });

  it('is said in words', () => {
    const figures = progressFigures({ progress_pct: 42.7, step: 67, step_total: 168 });
    expect(progressInWords(figures, '3 min')).toBe('42 %, step 67 of 168, about 3 min left');
    expect(progressInWords(progressFigures(null), null)).toBe('');
  });
});
