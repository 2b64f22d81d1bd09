import { afterAll, beforeAll, expect, it } from 'vitest';
import { keepScreenshot, openBrowser, type BrowserBed } from '../../../beds/browser.ts';
import { eventually } from '../../../beds/eventually.ts';
import { newId, patienceMs, type QulabsWorld } from '../bed.ts';

export function browsers(world: () => QulabsWorld): void {
  let browser: BrowserBed;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  const asleep = async (lines: string[] = []) => {
    const { own, lab, image, appOf } = world();
    const id = newId();
    const docker_image = await image(`lab/browsed:${id}`, lines);
    await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    await lab.client.apps.stop((await appOf(id)).app.name);
    await own.until(id, 'stopped');
    return id;
  };

  it('S6 goes from the loading page to the app, on its own listener and below the console', async () => {
    const { own, onConsole, lab } = world();
    for (const [way, origin] of [
      [own, own.base],
      [onConsole, `${lab.appsUrl}/compat/qulabs`],
    ] as const) {
      const id = await asleep(['ENV LAB_DELAY_MS=1000']);
      const { page, complaints, close } = await browser.open();
      const polls: string[] = [];
      page.on('request', (request) => {
        if (request.url().includes('/status/')) polls.push(request.url());
      });
      await page.goto(`${way.base}/app/${id}`);
      expect(await page.title()).toBe(`${id}: starting`);
      await keepScreenshot(page, 'qulabs-loading');
      await page.waitForURL(`${origin}/${id}/`, { timeout: patienceMs });
      await page.getByText(`lab at /${id}/`).waitFor();
      expect(new Set(polls)).toEqual(new Set([`${way.base}/status/${id}`]));
      expect(complaints).toEqual([]);
      await close();
      await own.ask(`/apps/${id}`, { method: 'DELETE' });
    }
  });

  it('S6 shows a failure and starts again on a click, and errors of polls stop nothing', async () => {
    const { own, lab, image, appOf } = world();
    const id = await asleep();
    const { name } = (await appOf(id)).app;
    await image(`lab/browsed:${id}`, ['CMD []']);
    const { page, close } = await browser.open();
    await page.goto(`${own.base}/app/${id}`);
    await page.getByRole('heading', { name: 'Stopped' }).waitFor({ timeout: patienceMs });
    await page.getByText('No command specified').waitFor();
    await keepScreenshot(page, 'qulabs-failed');
    await lab.api.kill9();
    await eventually(async () => expect((await own.ask(`/status/${id}`)).status).toBe(503));
    await lab.api.start();
    await image(`lab/browsed:${id}`);
    await page.getByRole('link', { name: 'Start it again' }).click();
    await page.waitForURL(`${own.base}/${id}/`, { timeout: patienceMs });
    expect((await lab.client.apps.show(name)).status).toBe('ready');
    await close();
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('G9 reloads the address that was asked for once the app is awake', async () => {
    const { own } = world();
    const id = await asleep();
    const { page, close } = await browser.open();
    await page.goto(`${own.base}/${id}/deep/page?q=1`);
    await page.getByText(`lab at /${id}/deep/page?q=1`).waitFor({ timeout: patienceMs });
    await close();
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('shows the list with links, and a page for a lab that is not there', async () => {
    const { own } = world();
    const id = await asleep();
    const { page, close } = await browser.open();
    await page.goto(`${own.base}/apps`);
    await page.getByRole('link', { name: id }).click();
    await page.getByText(`lab at /${id}/`).waitFor({ timeout: patienceMs });
    await page.goto(`${own.base}/app/${newId()}`);
    await page.getByRole('heading', { name: 'Lab not found' }).waitFor();
    await close();
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });
}
