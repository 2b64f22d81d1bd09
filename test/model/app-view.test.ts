import { describe, expect, it } from 'vitest';
import { explainApp, statusOf, type AppCondition } from '../../src/model/app-view.ts';

const condition: AppCondition = {
  wanted: 'asleep',
  phase: 'none',
  generation: 3,
  host: 'lab-2',
  since: '2026-01-02T03:04:05.678Z',
  actor: 'ada',
  why: 'a visit',
  detail: null,
  restartAt: null,
  sleepsAt: null,
  exit: null,
  lastLogLines: [],
};
const explain = (changes: Partial<AppCondition>) =>
  explainApp('plot', { ...condition, ...changes });

describe('the sentence about an app', () => {
  it.each([
    [
      {},
      'plot is asleep since 2026-01-02 03:04:05 UTC, put to sleep by ada (a visit); it wakes when somebody opens it.',
    ],
    [
      { generation: 0, why: 'definition 1' },
      'plot was registered at 2026-01-02 03:04:05 UTC by ada (definition 1) and has not run yet; it wakes when somebody opens it.',
    ],
    [
      { wanted: 'awake', phase: 'starting', detail: 'pulling the image' },
      'plot is starting since 2026-01-02 03:04:05 UTC for ada (a visit); pulling the image.',
    ],
    [
      { wanted: 'awake', phase: 'ready', sleepsAt: '2026-01-02T04:00:00.000Z' },
      'plot is ready on lab-2 since 2026-01-02 03:04:05 UTC, woken by ada (a visit); without further use it falls asleep at 2026-01-02 04:00:00 UTC.',
    ],
    [
      {
        wanted: 'awake',
        phase: 'restarting',
        exit: { exitCode: null, signal: 'SIGKILL', outOfMemory: true },
        restartAt: '2026-01-02T03:04:09.000Z',
      },
      'plot was killed for using more memory than its limit at 2026-01-02 03:04:05 UTC; it starts again at 2026-01-02 03:04:09 UTC.',
    ],
    [
      { wanted: 'awake', phase: 'failed', detail: 'no such image' },
      'plot failed at 2026-01-02 03:04:05 UTC: no such image; the next visit tries again.',
    ],
    [
      { wanted: 'gone', phase: 'draining' },
      'plot is being removed since 2026-01-02 03:04:05 UTC for ada (a visit).',
    ],
  ] as const)(
    'says what it does, since when, for whom and what it waits for (%#)',
    (changes, text) => {
      expect(explain(changes as Partial<AppCondition>)).toBe(text);
    },
  );

  it('has a status for every pair of wish and phase', () => {
    for (const wanted of ['awake', 'asleep', 'gone'] as const) {
      for (const phase of [
        'none',
        'starting',
        'ready',
        'draining',
        'restarting',
        'failed',
      ] as const) {
        expect(statusOf({ wanted, phase })).toEqual(expect.any(String));
      }
    }
    expect(statusOf({ wanted: 'asleep', phase: 'ready' })).toBe('stopping');
    expect(statusOf({ wanted: 'awake', phase: 'draining' })).toBe('starting');
  });
});
