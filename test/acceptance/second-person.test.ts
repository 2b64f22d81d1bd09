import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labkeeperClient } from '../../src/client/index.ts';
import { keepScreenshot, openBrowser, type BrowserBed, type Visitor } from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { echoApp } from './echo-app.ts';
import { patienceMs } from './lab-view.ts';

const parts = requirePart('temporal') && requirePart('postgres') && requirePart('chromium');

/** One story: each step stands on the one before, as it does for people. */
describe.runIf(parts)('a second person', () => {
  let lab: Lab;
  let browser: BrowserBed;
  let admin: Visitor;
  let ben: Visitor;
  let token: string;

  beforeAll(async () => {
    [lab, browser] = await Promise.all([
      startLab({ LABKEEPER_AUTHENTICATION: 'required' }),
      openBrowser(),
    ]);
    [admin, ben] = await Promise.all([browser.open(), browser.open({ width: 900 })]);
    for (const { page } of [admin, ben]) page.setDefaultTimeout(patienceMs);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await lab?.close();
  }, 60_000);

  const go = (page: Page, path: string) => page.goto(`${lab.consoleUrl}${path}`);
  const textOf = (page: Page) => page.locator('main').innerText();

  it('is preceded by the first, whom the machine itself lets in and who makes a token and spaces', async () => {
    const { page } = admin;
    await page.goto(await firstLoginLink(lab));
    await page.getByRole('button', { name: 'Log in here' }).click();
    await page.getByRole('link', { name: 'Account of ada' }).click();
    await page.getByLabel('What it is for').fill('registration');
    await page.getByRole('button', { name: 'Make a token' }).click();
    token = await page.getByLabel('The token registration').inputValue();
    await page.getByRole('link', { name: 'Spaces' }).click();
    for (const name of ['course', 'staff']) {
      await go(page, '/manage/spaces');
      await page.getByLabel('Name', { exact: true }).fill(name);
      await page.getByRole('button', { name: 'Make the space' }).click();
      await page.getByText('The space is made.').waitFor();
    }
    const { apps } = labkeeperClient({ baseUrl: lab.consoleUrl, token });
    await apps.register('lesson', { ...echoApp(), space: 'course', title: 'First lesson' });
    await apps.register('grades', { ...echoApp(), space: 'staff', title: 'All grades' });
  });

  it('is invited by a link, with a role in one space', async () => {
    const { page } = admin;
    await page.getByRole('link', { name: 'People' }).click();
    await page.getByLabel('Name', { exact: true }).first().fill('ben@uni.example');
    await page.getByLabel('Shown as').fill('Ben Second');
    await page.getByRole('button', { name: 'Invite' }).click();
    const link = await page.getByLabel('Login link for ben@uni.example').inputValue();
    await page.getByRole('link', { name: 'ben@uni.example' }).click();
    await page.getByLabel('Space').selectOption('course');
    await page.getByLabel('Role', { exact: true }).selectOption('user');
    await page.getByRole('button', { name: 'Set the role' }).click();
    await page.getByText('user in course').waitFor();
    await ben.page.goto(link);
  });

  it('logs in from another browser, and sees only what they may', async () => {
    const { page } = ben;
    await page.getByRole('button', { name: 'Log in here' }).click();
    await page.locator('#app-lesson').waitFor();
    await keepScreenshot(page, 'second-person-home');
    expect(await textOf(page)).not.toContain('grades');
    expect(await page.locator('nav[aria-label=Main] a').allInnerTexts()).toEqual(['Home']);
    await page.getByRole('link', { name: 'Account of ben@uni.example' }).click();
    expect(await textOf(page)).toContain('user in course');
    await go(page, '/manage/events');
    expect(await textOf(page)).not.toContain('grades');
    await go(page, '/manage/spaces');
    expect(await textOf(page)).not.toContain('staff');
  });

  it('opens an app of their space, which wakes and is told who visits', async () => {
    const { page } = ben;
    await go(page, '/');
    await page.getByRole('link', { name: 'Open First lesson' }).click();
    await page.waitForURL((url) => url.href.startsWith(lab.appUrl('lesson')));
    await eventually(
      async () => {
        await page.goto(lab.appUrl('lesson', '/who'));
        const told = JSON.parse(await page.locator('body').innerText()) as {
          headers: Record<string, string>;
        };
        expect(told.headers['x-labkeeper-person']).toBe('ben@uni.example');
        expect(told.headers['cookie'] ?? '').not.toContain('labkeeper');
      },
      { deadlineMs: patienceMs },
    );
  });

  it('is refused with a page that says why, whatever their role forbids', async () => {
    const { page } = ben;
    const answer = await go(page, '/manage/people');
    expect(answer?.status()).toBe(403);
    await keepScreenshot(page, 'second-person-refused');
    expect(await textOf(page)).toContain('You may not do this');
    expect(await textOf(page)).toContain('that is for operators of the whole installation');

    // What they may not even see looks like what is not there.
    const hidden = await go(page, '/manage/app/grades');
    expect([hidden?.status(), (await textOf(page)).includes('There is no such thing')]).toEqual([
      404,
      true,
    ]);
    const opened = await page.goto(lab.appUrl('grades'));
    expect(opened?.status()).toBe(404);
    expect((await lab.store.apps.find('grades'))?.condition.phase).toBe('none');

    await go(page, '/manage/app/lesson');
    expect(await page.getByRole('button', { name: 'Stop' }).count()).toBe(0);
    expect(await page.getByText('Output').count()).toBe(0);
    const stopped = await page.evaluate(
      "fetch('/manage/app/lesson/stop', { method: 'POST' }).then(({ status }) => status)",
    );
    expect(stopped).toBe(403);
    expect((await lab.store.apps.find('lesson'))?.condition.wanted).toBe('awake');
  });

  it('loses the app with the role, also where it is open, and everything when kept out', async () => {
    await go(admin.page, '/manage/space/course');
    await admin.page.getByRole('button', { name: 'Remove ben@uni.example' }).click();
    await admin.page.getByText('They are no member any more').waitFor();
    await eventually(
      async () => {
        const answer = await ben.page.goto(lab.appUrl('lesson', '/who'));
        expect(answer?.status()).toBe(404);
      },
      { deadlineMs: patienceMs },
    );
    await go(ben.page, '/');
    expect(await textOf(ben.page)).toContain('No app is open to you yet');

    await go(admin.page, '/manage/person/ben%40uni.example');
    await admin.page.getByText('Keep out …').click();
    await admin.page.getByRole('button', { name: 'Keep ben@uni.example out' }).click();
    await admin.page.getByText('They cannot log in any more.').waitFor();
    await go(ben.page, '/account');
    expect(new URL(ben.page.url()).pathname).toBe('/login');
  });

  it('leaves no complaint in either browser but for what was refused', () => {
    const complaints = [...admin.complaints, ...ben.complaints];
    expect(complaints.filter((text) => !/status of 40[134]/.test(text))).toEqual([]);
  });
});

/** As `labkeeper login-link ada --operator` makes it on the machine. */
async function firstLoginLink(lab: Lab): Promise<string> {
  const secret = await readFile(lab.environment['LABKEEPER_INTERNAL_TOKEN_FILE'] ?? '', 'utf8');
  const answer = await fetch(`${lab.apiUrl}/internal/login-links`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret.trim()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ person: 'ada', operator: true }),
  });
  return ((await answer.json()) as { url: string }).url;
}
