import type { LogChunk, LogRange } from './containers.ts';

const mostBytes = 1024 * 1024;
const newline = 0x0a;

/** What a log has to give: offsets count from its beginning, dropped bytes included. */
export interface LogSource {
  /** Offset of the first byte that is still kept. */
  start: number;
  /** Offset after the last byte. */
  end: number;
  /** What was dropped in between. */
  gap: { from: number; to: number } | null;
  /** True when nothing will be added. */
  over: boolean;
  /** The bytes from `from` up to `to`; fewer when they were dropped meanwhile. */
  read(from: number, to: number): Promise<Uint8Array>;
}

/** Answers a range of a log as the port promises it, whatever keeps the bytes. */
export async function readRange(source: LogSource, range: LogRange): Promise<LogChunk> {
  const maxBytes = Math.max(0, Math.min(range.maxBytes ?? mostBytes, mostBytes));
  const { start, end, gap, over } = source;
  if (range.tailBytes !== undefined) {
    const wanted = Math.min(range.tailBytes, maxBytes);
    // Not across what was dropped.
    const least = Math.max(start, gap?.to ?? 0);
    const from = Math.max(least, end - wanted);
    // One byte more tells whether the cut fell on the start of a line.
    const before = from > least ? 1 : 0;
    const bytes = await source.read(from - before, end);
    const skip = before === 0 ? 0 : lineStart(bytes);
    return chunk(from - before + skip, bytes.subarray(skip), end, over);
  }
  const asked = Math.min(Math.max(range.fromByte ?? 0, start), end);
  const isDropped = gap !== null && asked >= gap.from && asked < gap.to;
  const from = isDropped ? gap.to : asked;
  const stop = gap !== null && from < gap.from ? gap.from : end;
  const bytes = await source.read(from, Math.min(stop, from + maxBytes));
  return chunk(from, bytes, end, over);
}

/** After the first line end; where there is none, the cut stays in the line, after its extra byte. */
function lineStart(bytes: Uint8Array): number {
  const at = bytes.indexOf(newline);
  return at === -1 || at === bytes.length - 1 ? 1 : at + 1;
}

function chunk(fromByte: number, bytes: Uint8Array, end: number, over: boolean): LogChunk {
  const nextByte = fromByte + bytes.length;
  return { fromByte, bytes, nextByte, complete: over && nextByte >= end };
}
