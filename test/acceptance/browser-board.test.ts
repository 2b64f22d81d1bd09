import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '../../src/cli/manifest.ts';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import {
  keepScreenshot,
  openBrowser,
  scrollsSideways,
  type BrowserBed,
  type PageOptions,
  type Visitor,
} from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { watchTabBar } from './tab-bar.ts';

const parts = requirePart('temporal') && requirePart('postgres') && requirePart('chromium');
const title = 'Shared drawing board';

describe.runIf(parts)('the example app in a browser', () => {
  let lab: Lab;
  let browser: BrowserBed;
  beforeAll(async () => {
    [lab, browser] = await Promise.all([startLab(), openBrowser()]);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await lab?.close();
  }, 60_000);

  const visitors: Visitor[] = [];
  const open = async (options: PageOptions = {}): Promise<Visitor> => {
    const visitor = await browser.open(options);
    visitors.push(visitor);
    return visitor;
  };
  afterEach(async () => {
    await Promise.all(visitors.splice(0).map((visitor) => visitor.close()));
  });
  /** Registers the example as its file says, but with an idle time that a test can wait for. */
  const register = async (name: string, changes: Partial<AppSpecInput> = {}) => {
    const { spec } = await exampleApp();
    await lab.client.apps.register(name, { ...spec, ...changes });
  };
  const show = (name: string) => lab.client.apps.show(name);

  it('is reached by keyboard from Home, through a waiting page that goes on by itself', async () => {
    await register('keys');
    const { page, complaints } = await open();
    const documents = documentsOf(page);
    await page.goto(lab.consoleUrl);
    const way = page.locator('#app-keys').getByRole('link', { name: `Open ${title}` });
    await tabTo(page, way);
    await page.keyboard.press('Enter');
    await page.getByText('Only you are here').waitFor();
    expect(page.url()).toBe(lab.appUrl('keys').replace('127.0.0.1', new URL(page.url()).hostname));
    // Home, then the gateway's own page, then the app under the same address.
    expect(documents.map(({ owner }) => owner)).toEqual(['console', 'gateway', 'app']);
    expect(complaints).toEqual([]);
  });

  it('shows each person what the other draws', async () => {
    await register('together');
    const [one, other] = [await open(), await open({ colorScheme: 'dark' })];
    await one.page.goto(lab.appUrl('together'));
    await one.page.getByText('Only you are here').waitFor();
    await other.page.goto(lab.appUrl('together'));
    for (const { page } of [one, other]) await page.getByText('2 people are here').waitFor();
    for (const [drawer, watcher, y] of [
      [one.page, other.page, 0.25],
      [other.page, one.page, 0.75],
    ] as const) {
      expect(await hasInk(watcher, y)).toBe(false);
      await drawLine(drawer, y);
      await eventually(async () => expect(await hasInk(watcher, y)).toBe(true));
    }
    await keepScreenshot(one.page, 'board-1280-light');
    for (const { page, complaints } of [one, other]) {
      expect(await scrollsSideways(page)).toBe(false);
      expect(complaints).toEqual([]);
    }
  });

  it('warns in the open tab and stays awake past its time when somebody says so', async () => {
    const idle = { idleAfterMs: 8_000, disconnectedAfterMs: 8_000, warnBeforeMs: 7_000 };
    await register('kept', { idle });
    const { page } = await open({ width: 360, height: 640 });
    const bar = await watchTabBar(page);
    await page.goto(lab.appUrl('kept'));
    await bar.getByText(`${title} falls asleep in less than a minute.`).waitFor();
    const { condition: warned } = await show('kept');
    await keepScreenshot(page, 'tab-warning-360-light');
    expect(await scrollsSideways(page)).toBe(false);
    const keep = bar.getByRole('button', { name: 'Keep awake' });
    await keep.focus();
    // News that change the words leave the focus where it is.
    await register('kept', { idle, title: 'Our board' });
    await bar.getByText('Our board falls asleep in less than a minute.').waitFor();
    expect(await keep.and(page.locator(':focus')).count()).toBe(1);
    await page.keyboard.press('Enter');
    // The row's time moves on only when the time it named has come and was found to be too early.
    await eventually(
      async () => {
        const { status, condition } = await show('kept');
        expect(status).toBe('ready');
        expect(Date.parse(condition.sleepsAt ?? '')).toBeGreaterThan(
          Date.parse(warned.sleepsAt ?? ''),
        );
      },
      { deadlineMs: 20_000 },
    );
    expect((await show('kept')).condition.generation).toBe(warned.generation);
    expect(await whats('kept')).not.toContain('stopped');
  });

  it('falls asleep when left, says so in the tab, and wakes for a click only', async () => {
    const idle = { idleAfterMs: 4_000, disconnectedAfterMs: 4_000, warnBeforeMs: 500 };
    await register('left', { idle });
    const home = await open();
    await home.page.goto(lab.consoleUrl);
    await home.page.getByText('Live', { exact: true }).waitFor();
    await home.page.evaluate(recordStatuses('left'));
    const { page } = await open();
    const bar = await watchTabBar(page);
    let attempts = 0;
    page.on('websocket', () => (attempts += 1));
    await page.goto(lab.appUrl('left'));
    await page.getByText('Only you are here').waitFor();
    await bar.getByText(`${title} is asleep.`).waitFor();
    await keepScreenshot(page, 'tab-asleep-1280-light');
    await eventually(async () => expect((await show('left')).status).toBe('asleep'));
    // The page goes on trying to reconnect, and that wakes nothing.
    const before = attempts;
    await eventually(() => expect(attempts).toBeGreaterThanOrEqual(before + 2), {
      deadlineMs: 30_000,
    });
    expect(await show('left')).toMatchObject({ status: 'asleep', condition: { generation: 1 } });
    expect((await whats('left')).filter((what) => what === 'starting')).toHaveLength(1);
    await bar.getByRole('button', { name: 'Wake it' }).click();
    await page.getByText('Only you are here').waitFor();
    expect(await show('left')).toMatchObject({ status: 'ready', condition: { generation: 2 } });
    await eventually(async () => {
      const seen = await home.page.evaluate<string[]>('window.seen');
      const steady = seen.filter((status) => status === 'ready' || status === 'asleep');
      expect(steady.slice(0, 4)).toEqual(['asleep', 'ready', 'asleep', 'ready']);
    });
    expect(home.complaints).toEqual([]);
  });

  const whats = async (name: string) => {
    const events = await lab.store.events.list({ entity: `app/${name}`, limit: 100 });
    return events.map(({ what }) => what);
  };
});

