import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barriersOn } from '../beds/barriers.ts';
import { keepScreenshot, scrollsSideways, type Visitor } from '../beds/browser.ts';
import { requirePart } from '../beds/require.ts';
import type { BrowserPagesBed } from './browser-bed.ts';
import { openFilledPages } from './filled.ts';
import { pageList } from './list.ts';

const parts = requirePart('postgres') && requirePart('chromium');

/** What a page may weigh at its first visit, with its style, script and icon, over the wire. */
const maxTransferBytes = 100_000;

const looks = [
  { width: 1280, colorScheme: 'light' },
  { width: 1280, colorScheme: 'dark' },
  { width: 360, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark' },
] as const;

describe.runIf(parts)('every page', () => {
  let bed: BrowserPagesBed;
  const weighed: string[] = [];
  beforeAll(async () => {
    bed = await openFilledPages();
  });
  afterAll(async () => {
    process.stdout.write(`${weighed.join('\n')}\n`);
    await bed.close();
  });

  it.each(pageList)(
    '$name is small, has no barrier that axe finds, and fits every window and colours without complaints',
    async ({ name, path, as }) => {
      const look = async ({ page, complaints }: Visitor) => {
        const { bytes, firstPaintMs } = await figuresOf(page);
        weighed.push(
          `${name.padEnd(16)} ${bytes} bytes, first paint after ${Math.round(firstPaintMs)} ms`,
        );
        expect(bytes).toBeLessThanOrEqual(maxTransferBytes);
        for (const { width, colorScheme } of looks) {
          await page.setViewportSize({ width, height: 900 });
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await keepScreenshot(page, `${name}-${width}-${colorScheme}`);
          const barriers = await barriersOn(page);
          expect([width, colorScheme, barriers]).toEqual([width, colorScheme, []]);
          expect(await scrollsSideways(page)).toBe(false);
        }
        const unexpected = complaints.filter((text) => !/status of 40[34]/.test(text));
        expect(unexpected).toEqual([]);
      };
      await bed.visit(path, look, as === null ? {} : { as });
    },
    120_000,
  );
});

/** Bytes of a first visit, headers counted, and when something was to be seen. */
function figuresOf(page: Visitor['page']): Promise<{ bytes: number; firstPaintMs: number }> {
  return page.evaluate(`(async () => {
    const painted = () => performance.getEntriesByName('first-contentful-paint')[0];
    while (painted() === undefined) await new Promise((done) => requestAnimationFrame(done));
    const files = performance.getEntriesByType('resource')
      .filter(({ initiatorType }) => initiatorType !== 'fetch');
    const loads = [...performance.getEntriesByType('navigation'), ...files];
    return {
      bytes: loads.reduce((sum, { transferSize }) => sum + transferSize, 0),
      firstPaintMs: painted().startTime,
    };
  })()`);
}
