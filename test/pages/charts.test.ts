import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { openPages, visit, type PagesBed } from './bed.ts';
import { fillHistory } from './history-rows.ts';

describe.runIf(requirePart('postgres'))('the history on the page of an app', () => {
  let bed: PagesBed;
  beforeAll(async () => {
    bed = await openPages();
    await bed.register('board');
    await fillHistory(bed.databaseUrl, 'board');
    await bed.register('fresh');
  });
  afterAll(() => bed.close());

  const chartOf = (html: string, id: string): string =>
    (html.match(/<figure[^>]*>.*?<\/figure>/gs) ?? []).find((figure) =>
      figure.includes(`id="${id}-title"`),
    ) ?? '';
  const rowsOf = (chart: string): string[][] =>
    [...(/<tbody>(.*)<\/tbody>/s.exec(chart)?.[1] ?? '').matchAll(/<tr>(.*?)<\/tr>/gs)].map(
      ([, row = '']) => [...row.matchAll(/<td[^>]*>([^<]*)<\/td>/g)].map(([, text]) => text ?? ''),
    );

  it('draws the awake time of each day, and says it as a table', async () => {
    const chart = chartOf((await visit(bed, '/manage/app/board')).html, 'awake');
    expect(chart).toContain('role="img"');
    expect(chart).toMatch(
      /aria-label="Awake by day: Awake for [\d.]+ h in 30 days, woken \d+ times\."/,
    );
    const rows = rowsOf(chart);
    expect(rows).toHaveLength(22);
    expect(rows[0]?.slice(1)).toEqual(['1 h', '1']);
    expect(/class="bars" d="([^"]*)"/.exec(chart)?.[1]?.match(/M/g)).toHaveLength(22);
  });

  it('draws each wake by its phases, newest first in the table', async () => {
    const chart = chartOf((await visit(bed, '/manage/app/board')).html, 'wakes');
    expect(chart).toContain('The last 20 wakes: half within 953 ms, the slowest 3.8 s.');
    const rows = rowsOf(chart);
    expect(rows).toHaveLength(20);
    expect(rows[0]?.slice(1)).toEqual([
      '1.1 s',
      '40 ms',
      '8 ms',
      '0 ms',
      '120 ms',
      '900 ms',
      '5 ms',
    ]);
    const pathOf = (phase: string) =>
      new RegExp(`class="phase-${phase}" d="([^"]*)"`).exec(chart)?.[1];
    // Each phase stands on the one before it.
    const [, topOfStart] = /V([\d.]+)/.exec(pathOf('start') ?? '') ?? [];
    expect(pathOf('probe')).toMatch(new RegExp(`^M[\\d.]+ ${topOfStart}h`));
    // Only one of them had to pull its image.
    expect(/class="phase-pull" d="([^"]*)"/.exec(chart)?.[1]?.match(/M/g)).toHaveLength(1);
  });

  it('draws the memory of a day with its gaps, and of a month when asked', async () => {
    const { html } = await visit(bed, '/manage/app/board');
    const chart = chartOf(html, 'memory');
    expect(chart).toContain('Peak 100 MiB of 1.0 GiB');
    expect(/class="line" d="([^"]*)"/.exec(chart)?.[1]?.match(/M/g)).toHaveLength(2);
    expect(rowsOf(chart).length).toBeLessThanOrEqual(25);
    expect(html).toContain('href="/manage/app/board?memory=month#memory-title"');
    const month = await visit(bed, '/manage/app/board?memory=month');
    expect(month.html).toContain('No memory was measured in the last 30 days.');
    expect(month.html).toContain('Memory of the last day');
  });

  it('says of an app that has not run that there is nothing to draw', async () => {
    const { html } = await visit(bed, '/manage/app/fresh');
    expect(html).toContain('It has not run in the last 30 days.');
    expect(html).not.toContain('<figure');
  });
});
