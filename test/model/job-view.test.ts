import { describe, expect, it } from 'vitest';
import { explainJob, waitInWords, type JobFacts } from '../../src/model/job-view.ts';
import type { Wait } from '../../src/model/queue.ts';

const at = '2026-03-01T09:00:00.000Z';
const job: JobFacts = {
  ...{ id: 'run-7', state: 'queued', attempt: 0, host: null, detail: null, exit: null },
  ...{ cancel: null, lost: null, since: at, readyAt: at, runDeadlineAt: null },
};
const position = (wait: Wait, ahead = 0, startsInMs: number | null = null) => ({
  ...{ ahead, wait, startsInMs },
});

describe('the sentence on a job that waits', () => {
  it.each([
    [
      position({ reason: 'capacity', lacks: '1 GPU' }, 3, 840_000),
      'waiting for 1 GPU; 3 before it; about 14 min',
    ],
    [position({ reason: 'capacity', lacks: '4 cores' }, 0, 12), 'waiting for 4 cores; soon'],
    [
      position({ reason: 'no_host', lacks: '200 cores for a command' }),
      'no host has 200 cores for a command',
    ],
    [
      position({ reason: 'host_silent', host: 'lab-2' }),
      'the host lab-2 is not heard of, or its disk is full',
    ],
    [
      position({ reason: 'person_cap', limit: 2 }),
      'its owner has 2 jobs running, the most one person may',
    ],
    [position({ reason: 'sweep_cap', limit: 4 }), '4 jobs of its sweep run, the most that may'],
    [
      position({ reason: 'kept_for', job: 'big' }),
      'the room that is free is kept for job/big, which waits for longer',
    ],
    [
      position({ reason: 'held', hold: { of: 'queue', actor: 'eve', why: 'exam' } }),
      'the queue is held by eve: exam',
    ],
  ])('says what it waits for, and for about how long', (queue, expected) => {
    expect(waitInWords(queue)).toBe(expected);
    expect(explainJob(job, queue)).toBe(
      `job/run-7 waits since 2026-03-01 09:00:00 UTC: ${expected}.`,
    );
  });

  it('also says why it waits anew', () => {
    const again = { ...job, attempt: 1, detail: 'tries again: ended with exit code 3' };
    expect(explainJob(again, null)).toBe(
      'job/run-7 waits since 2026-03-01 09:00:00 UTC: it is about to be looked at; it tries again: ended with exit code 3.',
    );
  });
});
