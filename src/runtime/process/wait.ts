import { setTimeout as pause } from 'node:timers/promises';
import { watch, type FSWatcher } from 'node:fs';

/**
 * Gives the first answer of `look` that is not null; null at the deadline. Looks again whenever
 * something changes in `folder`, and now and then, since hints of the file system may be lost.
 */
export async function waitFor<Result>(
  folder: string,
  deadlineMs: number,
  look: () => Result | null,
): Promise<Result | null> {
  const endsAtMs = performance.now() + deadlineMs;
  let wake: () => void = () => undefined;
  const watcher = watchFolder(folder, () => wake());
  try {
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const found = look();
      if (found !== null) return found;
      const leftMs = endsAtMs - performance.now();
      if (leftMs <= 0) return null;
      const timer = new AbortController();
      const lull = pause(Math.min(200, leftMs), undefined, { signal: timer.signal });
      await Promise.race([changed, lull.catch(() => undefined)]);
      timer.abort();
    }
  } finally {
    watcher?.close();
  }
}

/** Null where it cannot be watched (too many watches, or it is gone): then only time helps. */
function watchFolder(folder: string, changed: () => void): FSWatcher | null {
  try {
    const watcher = watch(folder, changed);
    watcher.on('error', changed);
    return watcher;
  } catch {
    return null;
  }
}