async function exampleApp(): Promise<{ name: string; spec: AppSpecInput }> {
  const file = fileURLToPath(new URL('../../examples/board/labkeeper.yaml', import.meta.url));
  const { apps, mistakes } = readManifest(await readFile(file, 'utf8'), file);
  expect(mistakes).toEqual([]);
  const [example] = apps;
  if (example === undefined) throw new Error(`${file} describes no app`);
  return example;
}

/** Every document the tab loads from now on, by who answered it. */
function documentsOf(page: Page): { owner: 'console' | 'gateway' | 'app' }[] {
  const documents: { owner: 'console' | 'gateway' | 'app' }[] = [];
  page.on('response', (response) => {
    if (!response.request().isNavigationRequest()) return;
    const policy = response.headers()['content-security-policy'] ?? '';
    const isWaitingPage = policy.includes("script-src 'nonce-");
    const owner = policy.includes("frame-ancestors 'none'") ? 'console' : 'app';
    documents.push({ owner: isWaitingPage ? 'gateway' : owner });
  });
  return documents;
}

async function tabTo(page: Page, target: ReturnType<Page['locator']>): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await target.and(page.locator(':focus')).count()) === 1) return;
  }
  throw new Error('it cannot be reached by Tab');
}

/** A line across the board at a share of its height. */
async function drawLine(page: Page, y: number): Promise<void> {
  const box = await page.locator('#board').boundingBox();
  if (box === null) throw new Error('there is no board to draw on');
  const at = (x: number) => [box.x + box.width * x, box.y + box.height * y] as const;
  await page.mouse.move(...at(0.2));
  await page.mouse.down();
  await page.mouse.move(...at(0.8), { steps: 20 });
  await page.mouse.up();
}

/** Whether something is drawn in the middle of the board, at a share of its height. */
function hasInk(page: Page, y: number): Promise<boolean> {
  return page.evaluate(`(() => {
    const board = document.getElementById('board');
    const strip = board.getContext('2d').getImageData(board.width / 2, board.height * ${y} - 20, 4, 40);
    return strip.data.some((value) => value > 0);
  })()`);
}

/** Runs in the page: keeps every status that Home shows for an app; lost if the page is loaded anew. */
const recordStatuses = (name: string) => `{
  window.seen = [];
  const look = () => {
    const status = document.getElementById('app-${name}')?.dataset.status;
    if (status !== undefined && status !== window.seen.at(-1)) window.seen.push(status);
  };
  look();
  new MutationObserver(look).observe(document.querySelector('main'), {
    subtree: true,
    attributes: true,
    childList: true,
  });
}`;
