import { describe, expect, it } from 'vitest';
import { fullSpaceInWords, type FullSpace } from '../../src/model/awake-quota.ts';

const full: FullSpace = {
  title: 'Biology',
  maxAwakeApps: 2,
  next: { app: 'board', sleepsAt: '2026-11-25T10:40:31.000Z' },
};
const remedy = 'or ask an operator to raise its quota (maxAwakeApps)';

describe('the words on a space whose quota of apps awake is full', () => {
  it.each<[string, FullSpace, boolean, string]>([
    [
      'name what sleeps next',
      full,
      true,
      `the space Biology has 2 apps awake, all it may have; board falls asleep at 10:40 UTC if nobody uses it. Wait, stop one of its apps, ${remedy}`,
    ],
    [
      'name no app to a stranger',
      full,
      false,
      `the space Biology has 2 apps awake, all it may have; the next of them falls asleep at 10:40 UTC if nobody uses it. Wait, stop one of its apps, ${remedy}`,
    ],
    [
      'say that none has a time to sleep',
      { ...full, maxAwakeApps: 1, next: null },
      true,
      `the space Biology has an app awake, all it may have; none of them has a time to fall asleep yet. Wait, stop one of its apps, ${remedy}`,
    ],
    [
      'promise nothing where none may be awake',
      { ...full, maxAwakeApps: 0, next: null },
      true,
      'the space Biology may have no app awake. Ask an operator to raise its quota (maxAwakeApps)',
    ],
  ])('%s', (_what, space, namesApps, words) => {
    expect(fullSpaceInWords(space, { namesApps })).toBe(words);
  });
});
