import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, type BrowserBed } from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { closeBeds, openApp, openGateway, untilStatus } from './bed.ts';

describe.runIf(requirePart('chromium'))('in a real browser', () => {
  let chromium: BrowserBed;

  beforeAll(async () => {
    chromium = await openBrowser();
  });
  afterAll(async () => {
    await chromium.close();
  });
  afterEach(closeBeds);

  async function visit(javaScriptEnabled = true) {
    const app = await openApp((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<!doctype html><title>The app</title><h1>Served</h1>');
    });
    const bed = await openGateway();
    bed.store.add('plot', { title: 'My plot', idle: { warnBeforeMs: 60_000 } });
    await untilStatus(bed, 'plot', 'asleep');
    const page = await chromium.browser.newPage({
      viewport: { width: 360, height: 640 },
      javaScriptEnabled,
    });
    const complaints: string[] = [];
    page.on('console', (message) => {
      // Chromium asks for an icon by itself.
      if (message.type() === 'error' && !message.location().url.endsWith('.ico')) {
        complaints.push(message.text());
      }
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    return { ...bed, app, page, complaints };
  }

  test('the waiting page lives, shows log lines, and goes to the app when it is ready', async () => {
    const { page, url, store, api, app, complaints } = await visit();
    await page.goto(url('/app/plot/deep?x=1#here'));
    await eventually(() => expect(api.wakes).toHaveLength(1));
    expect(await page.textContent('#headline')).toBe('Starting');
    api.logLines = ['Collecting things', '<b>not bold</b>'];
    store.change('plot', {
      wanted: 'awake',
      phase: 'starting',
      generation: 1,
      detail: 'waiting for health',
    });
    await page.getByText('waiting for health').waitFor();
    await page.getByText('<b>not bold</b>').waitFor();
    const wide = await page.evaluate('document.documentElement.scrollWidth');
    expect(wide).toBeLessThanOrEqual(360);
    store.publish('plot', app.port);
    await page.getByRole('heading', { name: 'Served' }).waitFor();
    expect(page.url()).toBe(url('/app/plot/deep?x=1#here'));
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('the waiting page works without a script', async () => {
    const { page, url, store, app } = await visit(false);
    await page.goto(url('/app/plot/deep?x=1'));
    store.publish('plot', app.port);
    await page.waitForURL(url('/app/plot/deep?x=1'));
    await page.getByRole('heading', { name: 'Served' }).waitFor();
    await page.close();
  });

  test('a failed start is told, and the button tries again', async () => {
    const { page, url, store, api, app, complaints } = await visit();
    await page.goto(url('/app/plot/'));
    await eventually(() => expect(api.wakes).toHaveLength(1));
    store.change('plot', { wanted: 'awake', phase: 'starting', generation: 1 });
    await page.getByText('is starting since').waitFor();
    store.change('plot', {
      phase: 'failed',
      exit: { exitCode: 7, signal: null, outOfMemory: false },
      lastLogLines: ['no such file'],
    });
    await page.getByText('exited with code 7').first().waitFor();
    await page.getByText('no such file').waitFor();
    expect(api.wakes).toHaveLength(1);
    await page.getByRole('link', { name: 'Try again' }).click();
    await eventually(() => expect(api.wakes).toHaveLength(2));
    store.publish('plot', app.port, 2);
    await page.getByRole('heading', { name: 'Served' }).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('an open tab offers to keep the app awake, and says when it sleeps', async () => {
    const bed = await visit();
    const { page, url, store, api, app, complaints } = bed;
    store.add('plot', { title: 'My plot', idle: { idleAfterMs: 30_000, warnBeforeMs: 60_000 } });
    store.change('plot', { sleepsAt: new Date(Date.now() + 30_000).toISOString() });
    store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    await page.goto(url('/app/plot/'));
    const bar = page.locator('labkeeper-bar');
    await bar.waitFor({ state: 'attached' });
    // Its shadow root is closed: the keyboard reaches the button as a person would.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await eventually(() => {
      expect(store.reports.at(-1)).toMatchObject({
        reason: 'kept awake by an open tab',
        openSockets: 1,
      });
    });
    store.unpublish('plot');
    await bar.waitFor({ state: 'attached' });
    await untilStatus(bed, 'plot', 'asleep');
    await eventually(async () => {
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(api.wakes).toHaveLength(1);
    });
    await page.getByText('was asked to start').waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });
});
