/** A space whose quota of apps awake at once is full, and what will free a place in it. */
export interface FullSpace {
  /** Shown to people. */
  title: string;
  maxAwakeApps: number;
  /** Which of them falls asleep first if nobody uses it; null when none says when. */
  next: { app: string; sleepsAt: string } | null;
}

/**
 * Why an app is not woken, and what to do. `namesApps` false leaves out which app sleeps next: a
 * visitor who has only a link to one app must not learn of the others.
 */
export function fullSpaceInWords(
  { title, maxAwakeApps, next }: FullSpace,
  { namesApps }: { namesApps: boolean },
): string {
  const operator = 'ask an operator to raise its quota (maxAwakeApps)';
  if (maxAwakeApps === 0) {
    return `the space ${title} may have no app awake. ${operator.replace('a', 'A')}`;
  }
  const most = maxAwakeApps === 1 ? 'an app' : `${maxAwakeApps} apps`;
  const which = namesApps && next !== null ? next.app : 'the next of them';
  const freed =
    next === null
      ? 'none of them has a time to fall asleep yet'
      : `${which} falls asleep at ${next.sleepsAt.slice(11, 16)} UTC if nobody uses it`;
  return `the space ${title} has ${most} awake, all it may have; ${freed}. Wait, stop one of its apps, or ${operator}`;
}
