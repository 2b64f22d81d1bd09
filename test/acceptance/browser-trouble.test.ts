import type { Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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
import { echoApp } from './echo-app.ts';

const parts = requirePart('temporal') && requirePart('postgres') && requirePart('chromium');

describe.runIf(parts)('what a browser sees on the way to an app', () => {
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
  const until = (name: string, expected: string) =>
    eventually(async () => expect((await lab.client.apps.show(name)).status).toBe(expected), {
      deadlineMs: 30_000,
    });
  const failingApp = () =>
    echoApp({
      title: 'Yearly report',
      command: [
        process.execPath,
        '-e',
        'console.error("cannot open the data set /data/2026.csv"); process.exit(3)',
      ],
      restart: { initialDelayMs: 50, maxDelayMs: 100, maxRestarts: 1 },
    });

  it('shows why an app failed, lets try again, and does not reload by itself', async () => {
    await lab.client.apps.register('fails', failingApp());
    const { page, complaints } = await open();
    let documents = 0;
    page.on('request', (request) => {
      if (request.isNavigationRequest()) documents += 1;
    });
    await page.goto(lab.appUrl('fails'));
    await page.getByRole('heading', { name: 'Failed' }).waitFor();
    await page.getByText('exited with code 3').first().waitFor();
    await page.getByText('cannot open the data set /data/2026.csv').waitFor();
    // It was shown all of it, from starting through the restart to giving up, on one load.
    expect(documents).toBe(1);
    const { generation } = (await lab.client.apps.show('fails')).condition;
    await page.getByRole('link', { name: 'Try again' }).click();
    await eventually(
      async () => {
        const { status, condition } = await lab.client.apps.show('fails');
        expect(status).toBe('failed');
        expect(condition.generation).toBeGreaterThan(generation);
      },
      { deadlineMs: 30_000 },
    );
    await page.getByRole('heading', { name: 'Failed' }).waitFor();
    expect(documents).toBe(2);
    expect(complaints).toEqual([]);
  });

  it('leads to the app without a script', async () => {
    await lab.client.apps.register('plainly', echoApp({ environment: { BOOT_DELAY_MS: '500' } }));
    const { page } = await open({ javaScript: false });
    await page.goto(lab.appUrl('plainly', '/deep?x=1'));
    await page.getByRole('heading', { name: 'Starting' }).waitFor();
    await page.getByText('echo /deep').waitFor();
    expect(page.url()).toBe(lab.appUrl('plainly', '/deep?x=1'));
  });

  it('tries a failed app again without a script', async () => {
    await lab.client.apps.register('mended', failingApp());
    await lab.client.apps.start('mended');
    await until('mended', 'failed');
    const { page } = await open({ javaScript: false });
    await page.goto(`${lab.appUrl('mended', '/.labkeeper/wait')}?to=/app/mended/deep`);
    await page.getByRole('heading', { name: 'Failed' }).waitFor();
    await lab.client.apps.register('mended', echoApp());
    await page.getByRole('link', { name: 'Try again' }).click();
    await page.getByText('echo /deep').waitFor();
  });

  it('keeps an app from acting on the console in the name of its visitor', async () => {
    for (const name of ['hostile', 'victim']) await lab.client.apps.register(name, echoApp());
    await lab.client.apps.start('victim');
    await until('victim', 'ready');
    const before = await lab.client.apps.events('victim');
    const { page } = await open();
    await page.goto(lab.appUrl('hostile'));
    await page.getByText('echo /').waitFor();
    const sent: Request[] = [];
    page.on('request', (request) => {
      if (request.url().startsWith(lab.consoleUrl)) sent.push(request);
    });
    const read = await page.evaluate<string[]>(attack(lab.consoleUrl, 'victim'));
    expect(read).toEqual([]);
    const forms = sent.filter((request) => request.isNavigationRequest());
    expect(forms).toHaveLength(3);
    for (const form of forms) expect((await form.response())?.status()).toBe(403);
    for (const request of sent) {
      // Null when the browser itself kept the answer from the page.
      const status = (await request.response())?.status() ?? 0;
      expect([0, 200, 403, 404, 405]).toContain(status);
      if (request.method() !== 'GET') expect([0, 403]).toContain(status);
    }
    const methods = new Set(sent.map((request) => request.method()));
    expect(methods).toContain('POST');
    // What is accepted is written down at once: nothing was.
    expect(await lab.client.apps.events('victim')).toEqual(before);
    expect((await lab.client.apps.show('victim')).status).toBe('ready');
    // The same form works where it belongs.
    await page.goto(`${lab.consoleUrl}/manage/app/victim`);
    await page.getByRole('button', { name: 'Stop' }).click();
    await until('victim', 'asleep');
    const { items } = await lab.client.apps.events('victim');
    const fresh = items.slice(0, items.length - before.items.length);
    expect(fresh.map(({ why }) => why)).toContain('stopped on its page');
    expect(await lab.runningInstances()).not.toContain('app-victim-1');
  });

  it(
    'fits every window, light and dark, and breaks no policy of its own',
    { timeout: 180_000 },
    async () => {
      const slow = echoApp({
        title: 'Spectra of the large telescope',
        environment: { BOOT_DELAY_MS: '600000' },
        health: { path: '/health', startDeadlineMs: 600_000 },
      });
      await lab.client.apps.register('slow', slow);
      await lab.client.apps.register('report', failingApp());
      await lab.client.apps.register(
        'plot',
        echoApp({ title: 'Plot of the day', description: 'What the night brought.' }),
      );
      for (const name of ['slow', 'report', 'plot']) await lab.client.apps.start(name);
      await Promise.all([
        until('slow', 'starting'),
        until('report', 'failed'),
        until('plot', 'ready'),
      ]);
      const views: [name: string, url: string, text: string | RegExp][] = [
        ['home', `${lab.consoleUrl}/`, 'Plot of the day'],
        ['manage', `${lab.consoleUrl}/manage`, 'Plot of the day'],
        ['app', `${lab.consoleUrl}/manage/app/plot`, /^Timeline$/],
        ['app-failed', `${lab.consoleUrl}/manage/app/report`, 'cannot open the data set'],
        ['waiting', lab.appUrl('slow'), 'booting'],
        ['nobody', `${lab.consoleUrl}/manage/app/nobody`, 'there is no app nobody'],
        ['no-app', lab.appUrl('nobody'), 'nobody'],
      ];
      const found: string[] = [];
      for (const width of [1280, 360]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          for (const [name, url, text] of views) {
            const { page, complaints, close } = await open({ width, height: 800, colorScheme });
            await page.goto(url);
            await page.getByText(text).first().waitFor();
            await keepScreenshot(page, `${name}-${width}-${colorScheme}`);
            const own = complaints.filter((complaint) => !complaint.includes('status of 404'));
            if (await scrollsSideways(page)) own.push('it scrolls sideways');
            found.push(...own.map((one) => `${name}, ${width} pixels, ${colorScheme}: ${one}`));
            await close();
          }
        }
      }
      expect(found).toEqual([]);
      // A failed app's page wakes it again when it is opened, so it is looked at while it still says so.
      const { page } = await open({ width: 360, height: 800 });
      await page.goto(lab.appUrl('report'));
      await page.getByRole('heading', { name: 'Failed' }).waitFor();
      for (const width of [1280, 360]) {
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.setViewportSize({ width, height: 800 });
          await page.emulateMedia({ colorScheme });
          await keepScreenshot(page, `waiting-failed-${width}-${colorScheme}`);
          expect(await scrollsSideways(page)).toBe(false);
        }
      }
    },
  );
});

