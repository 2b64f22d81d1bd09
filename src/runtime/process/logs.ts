import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LogChunk, LogRange } from '../containers.ts';
import { gapIn, readSegments, segmentsIn } from '../log-files/segments.ts';
import { readRange } from '../log-range.ts';
import { archivedLogFolder, instanceFolder, namePattern, type Home } from './home.ts';
import { logFolder } from './records.ts';
import { readRecords } from './state.ts';

/** Reads the live log, or the one that was kept when the instance was removed. */
export async function readInstanceLog(
  home: Home,
  name: string,
  range: LogRange,
): Promise<LogChunk> {
  // Over or not is asked before the end is looked for: what comes in between is read next time.
  const state = readRecords(home, name);
  const live = join(instanceFolder(home, name), logFolder);
  const folder = existsSync(live) ? live : archivedLogFolder(home, name);
  const segments = segmentsIn(folder);
  const last = segments.at(-1);
  return readRange(
    {
      start: segments[0]?.start ?? 0,
      end: last === undefined ? 0 : last.start + last.size,
      gap: gapIn(segments),
      over: state === null || state.exit !== null,
      read: (from, to) => readSegments(folder, from, to),
    },
    range,
  );
}

/** Of instances that are gone. */
export function archivedLogNames(home: Home): string[] {
  const folder = dirname(archivedLogFolder(home, 'any'));
  return existsSync(folder) ? readdirSync(folder).filter((name) => namePattern.test(name)) : [];
}

/** Success when there is none. */
export function forgetInstanceLog(home: Home, name: string): void {
  rmSync(archivedLogFolder(home, name), { recursive: true, force: true });
}
