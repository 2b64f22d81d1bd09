import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { segmentsIn } from './segments.ts';

export interface LogLimits {
  maxBytes: number;
  files: number;
  keepsBeginning?: boolean;
}

export interface LogWriter {
  /** Never throws for want of space: what cannot be kept is dropped, counted and told later. */
  write(bytes: Uint8Array): void;
  /** Offset after the last byte that was kept. */
  end(): number;
  /** Tells of what was dropped, if there is space by now, and closes the file. */
  close(): void;
}

/**
 * Keeps output in segments of `maxBytes`, the newest `files` of them; with `keepsBeginning` the first one is among
 * them and what is dropped lies in the middle. A segment's name is the
 * offset of its first byte since the beginning, so offsets stay true when old ones are dropped.
 */
export function openLogWriter(folder: string, limits: LogLimits): LogWriter {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const newest = segmentsIn(folder).at(-1);
  let start = newest?.start ?? 0;
  let size = newest?.size ?? 0;
  let file: number | null = null;
  let droppedBytes = 0;

  function write(bytes: Uint8Array): void {
    if (droppedBytes > 0 && !tellDropped()) {
      droppedBytes += bytes.length;
      return;
    }
    droppedBytes += bytes.length - append(bytes);
  }

  function tellDropped(): boolean {
    const notice = Buffer.from(
      `\n[labkeeper: ${droppedBytes} bytes of output were dropped, the disk had no space]\n`,
    );
    if (append(notice) < notice.length) return false;
    droppedBytes = 0;
    return true;
  }

  /** Gives how many bytes were kept. */
  function append(bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length) {
      try {
        if (size >= limits.maxBytes) rotate();
        file ??= openSync(join(folder, segmentName(start)), 'a', 0o600);
        const room = Math.min(bytes.length - done, limits.maxBytes - size);
        const written = writeSync(file, bytes, done, room);
        done += written;
        size += written;
      } catch (error) {
        if (!isWantOfSpace(error)) throw error;
        return done;
      }
    }
    return done;
  }

  function rotate(): void {
    if (file !== null) closeSync(file);
    file = null;
    start += size;
    size = 0;
    const segments = segmentsIn(folder);
    const kept = limits.keepsBeginning === true && segments[0]?.start === 0 ? 1 : 0;
    // The one about to be opened counts.
    const excess = segments.slice(kept, Math.max(kept, segments.length - limits.files + 1 + kept));
    for (const segment of excess) rmSync(join(folder, segment.name), { force: true });
  }

  function close(): void {
    if (droppedBytes > 0) tellDropped();
    if (file !== null) closeSync(file);
    file = null;
  }

  return { write, end: () => start + size, close };
}

const segmentName = (start: number): string => `${String(start).padStart(15, '0')}.log`;

function isWantOfSpace(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO' || code === 'EFBIG';
}