/** What a hostile page tries in its visitor's browser; gives what it could read of the answers. */
const attack = (consoleUrl: string, victim: string) => `(async () => {
  const api = ${JSON.stringify(`${consoleUrl}/api/v1/apps/`)} + ${JSON.stringify(victim)};
  const pages = ${JSON.stringify(`${consoleUrl}/manage/app/`)} + ${JSON.stringify(victim)};
  const credentials = 'include';
  const read = [];
  const attempt = async (address, options) => {
    try {
      const answer = await fetch(address, { credentials, ...options });
      const text = await answer.text();
      if (text !== '') read.push(text);
    } catch {
      // Refused by the browser: as it should be.
    }
  };
  await attempt(api);
  await attempt(api + '/stop', { method: 'POST', mode: 'no-cors' });
  await attempt(api + '/stop', { method: 'POST', mode: 'no-cors', body: '{}', headers: { 'content-type': 'text/plain' } });
  await attempt(api + '/stop', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
  await attempt(api, { method: 'DELETE' });
  await attempt(api, { method: 'PUT', body: '{}' });
  navigator.sendBeacon(api + '/stop', '{}');
  for (const [at, action] of [pages + '/stop', pages + '/remove', api + '/restart'].entries()) {
    const frame = document.createElement('iframe');
    frame.name = 'hidden' + at;
    const form = document.createElement('form');
    Object.assign(form, { method: 'post', action, target: frame.name });
    document.body.append(frame, form);
    form.submit();
  }
  const image = new Image();
  const over = new Promise((done) => { image.onload = image.onerror = done; });
  image.src = api + '/stop';
  document.body.append(image);
  await over;
  return read;
})()`;
