import { describe, expect, it } from 'vitest';
import { ageActor } from '../../src/model/app-state.ts';
import { inWords, readClocks } from '../../src/model/idle-clocks.ts';

const idle = { idleAfterMs: 1_000, disconnectedAfterMs: 100, maxAgeMs: null, warnBeforeMs: 0 };
const use = { idleMs: 0, disconnectedMs: null, awakeMs: 0, inFlight: 0 };

describe('the idle clocks', () => {
  it('end after the idle time without use, whether a tab is open or not', () => {
    expect(readClocks({ ...use, idleMs: 400, disconnectedMs: 0 }, idle).sleepInMs).toBe(100);
    expect(readClocks({ ...use, idleMs: 400 }, idle).sleepInMs).toBe(600);
    expect(readClocks({ ...use, idleMs: 1_000 }, idle)).toMatchObject({
      sleepInMs: 0,
      sleepCause: 'not used for 1 s',
    });
  });

  it('end sooner once the last connection is gone', () => {
    const gone = readClocks({ ...use, idleMs: 150, disconnectedMs: 90 }, idle);
    expect(gone).toMatchObject({ sleepInMs: 10, sleepCause: 'nobody connected for 100 ms' });
  });

  it('start again with use after the last connection closed', () => {
    expect(readClocks({ ...use, idleMs: 5, disconnectedMs: 90 }, idle).sleepInMs).toBe(95);
  });

  it('say nothing about connections of an app that never had one', () => {
    expect(readClocks({ ...use, idleMs: 500 }, idle).sleepInMs).toBe(500);
  });

  it('do not end while a request is in flight, but for the greatest age', () => {
    const download = { ...use, idleMs: 5_000, disconnectedMs: 5_000, awakeMs: 5_000, inFlight: 1 };
    expect(readClocks(download, idle).sleepInMs).toBe(1_000);
    expect(readClocks(download, { ...idle, maxAgeMs: 5_000 })).toMatchObject({
      sleepInMs: 0,
      sleepActor: ageActor,
    });
  });
});

describe('a duration in words', () => {
  it.each([
    [5, '5 ms'],
    [1_500, '1.5 s'],
    [90_000, '1.5 min'],
    [7_200_000, '2 h'],
    [172_800_000, '2 d'],
  ])('%d ms is %s', (durationMs, words) => {
    expect(inWords(durationMs)).toBe(words);
  });
});
