import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogRange } from '../../src/runtime/containers.ts';
import { gapIn, readSegments, segmentsIn } from '../../src/runtime/log-files/segments.ts';
import { openLogWriter } from '../../src/runtime/log-files/writer.ts';
import { readRange } from '../../src/runtime/log-range.ts';

describe('a log that keeps its beginning', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'labkeeper-log-'));
    const limits = { maxBytes: 10, files: 3, keepsBeginning: true };
    const writer = openLogWriter(folder, limits);
    writer.write(Buffer.from('0123456789'));
    writer.close();
    // Whoever goes on with it later keeps the beginning too.
    const later = openLogWriter(folder, limits);
    for (const letter of 'abcdef') later.write(Buffer.from(letter.repeat(10)));
    later.close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = async (range: LogRange) => {
    const segments = segmentsIn(folder);
    const source = {
      start: segments[0]?.start ?? 0,
      end: 70,
      gap: gapIn(segments),
      over: true,
      read: (from: number, to: number) => readSegments(folder, from, to),
    };
    const { fromByte, nextByte, bytes, complete } = await readRange(source, range);
    return [fromByte, nextByte, Buffer.from(bytes).toString(), complete];
  };

  it('drops the middle, and keeps no more than it may', () => {
    expect(segmentsIn(folder).map(({ start, size }) => [start, size])).toEqual([
      [0, 10],
      [50, 10],
      [60, 10],
    ]);
  });

  it.each([
    [{ fromByte: 0 }, [0, 10, '0123456789', false]],
    [{ fromByte: 4, maxBytes: 3 }, [4, 7, '456', false]],
    [{ fromByte: 10 }, [50, 70, `${'e'.repeat(10)}${'f'.repeat(10)}`, true]],
    [{ fromByte: 33 }, [50, 70, `${'e'.repeat(10)}${'f'.repeat(10)}`, true]],
    [{ fromByte: 65 }, [65, 70, 'fffff', true]],
    [{ tailBytes: 3 }, [67, 70, 'fff', true]],
    [{ tailBytes: 1000 }, [50, 70, `${'e'.repeat(10)}${'f'.repeat(10)}`, true]],
  ] as const)('answers %j with %j', async (range, answer) => {
    expect(await read(range)).toEqual(answer);
  });
});
