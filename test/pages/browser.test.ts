import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Visitor } from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { openPagesInBrowser, type BrowserPagesBed } from './browser-bed.ts';

const parts = requirePart('postgres') && requirePart('chromium');

describe.runIf(parts)('pages in a browser', () => {
  let bed: BrowserPagesBed;
  let logText = 'listening on 127.0.0.1:40123\n';

  beforeAll(async () => {
    bed = await openPagesInBrowser({
      logReader: {
        read: async (_host, _instance, { fromByte = 0 }) => {
          const bytes = new TextEncoder().encode(logText.slice(fromByte));
          return { fromByte, nextByte: logText.length, bytes, complete: false };
        },
        usage: async () => null,
      },
    });
    await bed.register('board', {
      title: 'Shared drawing board',
      description: 'Draw together in the browser. It sleeps two minutes after the last stroke.',
    });
    await bed.reach('board', 'ready', {
      sleepsInMs: 90_000,
    });
    await bed.register('report', { title: 'Sales report' });
  });
  afterAll(() => bed.close());

  it('shows a change of state on Home while it is open, and says it', async () => {
    await bed.register('changing', { title: 'Changing app' });
    await bed.visit('/', async ({ page }) => {
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
    await bed.visit('/', async ({ page }) => {
      await page.getByText('Live', { exact: true }).waitFor();
      await bed.register('newcomer');
      await page.locator('#app-newcomer').waitFor();
    });
  });

  it('follows the output of an app and keeps its markup as text', async () => {
    await bed.visit('/manage/app/board', async ({ page }) => {
      logText += 'GET / 200 <b>bold</b>\n';
      const log = page.locator('#log');
      await eventually(async () => {
        expect(await log.textContent()).toContain('GET / 200 <b>bold</b>');
      });
      expect(await log.locator('b').count()).toBe(0);
    });
  });

  it('leads by keyboard from the top of Home to a stop of an app', async () => {
    await bed.visit('/', async ({ page }) => {
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
    await bed.visit('/manage/app/board', async ({ page }) => {
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

  it('closes a question with Escape, and goes back to what asked it', async () => {
    await bed.visit('/manage/app/board', async ({ page }) => {
      const question = page.getByText('Remove …');
      await question.focus();
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      const confirm = page.getByRole('button', { name: 'Remove board' });
      expect(await confirm.evaluate(hasFocus)).toBe(true);
      await page.keyboard.press('Escape');
      expect(await confirm.isVisible()).toBe(false);
      expect(await question.evaluate(hasFocus)).toBe(true);
      expect(await bed.store.apps.find('board')).not.toBeNull();
    });
  });

  it('acts and reads without a script', async () => {
    await bed.register('scriptless');
    await bed.visit(
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
    await bed.visit('/', async ({ page }) => {
      await page.getByText('Live', { exact: true }).waitFor();
      bed.server.closeAllConnections();
      await page.getByText('Not live: trying again').waitFor();
      await bed.reach('missed', 'ready');
      await page.locator('#app-missed').getByText('Ready', { exact: true }).waitFor();
      await page.getByText('Live', { exact: true }).waitFor();
    });
  });

  it('filters apps while somebody types', async () => {
    await bed.visit('/manage', async ({ page }) => {
      await page.getByLabel('Name or title').fill('draw');
      await eventually(async () => {
        expect(await page.locator('tbody tr').count()).toBe(1);
      });
      expect(new URL(page.url()).search).toBe('?search=draw');
    });
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
