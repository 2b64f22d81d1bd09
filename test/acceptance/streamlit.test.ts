import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import { keepScreenshot, openBrowser, type BrowserBed, type Visitor } from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart, streamlitPath } from '../beds/require.ts';
import { watchTabBar } from './tab-bar.ts';

const parts =
  requirePart('temporal') &&
  requirePart('postgres') &&
  requirePart('chromium') &&
  requirePart('streamlit');

/** Streamlit and its first page take their time on a small or busy machine. */
const patienceMs = 60_000;

describe.runIf(parts)('a real Streamlit app', { timeout: 180_000 }, () => {
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
  const open = async (): Promise<Visitor> => {
    const visitor = await browser.open();
    visitor.page.setDefaultTimeout(patienceMs);
    visitors.push(visitor);
    return visitor;
  };
  afterEach(async () => {
    await Promise.all(visitors.splice(0).map((visitor) => visitor.close()));
  });
  const status = async (name: string) => (await lab.client.apps.show(name)).status;

  it('loads through the waiting page with everything below its own path', async () => {
    await lab.client.apps.register('paths', streamlitApp());
    const { page, complaints } = await open();
    const addresses: string[] = [];
    page.on('request', (request) => addresses.push(request.url()));
    page.on('websocket', (socket) => addresses.push(socket.url().replace(/^ws/, 'http')));
    await page.goto(lab.appUrl('paths'));
    expect(await page.title()).toMatch(/^paths: /);
    await untilWhole(page);
    await keepScreenshot(page, 'streamlit-1280-light');
    const elsewhere = addresses.filter(
      (address) => !/^(?:data|blob):/.test(address) && !address.startsWith(lab.appUrl('paths')),
    );
    expect(elsewhere).toEqual([]);
    expect(addresses.some((address) => address.endsWith('/_stcore/stream'))).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('answers widgets and takes an upload', async () => {
    await lab.client.apps.register('widgets', streamlitApp());
    const { page, complaints } = await open();
    await page.goto(lab.appUrl('widgets'));
    await page.getByLabel('Your name').fill('Ada');
    await page.getByLabel('Your name').press('Enter');
    await page.getByText('Hello, Ada.').waitFor();
    await page.getByRole('button', { name: 'Add one' }).click();
    await page.getByText('count 1').waitFor();
    const buffer = Buffer.alloc(3_000_000, 'streamlit ');
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'samples.csv', mimeType: 'text/csv', buffer });
    await page.getByText('samples.csv has 3000000 bytes').waitFor();
    await page.getByText('Hello, Ada.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('goes on in the same process, state kept, when the worker is killed while it is open', async () => {
    await lab.client.apps.register('held', streamlitApp());
    const { page } = await open();
    await page.goto(lab.appUrl('held'));
    const add = page.getByRole('button', { name: 'Add one' });
    await add.click();
    await page.getByText('count 1').waitFor();
    const before = await processOf(page);
    await lab.worker.kill9();
    await add.click();
    await page.getByText('count 2').waitFor();
    await lab.worker.start();
    await add.click();
    await page.getByText('count 3').waitFor();
    expect(await processOf(page)).toBe(before);
    expect(await lab.client.apps.show('held')).toMatchObject({
      status: 'ready',
      condition: { generation: 1 },
    });
    // The worker that came back has the app in its hands: it stops what another one started.
    await lab.client.apps.stop('held');
    await eventually(async () => expect(await status('held')).toBe('asleep'), {
      deadlineMs: patienceMs,
    });
    expect(await lab.runningInstances()).not.toContain('app-held-1');
  });

  it('falls asleep under an open tab that only pings, and its session comes back after waking', async () => {
    // Several pings go back and forth within the idle time.
    const environment = { STREAMLIT_SERVER_WEBSOCKET_PING_INTERVAL: '2' };
    await lab.client.apps.register('naps', streamlitApp({ environment }));
    const [tab, other] = [await open(), await open()];
    const bar = await watchTabBar(tab.page);
    await tab.page.goto(lab.appUrl('naps'));
    await tab.page.getByText('count 0').waitFor();
    const first = await processOf(tab.page);
    // From now on its times are short; the instance that runs takes them over.
    const idle = { idleAfterMs: 6_000, warnBeforeMs: 0 };
    await lab.client.apps.register('naps', streamlitApp({ environment, idle }));
    await bar.getByText('naps is asleep.').waitFor();
    await eventually(async () => expect(await status('naps')).toBe('asleep'));
    // Somebody else opens it: the sleeping tab is told, and Streamlit connects again by itself.
    await lab.client.apps.register('naps', streamlitApp({ environment }));
    await other.page.goto(lab.appUrl('naps'));
    await other.page.getByText('count 0').waitFor();
    const second = await processOf(other.page);
    expect(second).not.toBe(first);
    await bar.waitFor({ state: 'detached' });
    // Streamlit runs the script of a session that came back at its next interaction.
    await tab.page.getByRole('button', { name: 'Add one' }).click();
    await tab.page.getByText(second).waitFor();
    await tab.page.getByText('count 1').waitFor();
    expect(await other.page.getByText('count 0').count()).toBe(1);
    expect(await lab.client.apps.show('naps')).toMatchObject({
      status: 'ready',
      condition: { generation: 2 },
    });
  });

  it('is usable soon after a click, compared with the same app opened directly', async () => {
    await lab.client.apps.register('timed', streamlitApp());
    const usable = async (url: string) => {
      const { page } = await open();
      const began = performance.now();
      await page.goto(url);
      await untilWhole(page);
      return Math.round(performance.now() - began);
    };
    const asleepMs = await usable(lab.appUrl('timed'));
    const awakeMs = await usable(lab.appUrl('timed'));
    const route = await lab.store.routes.find('timed');
    const directMs = await usable(`http://127.0.0.1:${route?.target?.port}/app/timed/`);
    console.log(
      `click to usable: asleep ${asleepMs} ms, awake ${awakeMs} ms, direct ${directMs} ms`,
    );
    expect(await status('timed')).toBe('ready');
  });
});

function streamlitApp(changes: Partial<AppSpecInput> = {}): AppSpecInput {
  const file = fileURLToPath(new URL('./apps/streamlit_app.py', import.meta.url));
  return {
    command: [streamlitPath(), 'run', file],
    preset: 'streamlit',
    stopGraceMs: 2_000,
    ...changes,
  };
}

/** Streamlit loads each kind of widget when it is first shown. */
async function untilWhole(page: Page): Promise<void> {
  await page.getByText('count 0').waitFor();
  await page.getByLabel('Your name').waitFor();
  await page.getByRole('button', { name: 'Add one' }).waitFor();
  await page.locator('input[type=file]').waitFor({ state: 'attached' });
}

const processOf = async (page: Page): Promise<string> =>
  (await page.getByText(/^process \d+$/).textContent()) ?? '';
