import { readFile } from 'node:fs/promises';
import type { BrowserContext, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labkeeperClient, type LabkeeperClient } from '../../src/client/index.ts';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import { findFreePort } from '../../src/supervisor/free-port.ts';
import { makeLoginLink } from '../../src/supervisor/login-link.ts';
import { openBrowser, type BrowserBed } from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { withClient } from '../store/sql.ts';
import { echoApp } from './echo-app.ts';
import { databaseUrlOf } from './lab-view.ts';

const parts = requirePart('temporal') && requirePart('postgres') && requirePart('chromium');
const program = new URL('./apps/hostile.mjs', import.meta.url).pathname;

/** Where an app may stand towards the console: the closer, the more of the console's cookies go along. */
interface Standing {
  consoleUrl: string;
  appUrl: string;
  /** For which cookies can be set from there; null is the host itself. */
  domains: (string | null)[];
  /** Scopes that no service worker of the app may get. */
  scopes: string[];
}

const places = ['same host', 'below a path', 'own host', 'as a QuLabs app'] as const;
const hostileLab = 'hostile-lab';

describe.runIf(parts)('a hostile app against the console', () => {
  let lab: Lab;
  let browser: BrowserBed;
  let client: LabkeeperClient;
  let secret: string;
  let standings: Record<(typeof places)[number], Standing>;
  beforeAll(async () => {
    const consolePort = await findFreePort({ wanted: 0, address: '127.0.0.1' });
    const taken = new Set([consolePort]);
    const appsPort = await findFreePort({ wanted: 0, address: '127.0.0.1', taken });
    const consoleUrl = `http://console.lab.localhost:${consolePort}`;
    standings = {
      'same host': {
        consoleUrl: `http://localhost:${consolePort}`,
        appUrl: `http://localhost:${appsPort}/app/hostile/`,
        ...{ domains: [null, 'localhost'], scopes: ['/', '/app/', '/app/victim/'] },
      },
      'below a path': {
        consoleUrl,
        appUrl: `http://apps.lab.localhost:${appsPort}/app/hostile/`,
        ...{ domains: [null, 'lab.localhost'], scopes: ['/', '/app/', '/app/victim/'] },
      },
      'own host': {
        consoleUrl,
        appUrl: `http://hostile.apps.lab.localhost:${appsPort}/`,
        ...{ domains: [null, 'lab.localhost', 'apps.lab.localhost'], scopes: [] },
      },
      // On the console's own address; what a browser would show there is opened at the apps' one.
      'as a QuLabs app': {
        consoleUrl,
        appUrl: `${consoleUrl}/compat/qulabs/${hostileLab}/`,
        ...{ domains: [null, 'lab.localhost'] },
        scopes: ['/', '/app/', '/compat/', '/compat/qulabs/'],
      },
    };
    [lab, browser] = await Promise.all([
      startLab({
        LABKEEPER_AUTHENTICATION: 'required',
        LABKEEPER_CONSOLE_PORT: String(consolePort),
        LABKEEPER_CONSOLE_URL: consoleUrl,
        LABKEEPER_APPS_PORT: String(appsPort),
        LABKEEPER_APPS_URL: `http://apps.lab.localhost:${appsPort}`,
        LABKEEPER_APPS_DOMAIN: 'apps.lab.localhost',
        LABKEEPER_QULABS_ACCESS: 'open',
      }),
      openBrowser(),
    ]);
    secret = (
      await readFile(lab.environment['LABKEEPER_INTERNAL_TOKEN_FILE'] ?? '', 'utf8')
    ).trim();
    client = labkeeperClient({ baseUrl: lab.apiUrl, token: secret });
    await lab.store.people.put('mallory', {}, { actor: 'test', role: 'viewer' });
    const hostile: AppSpecInput = echoApp({
      ...{ command: [process.execPath, program], access: 'everyone', preset: 'plain' },
    });
    await client.apps.register('hostile', hostile);
    await client.apps.register('victim', echoApp());
    await withClient(await databaseUrlOf(lab), (database) =>
      database.query('INSERT INTO foreign_ids (family, external_id, app) VALUES ($1, $2, $3)', [
        ...['qulabs', hostileLab, 'hostile'],
      ]),
    );
    for (const name of ['hostile', 'victim']) await client.apps.start(name);
    await eventually(
      async () => {
        const all = await Promise.all(['hostile', 'victim'].map((name) => client.apps.show(name)));
        expect(all.map(({ status }) => status)).toEqual(['ready', 'ready']);
      },
      { deadlineMs: 60_000 },
    );
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await lab?.close();
  }, 60_000);

  const linkFor = async (person: string, { consoleUrl }: Standing) => {
    const options = { apiUrl: lab.apiUrl, internalToken: secret, person };
    const { url } = await makeLoginLink({ ...options, operator: person === 'ada' });
    const { pathname, search } = new URL(url);
    return `${consoleUrl}${pathname}${search}`;
  };
  /** Logs an operator in at the console: the visitor who has most to lose. */
  const logIn = async (page: Page, standing: Standing) => {
    await page.goto(await linkFor('ada', standing));
    await page.getByRole('button', { name: 'Log in here' }).click();
    await page.waitForURL(`${standing.consoleUrl}/`);
  };
  const whoIs = async (page: Page, { consoleUrl }: Standing): Promise<unknown> => {
    const answer = await page.goto(`${consoleUrl}/api/v1/me`);
    if (answer?.status() !== 200) return answer?.status();
    return ((await answer.json()) as { person: string }).person;
  };
  /** Runs a function of the hostile page where the app stands. */
  const run = <Got>(page: Page, name: string, wanted: unknown): Promise<Got> =>
    page.evaluate<Got>(
      `import('./attack.mjs').then((attack) => attack.${name}(${JSON.stringify(wanted)}))`,
    );
  const cookieOf = (context: BrowserContext, name: string, url: string) =>
    context.cookies(url).then((all) => all.find((cookie) => cookie.name === name)?.value ?? '');

  /** Everything that a page could have changed, as the rows say it. */
  const state = async () => {
    const { store } = lab;
    const [events, people, spaces, tokens, links, secrets] = await Promise.all([
      client.events.list({ limit: 200 }),
      store.people.list({ limit: 50 }),
      store.spaces.list({ limit: 50 }),
      store.tokens.list({ limit: 50 }),
      client.apps.links('victim'),
      client.secrets.list({}),
    ]);
    const sessions = await Promise.all(['ada', 'mallory'].map((name) => store.sessions.list(name)));
    const counts = sessions.map((list) => list.length);
    return { events: events.items, people, spaces, tokens, links, secrets, counts };
  };

  describe.each(places)('%s', (where) => {
    it(
      'reads nothing, changes nothing and reaches no window of it',
      { timeout: 180_000 },
      async () => {
        const standing = standings[where];
        const { consoleUrl, appUrl } = standing;
        const { page, close } = await browser.open();
        const context = page.context();
        await logIn(page, standing);
        const assets = await page.evaluate<string[]>(
          `[...document.querySelectorAll('script[src], link[href]')].map((one) => new URL(one.src ?? one.href).pathname)`,
        );
        const script = assets.find((path) => path.endsWith('.js'));
        expect(script).toBeDefined();
        const code = new URL(await linkFor('mallory', standing)).searchParams.get('code');
        await page.goto(appUrl);
        await page.getByText('nothing to see').waitFor();
        const before = await state();
        const sent: Request[] = [];
        page.on('request', (request) => {
          if (request.url().startsWith(consoleUrl)) sent.push(request);
        });
        expect(
          await run(page, 'tryAll', {
            consoleUrl,
            victim: 'victim',
            code,
            assets,
          }),
        ).toEqual([]);
        const shown = page.frames().map((frame) => frame.url());
        expect(shown.filter((url) => url.startsWith(consoleUrl))).toEqual([]);
        for (const request of sent) {
          // Null when the browser itself kept the answer from the page.
          const status = (await request.response().catch(() => null))?.status() ?? 0;
          const what = `${request.method()} ${request.url()}`;
          if (request.method() !== 'GET')
            expect([what, [0, 403, 404]]).toEqual([
              what,
              expect.arrayContaining([status]) as number[],
            ]);
        }
        // It did try: with the session, by every method.
        const methods = new Set(sent.map((request) => request.method()));
        expect([...methods].toSorted()).toEqual(
          expect.arrayContaining(['GET', 'POST']) as string[],
        );
        expect(
          await run(page, 'tryWorkers', {
            consoleUrl,
            scopes: standing.scopes,
            script,
          }),
        ).toEqual([]);

        const opening = context.waitForEvent('page');
        expect(await run(page, 'tryWindow', consoleUrl)).toEqual([]);
        const opened = await opening;
        expect(opened.url()).toBe(`${consoleUrl}/account`);
        expect(await opened.evaluate('window.opener')).toBeNull();
        const workers = 'navigator.serviceWorker.getRegistrations().then((all) => all.length)';
        expect(await opened.evaluate(workers)).toBe(0);
        expect(await state()).toEqual(before);
        expect(await whoIs(page, standing)).toBe('ada');
        await close();
      },
    );

    it(
      'can take nobody’s place with cookies, nor log its visitor out with worthless ones',
      { timeout: 120_000 },
      async () => {
        const standing = standings[where];
        const { appUrl, domains } = standing;
        const { page, close } = await browser.open();
        await logIn(page, standing);
        await page.goto(`${appUrl}?domain=${domains.at(-1)}`);
        expect(await run(page, 'tossCookies', { domains, values: ['planted'] })).toEqual([]);
        expect(await whoIs(page, standing)).toBe('ada');
        await page.goto(`${appUrl}clear`);
        expect(await whoIs(page, standing)).toBe('ada');

        // A session that holds, of somebody else: which is the visitor's own cannot be told, so nobody's counts.
        const other = await browser.open();
        await other.page.goto(await linkFor('mallory', standing));
        await other.page.getByRole('button', { name: 'Log in here' }).click();
        await other.page.waitForURL(`${standing.consoleUrl}/`);
        const planted = await cookieOf(
          other.page.context(),
          'labkeeper_session',
          standing.consoleUrl,
        );
        expect(planted).not.toBe('');
        await page.goto(appUrl);
        await run(page, 'tossCookies', { domains, values: [planted] });
        expect(await whoIs(page, standing)).toBe(401);
        await logIn(page, standing);
        expect(await whoIs(page, standing)).toBe('ada');
        await Promise.all([close(), other.close()]);
      },
    );

    it(
      'cannot lock its visitor out by filling the jar of cookies',
      { timeout: 120_000 },
      async () => {
        const standing = standings[where];
        const { page, close } = await browser.open();
        await logIn(page, standing);
        await page.goto(standing.appUrl);
        const filled = await run(page, 'fillJar', where === 'same host' ? null : 'lab.localhost');
        expect(filled).toBeGreaterThan(100_000);
        const first = await page.goto(`${standing.consoleUrl}/account`);
        expect(first?.status()).toBe(431);
        const again = await page.goto(`${standing.consoleUrl}/account`);
        expect(again?.status()).toBe(200);
        expect(page.url()).toContain('/login');
        await logIn(page, standing);
        expect(await whoIs(page, standing)).toBe('ada');
        await close();
      },
    );
  });

  it(
    'is no page of the console on the console’s own address, sees no session there and leaves nothing',
    { timeout: 120_000 },
    async () => {
      const standing = standings['as a QuLabs app'];
      const { consoleUrl, appUrl } = standing;
      const { page, close } = await browser.open();
      const context = page.context();
      await logIn(page, standing);
      const session = await cookieOf(context, 'labkeeper_session', consoleUrl);
      await page.goto(appUrl);
      await page.getByText('nothing to see').waitFor();
      const before = await state();
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      const said = await run<string[]>(page, 'tryDoorstep', appUrl);
      expect(asked.filter((url) => url.startsWith(appUrl)).length).toBeGreaterThan(10);
      // Its pages did run, at the apps' address.
      expect(said).not.toEqual([]);
      expect(said.filter((line) => line.startsWith(consoleUrl) || line.includes('ada'))).toEqual(
        [],
      );
      const planted = (await context.cookies(consoleUrl)).filter(
        ({ value }) => value === 'planted',
      );
      expect(planted).toEqual([]);
      // Not from the page: all its connections to that address are taken by what it opened.
      const seen = await (await fetch(`${standings['same host'].appUrl}seen`)).text();
      expect(session).not.toBe('');
      expect(seen).toContain('clear');
      expect(seen).not.toContain(session);
      expect(await state()).toEqual(before);
      expect(await whoIs(page, standing)).toBe('ada');
      const workers = 'navigator.serviceWorker.getRegistrations().then((all) => all.length)';
      expect(await page.evaluate(workers)).toBe(0);
      await close();
    },
  );

  it(
    'is sent nothing of its visitor that opens anything, and replays nothing elsewhere',
    { timeout: 120_000 },
    async () => {
      const standing = standings['own host'];
      const appOf = (name: string) => standing.appUrl.replace('hostile', name);
      const { page, close } = await browser.open();
      const context = page.context();
      await logIn(page, standing);
      // From here on only who may opens it, so that the visitor proves who they are to it too.
      await client.apps.register(
        'hostile',
        echoApp({ ...{ command: [process.execPath, program], preset: 'plain' } }),
      );
      const grants: string[] = [];
      page.on('request', (request) => {
        if (request.url().includes('grant=')) grants.push(request.url());
      });
      for (const name of ['victim', 'hostile']) {
        await eventually(
          async () => {
            const answer = await page.goto(appOf(name));
            expect([answer?.status(), page.url()]).toEqual([200, appOf(name)]);
          },
          { deadlineMs: 60_000 },
        );
      }
      await page.getByText('nothing to see').waitFor({ timeout: 60_000 });
      const proof = await cookieOf(context, 'labkeeper_app', appOf('hostile'));
      expect(proof).not.toBe('');
      const seen = await page.evaluate<string>(`fetch('/seen').then((answer) => answer.text())`);
      expect(seen).toContain('X-Labkeeper-Person');
      const told = JSON.parse(seen) as { url: string; headers: string[] }[];
      const cookies = told.flatMap(({ headers }) =>
        headers.filter((_, at) => /^(?:cookie|authorization)$/i.test(headers[at - 1] ?? '')),
      );
      expect(cookies.filter((value) => value !== 'own=mine')).toEqual([]);
      expect(seen).not.toContain(proof);

      // What it might have got by other ways opens nothing else.
      const thief = await browser.open();
      await thief.page
        .context()
        .addCookies([{ name: 'labkeeper_app', value: proof, url: appOf('victim') }]);
      await thief.page.goto(appOf('victim'));
      expect(thief.page.url()).toContain(`${standing.consoleUrl}/login`);
      const own = grants.find((url) => url.startsWith(appOf('hostile'))) ?? '';
      expect(own).not.toBe('');
      for (const url of [own, own.replace('hostile.', 'victim.')]) {
        await thief.page.goto(url);
        expect(thief.page.url()).not.toBe(appOf('victim'));
        expect(await cookieOf(thief.page.context(), 'labkeeper_app', appOf('hostile'))).toBe('');
      }
      await Promise.all([close(), thief.close()]);
    },
  );
});
