import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepScreenshot, scrollsSideways } from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { openPagesInBrowser, type BrowserPagesBed } from './browser-bed.ts';

const parts = requirePart('postgres') && requirePart('chromium');

describe.runIf(parts)('the form of an app in a browser', () => {
  let bed: BrowserPagesBed;
  beforeAll(async () => {
    bed = await openPagesInBrowser();
    await bed.register('board', { title: 'Shared drawing board', environment: { MODE: 'slow' } });
    await bed.reach('board', 'ready');
  });
  afterAll(() => bed.close());

  it('says beside a control what is wrong while somebody types, and takes it back', async () => {
    await bed.visit('/manage/apps/new', async ({ page, complaints }) => {
      const name = page.getByLabel('Name', { exact: true });
      const mistake = page.locator('#app-name-mistake');
      await name.fill('Not A Name');
      await page.getByText('must be a DNS label', { exact: false }).first().waitFor();
      expect(await name.getAttribute('aria-invalid')).toBe('true');
      expect(await name.inputValue()).toBe('Not A Name');
      await name.fill('a-name');
      await eventually(async () => expect(await mistake.count()).toBe(0));
      expect(await name.getAttribute('aria-invalid')).toBeNull();
      await page.getByText('a-name is new: it is registered').waitFor();
      expect(complaints).toEqual([]);
    });
  });

  it('complains only of what was touched, and lists the rest at the end', async () => {
    await bed.visit('/manage/apps/new', async ({ page }) => {
      await page.getByLabel('Title').fill('No name yet');
      await page.locator('#plan').getByRole('link', { name: 'Name' }).waitFor();
      expect(await page.locator('#app-name-mistake').count()).toBe(0);
    });
  });

  it('leads by keyboard from a mistake to its control, and saves with Enter', async () => {
    await bed.visit('/manage/apps/new', async ({ page }) => {
      await page.getByLabel('Title').fill('By keyboard');
      await page.getByLabel('Title').press('Enter');
      await page.getByText('Nothing was changed.').waitFor();
      expect(await page.evaluate('document.activeElement.id')).toBe('refusal');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.evaluate('document.activeElement.id')).toBe('app-name');
      await page.keyboard.type('by-keyboard');
      await page.keyboard.press('Enter');
      await page.waitForURL('**/manage/app/by-keyboard?operation=*');
      expect((await bed.store.apps.find('by-keyboard'))?.spec.title).toBe('By keyboard');
    });
  });

  it('shows while somebody types what saving does, so that one Save is enough', async () => {
    await bed.visit('/manage/app/board/edit', async ({ page, complaints }) => {
      await page.getByLabel('Variables').fill('MODE=fast');
      await page.getByText('This restarts board').waitFor();
      await page.getByRole('button', { name: 'Save and restart' }).click();
      await page.waitForURL('**/manage/app/board?operation=*');
      expect((await bed.store.apps.find('board'))?.spec.environment).toEqual({ MODE: 'fast' });
      expect(complaints).toEqual([]);
    });
  });

  it('says that nothing was checked when labkeeper cannot be asked, and keeps what was typed', async () => {
    await bed.visit('/manage/apps/new', async ({ page }) => {
      await page.route('**/manage/apps/new', (route) => route.abort());
      await page.getByLabel('Title').fill('On the train');
      await page.getByText('Not checked: labkeeper does not answer').waitFor();
      await page.unroute('**/manage/apps/new');
      await page.getByLabel('Title').fill('On the train again');
      await page.locator('#plan').getByRole('link', { name: 'Name' }).waitFor();
      expect(await page.getByLabel('Title').inputValue()).toBe('On the train again');
      expect(await page.locator('#live').textContent()).toBe('');
    });
  });

  it('works without a script: mistakes, plan and save', async () => {
    await bed.register('plain', { title: 'Plain' });
    await bed.visit(
      '/manage/app/plain/edit',
      async ({ page }) => {
        await page.getByLabel('CPU cores').fill('many');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText('must be a number').first().waitFor();
        await page.getByLabel('CPU cores').fill('2');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText('its next wake uses the new definition').waitFor();
        await page.getByRole('button', { name: 'Save' }).click();
        await page.waitForURL('**/manage/app/plain?operation=*');
        expect((await bed.store.apps.find('plain'))?.spec.limits.cpus).toBe(2);
      },
      { javaScript: false },
    );
  });

  it('fits into every window, light and dark, with its mistakes', async () => {
    await bed.visit('/manage/apps/new?start=streamlit', async ({ page, complaints }) => {
      await page.getByLabel('Name', { exact: true }).fill('Live plot');
      await page.getByLabel('Memory').fill('1');
      await page.getByText('must be at least 16 MiB').first().waitFor();
      for (const width of [1280, 360]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 900 });
          await page.emulateMedia({ colorScheme });
          await keepScreenshot(page, `form-${width}-${colorScheme}`);
          expect(await scrollsSideways(page)).toBe(false);
        }
      }
      expect(complaints).toEqual([]);
    });
    await bed.visit('/manage/app/board/edit', async ({ page }) => {
      await page.getByLabel('Variables').fill('MODE=quick');
      await page.getByLabel('Secrets').fill('HF_TOKEN=hf-token');
      await page.getByText('Careful').waitFor();
      await keepScreenshot(page, 'form-edit-1280-light');
      await page.setViewportSize({ width: 360, height: 900 });
      await keepScreenshot(page, 'form-edit-360-light');
      expect(await scrollsSideways(page)).toBe(false);
    });
  });
});
