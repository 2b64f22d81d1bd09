import { describe, expect, it } from 'vitest';
import { barsPath, bytesTop, durationTop, linePath } from '../../src/api/pages/chart.tsx';

const MiB = 1024 * 1024;

describe('what charts are drawn with', () => {
  it('puts bars next to each other, from their beginning to their end, and leaves out empty ones', () => {
    expect(
      barsPath([
        { from: 0, to: 0.5 },
        { from: 0, to: 0 },
        { from: 0.25, to: 1 },
      ]),
    ).toBe('M12 100h76V50h-76zM212 75h76V0h-76z');
  });

  it('draws a line through points, and breaks it where one is missing', () => {
    expect(linePath([{ x: 0, y: 0 }, { x: 0.5, y: 1 }, null, { x: 1, y: 0.5 }])).toBe(
      'M0 100h0L150 0M300 50h0',
    );
  });

  it.each([
    [0, 100],
    [90, 100],
    [1_100, 2_000],
    [61_000, 120_000],
    [5 * 3_600_000, 8 * 3_600_000],
    [24 * 3_600_000, 24 * 3_600_000],
    [25 * 3_600_000, 48 * 3_600_000],
  ])('rounds %d ms up to the scale of %d ms', (greatest, top) => {
    expect(durationTop(greatest)).toBe(top);
  });

  it.each([
    [0, MiB],
    [MiB + 1, 1.5 * MiB],
    [100 * MiB, 128 * MiB],
    [90 * MiB, 96 * MiB],
  ])('rounds %d bytes up to the scale of %d bytes', (greatest, top) => {
    expect(bytesTop(greatest)).toBe(top);
  });
});
