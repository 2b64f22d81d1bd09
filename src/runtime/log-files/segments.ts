import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

/** One file of a log. All of a log are kept in one folder, whatever runtime wrote them. */
export interface Segment {
  name: string;
  /** Offset of its first byte since the beginning of the log. */
  start: number;
  size: number;
}

/** Oldest first; none when the folder is absent. */
export function segmentsIn(folder: string): Segment[] {
  const segments: Segment[] = [];
  for (const name of namesIn(folder)) {
    if (!/^\d{15}\.log$/.test(name)) continue;
    const size = statSync(join(folder, name), { throwIfNoEntry: false })?.size;
    if (size !== undefined) segments.push({ name, start: Number.parseInt(name, 10), size });
  }
  return segments.sort((a, b) => a.start - b.start);
}

/** What was dropped between the first segments and the newest ones. */
export function gapIn(segments: readonly Segment[]): { from: number; to: number } | null {
  for (const [at, { start }] of segments.entries()) {
    const before = segments[at - 1];
    const end = before === undefined ? start : before.start + before.size;
    if (end < start) return { from: end, to: start };
  }
  return null;
}

/** Fewer bytes, from the beginning of the range, when a segment was dropped meanwhile. */
export async function readSegments(folder: string, from: number, to: number): Promise<Uint8Array> {
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
    if (isAbsent(error)) return null;
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

/** Drops what lies behind `end`: written by somebody who could not say so any more. */
export function cutSegments(folder: string, end: number): void {
  for (const segment of segmentsIn(folder)) {
    const path = join(folder, segment.name);
    if (segment.start >= end) rmSync(path, { force: true });
    else if (segment.start + segment.size > end) truncateSync(path, end - segment.start);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
