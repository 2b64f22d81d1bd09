import { open } from 'node:fs/promises';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LogChunk, LogRange } from '../containers.ts';
import { readRange } from '../log-range.ts';
import { archivedLogFolder, instanceFolder, type Home } from './home.ts';
import { segmentsIn } from './log-writer.ts';
import { isErrno, logFolder } from './records.ts';
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
      over: state === null || state.exit !== null,
      read: (from, to) => readSegments(folder, from, to),
    },
    range,
  );
}

/** Success when there is none. */
export function forgetInstanceLog(home: Home, name: string): void {
  rmSync(archivedLogFolder(home, name), { recursive: true, force: true });
}

/** Fewer bytes, from the beginning of the range, when a segment was dropped meanwhile. */
async function readSegments(folder: string, from: number, to: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let at = from;
  for (const segment of segmentsIn(folder)) {
    if (segment.start > at || at >= to) break;
    if (at >= segment.start + segment.size) continue;
    const part = await readPart(
      join(folder, segment.name),
      at - segment.start,
      Math.min(to - at, segment.start + segment.size - at),
    );
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts);
}

async function readPart(path: string, position: number, length: number): Promise<Uint8Array> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  });
  if (file === null) return new Uint8Array();
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
