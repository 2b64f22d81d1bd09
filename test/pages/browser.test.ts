import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  keepScreenshot,
  openBrowser,
  scrollsSideways,
  type BrowserBed,
  type PageOptions,
  type Visitor,
} from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { openPages, type PagesBed } from './bed.ts';
import { faintTexts } from './contrast.ts';

const parts = requirePart('postgres') && requirePart('chromium');

describe.runIf(parts)('pages in a browser', () => {
  let bed: PagesBed;
  let server: Server;
  let browser: BrowserBed;
  let url: string;
  let logText = 'listening on 127.0.0.1:40123\n';

  const visit = async (
    path: string,
    run: (visitor: Visitor) => Promise<void>,
    options: PageOptions = {},
  ) => {
    const visitor = await browser.open(options);
    try {
      await visitor.page.goto(`${url}${path}`, { waitUntil: 'load' });
      await run(visitor);
    } finally {
      await visitor.close();
    }
  };

  beforeAll(async () => {
    bed = await openPages({
      settings: { maxEventStreams: 200 },
      logReader: {
        read: async (_host, _instance, { fromByte = 0 }) => {
          const bytes = new TextEncoder().encode(logText.slice(fromByte));
          return { fromByte, nextByte: logText.length, bytes, complete: false };
        },
        usage: async () => ({
          memoryBytes: 61 * 1024 * 1024,
          memoryLimitBytes: 128 * 1024 * 1024,
          cpus: 0.04,
          pids: 11,
        }),
      },
    });
    server = createAdaptorServer({ fetch: bed.app.fetch }) as Server;
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await openBrowser();
    await bed.register('board', {
      title: 'Shared drawing board',
      description: 'Draw together in the browser. It sleeps two minutes after the last stroke.',
    });
    await bed.reach('board', 'ready', {
      sleepsInMs: 90_000,
    });
    await bed.register('report', { title: 'Sales report' });
    await bed.register('spectrum-analysis-of-the-large-telescope', {
      image: 'lab/fft:3',
      port: 80,
    });
    await bed.reach('spectrum-analysis-of-the-large-telescope', 'starting', {
      detail: 'waiting for its health check',
    });
    await bed.register('broken', { title: 'Broken thing' });
    await bed.reach('broken', 'failed', {
      detail: 'exited with code 3; gave up after 5 restarts',
      exit: { exitCode: 3, signal: null, outOfMemory: false },
      lastLogLines: ['Traceback (most recent call last):', 'KeyError: "no such table"'],
    });
  });
  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await bed.close();
  });

  const pages = {
    home: '/',
    manage: '/manage',
    app: '/manage/app/board',
    failed: '/manage/app/broken',
    hosts: '/manage/hosts',
    events: '/manage/events',
    missing: '/manage/app/nobody',
  };
  const looks = [
    { width: 1280, colorScheme: 'light' },
    { width: 1280, colorScheme: 'dark' },
    { width: 360, colorScheme: 'light' },
    { width: 360, colorScheme: 'dark' },
  ] as const;

  it.each(Object.entries(pages))(
    'fits %s into every window without scrolling sideways or complaints',
    async (name, path) => {
      await visit(path, async ({ page, complaints }) => {
        for (const { width, colorScheme } of looks) {
          await page.setViewportSize({ width, height: 900 });
          await page.emulateMedia({ colorScheme });
          await keepScreenshot(page, `${name}-${width}-${colorScheme}`);
          expect(await scrollsSideways(page)).toBe(false);
        }
        const unexpected = complaints.filter((text) => !text.includes('status of 404'));
        expect(unexpected).toEqual([]);
      });
    },
  );

  it('shows a change of state on Home while it is open, and says it', async () => {
    await bed.register('changing', { title: 'Changing app' });
    await visit('/', async ({ page }) => {
      const card = page.locator('#app-changing');
      await page.getByText('Live', { exact: true }).waitFor();
      expect(await card.getByText('Asleep', { exact: true }).count()).toBe(1);
      await bed.reach('changing', 'ready');
      await card.getByText('Ready', { exact: true }).waitFor();
      await eventually(async () => {
        expect(await page.locator('#news').textContent()).toContain('Changing app: Ready');
      });
    });
  });

  it('shows an app that is registered while Home is open', async () => {
    await visit('/', async ({ page }) => {
      await page.getByText('Live', { exact: true }).waitFor();
      await bed.register('newcomer');
      await page.locator('#app-newcomer').waitFor();
    });
  });

  it('follows the output of an app and keeps its markup as text', async () => {
    await visit('/manage/app/board', async ({ page }) => {
      logText += 'GET / 200 <b>bold</b>\n';
      const log = page.locator('#log');
      await eventually(async () => {
        expect(await log.textContent()).toContain('GET / 200 <b>bold</b>');
      });
      expect(await log.locator('b').count()).toBe(0);
    });
  });

  it('leads by keyboard from the top of Home to a stop of an app', async () => {
    await visit('/', async ({ page }) => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toContain('Skip');
      await page.keyboard.press('Enter');
      const details = page.locator('#app-board').getByRole('link', { name: /^Details/ });
      await tabTo(page, details);
      await page.keyboard.press('Enter');
      await page.waitForURL('**/manage/app/board');
      await tabTo(page, page.getByRole('button', { name: 'Keep awake' }));
      expect(await outlineOf(page)).not.toBe('none');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/manage/app/board?operation=*');
      await page.getByText('wake of app/board, asked for by local user').waitFor();
    });
  });

  it('keeps focus and an open question while the page is brought up to date', async () => {
    await visit('/manage/app/board', async ({ page }) => {
      await page.getByText('Live', { exact: true }).waitFor();
      await page.getByText('Remove …').click();
      const confirm = page.getByRole('button', { name: 'Remove board' });
      await confirm.focus();
      await bed.store.events.append('app/board', { actor: 'test', what: 'looked at', why: '' });
      await page.getByText('looked at').first().waitFor();
      expect(await confirm.isVisible()).toBe(true);
      expect(await confirm.evaluate(hasFocus)).toBe(true);
    });
  });

  it('acts and reads without a script', async () => {
    await bed.register('scriptless');
    await visit(
      '/manage/app/scriptless',
      async ({ page }) => {
        await page.getByText('Remove …').click();
        await page.getByRole('button', { name: 'Remove scriptless' }).click();
        await page.waitForURL('**/manage?operation=*');
        expect(await page.getByText('remove of app/scriptless').count()).toBe(1);
      },
      { javaScript: false },
    );
  });

  it('says when it is not live, and catches up with what happened meanwhile', async () => {
    await bed.register('missed');
    await visit('/', async ({ page }) => {
      await page.getByText('Live', { exact: true }).waitFor();
      server.closeAllConnections();
      await page.getByText('Not live: trying again').waitFor();
      await bed.reach('missed', 'ready');
      await page.locator('#app-missed').getByText('Ready', { exact: true }).waitFor();
      await page.getByText('Live', { exact: true }).waitFor();
    });
  });

  it('filters apps while somebody types', async () => {
    await visit('/manage', async ({ page }) => {
      await page.getByLabel('Name or title').fill('draw');
      await eventually(async () => {
        expect(await page.locator('tbody tr').count()).toBe(1);
      });
      expect(new URL(page.url()).search).toBe('?search=draw');
    });
  });

  it.each(['light', 'dark'] as const)('has text that can be read in %s', async (colorScheme) => {
    await visit(
      '/manage',
      async ({ page }) => {
        expect(await page.evaluate(faintTexts)).toEqual([]);
      },
      { colorScheme },
    );
  });
});

async function tabTo(page: Visitor['page'], target: ReturnType<Visitor['page']['locator']>) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    if (await target.evaluate(hasFocus)) return;
  }
  throw new Error('it cannot be reached by Tab');
}

/** Runs in the browser. */
const hasFocus = (node: { ownerDocument: { activeElement: unknown } }): boolean =>
  node.ownerDocument.activeElement === node;

const outlineOf = (page: Visitor['page']): Promise<string> =>
  page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
