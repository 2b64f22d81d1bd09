import { randomUUID } from 'node:crypto';
import type http from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { newToken } from '../../src/api/auth/secrets.ts';
import { appSpecSchema, type AppSpecInput } from '../../src/model/app-spec.ts';
import type { GatewayPace } from '../../src/gateway/worker-process.ts';
import type { Role } from '../../src/model/roles.ts';
import { findFreePort } from '../../src/supervisor/free-port.ts';
import { internalToken } from '../api/bed.ts';
import { loginCode, openPeople, type PeopleBed } from '../api/people-bed.ts';
import { eventually } from '../beds/eventually.ts';
import { browse, navigation, openApp, openGateway, type GatewayBed } from './bed.ts';

/** A gateway where people log in, with the real API and database behind it, and apps that echo. */
export interface AccessBed {
  people: PeopleBed;
  gateway: GatewayBed;
  /** As browsers find them; both on `localhost`. */
  console: string;
  apps: string;
  /** Registers an app that runs and tells what it was sent. */
  addApp(name: string, more?: Partial<AppSpecInput>): Promise<EchoApp>;
  /** Adds a person, and logs them in on a browser of their own. */
  logIn(name: string, roles?: Record<string, Role>): Promise<Browser>;
  /** A browser of nobody. */
  browser(): Browser;
  token(person: string): Promise<string>;
  api: { stop(): Promise<void>; start(): Promise<void> };
  close(): Promise<void>;
}

interface EchoApp {
  port: number;
  server: http.Server;
  requests: { url: string; headers: http.IncomingHttpHeaders; raw: string[] }[];
}

/** Keeps cookies by origin and path as browsers do, and follows redirects when it is told to. */
export interface Browser {
  cookies: Map<string, { path: string; value: string }>;
  get(url: string, headers?: Record<string, string>): Promise<Response>;
  /** Opens a page and follows every redirect to its end. */
  open(
    url: string,
    headers?: Record<string, string>,
  ): Promise<{ url: string; status: number; body: string; hops: string[] }>;
  /** What it would send to this address. */
  cookieHeader(url: string): string;
}

export async function openAccess(
  options: {
    settings?: Record<string, string>;
    api?: Parameters<typeof openPeople>[0];
    pace?: Partial<GatewayPace>;
    scheme?: 'http' | 'https';
  } = {},
): Promise<AccessBed> {
  const taken = new Set<number>();
  const free = async () => {
    const port = await findFreePort({ wanted: 0, address: '127.0.0.1', taken });
    taken.add(port);
    return port;
  };
  const [consolePort, appsPort, apiPort] = [await free(), await free(), await free()];
  const scheme = options.scheme ?? 'http';
  const console = `${scheme}://localhost:${consolePort}`;
  const apps = `${scheme}://localhost:${appsPort}`;
  const people = await openPeople({
    ...options.api,
    settings: {
      consoleUrl: console,
      publicConsoleUrl: console,
      appsUrl: apps,
      ...options.api?.settings,
    },
  });
  let server: http.Server | null = null;
  const api = {
    start: async () => {
      const started = createAdaptorServer({ fetch: people.app.fetch }) as http.Server;
      await new Promise<void>((resolve) => {
        started.listen(apiPort, '127.0.0.1', resolve);
      });
      server = started;
    },
    stop: async () => {
      const stopped = server;
      server = null;
      stopped?.closeAllConnections();
      await new Promise<void>((resolve) => {
        if (stopped === null) resolve();
        else stopped.close(() => resolve());
      });
    },
  };
  await api.start();
  const gateway = await openGateway({
    settings: {
      LABKEEPER_AUTHENTICATION: 'required',
      LABKEEPER_API_URL: `http://127.0.0.1:${apiPort}`,
      LABKEEPER_CONSOLE_URL: console,
      LABKEEPER_APPS_URL: apps,
      ...options.settings,
    },
    pace: { accessSweepMs: 50, ...options.pace },
    ports: people.store,
    secret: internalToken,
    listenOn: { console: consolePort, apps: appsPort },
  });
  const browser = (): Browser => newBrowser();

  return {
    ...{ people, gateway, console, apps, api, browser },
    async addApp(name, more = {}) {
      const requests: EchoApp['requests'] = [];
      const app = await openApp((request, response) => {
        const { url = '', headers, rawHeaders: raw } = request;
        requests.push({ url, headers, raw });
        response.end(JSON.stringify({ app: name, url, headers }));
      });
      const spec = appSpecSchema.parse({ command: ['serve'], space: 'ml101', ...more });
      await people.store.apps.register({
        ...{ name, space: spec.space, owner: 'owner', spec, actor: 'owner' },
        operationId: randomUUID(),
      });
      const life = await people.store.apps.beginLife(name);
      const mark = { life: life?.mark.life ?? 1, revision: 1 };
      await people.store.apps.advance(name, mark, {
        condition: { wanted: 'awake', phase: 'ready', generation: 1, host: 'local' },
        route: { generation: 1, host: 'local', address: '127.0.0.1', port: app.port },
      });
      const entry = () => people.store.routes.find(name);
      await eventually(async () => {
        if ((await entry())?.target?.state !== 'open') throw new Error('no route yet');
      });
      return { port: app.port, server: app.server, requests };
    },
    browser,
    async logIn(name, roles = {}) {
      await people.person(name, roles);
      const one = browser();
      await logInWith(one, console, await loginCode(people, name));
      return one;
    },
    async token(person) {
      const { id, text, digest } = newToken();
      const by = { actor: 'test' };
      await people.store.tokens.add({ id, digest, person, label: 'x', lastsMs: 60_000 }, by);
      return text;
    },
    async close() {
      await gateway.close();
      await api.stop();
      await people.close();
    },
  };
}

async function logInWith(browser: Browser, console: string, code: string): Promise<void> {
  const answer = await fetch(`${console}/login/link`, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: console, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ code }).toString(),
  });
  if (answer.status !== 303) throw new Error(`nobody was logged in: ${await answer.text()}`);
  keep(browser, `${console}/login/link`, answer);
}

function newBrowser(): Browser {
  const browser: Browser = {
    cookies: new Map(),
    cookieHeader: (url) => {
      const { pathname, hostname } = new URL(url);
      return [...browser.cookies]
        .filter(([key, { path }]) => key.endsWith(` ${hostname}`) && pathname.startsWith(path))
        .map(([key, { value }]) => `${key.split(' ')[0]}=${value}`)
        .join('; ');
    },
    async get(url, headers = navigation) {
      const cookie = browser.cookieHeader(url);
      const answer = await browse(url, { ...headers, ...(cookie === '' ? {} : { cookie }) });
      keep(browser, url, answer);
      return answer;
    },
    async open(url, headers = navigation) {
      const hops: string[] = [];
      for (let at = url; ;) {
        const answer = await browser.get(at, headers);
        const location = answer.headers.get('location');
        if (location === null) {
          return { url: at, status: answer.status, body: await answer.text(), hops };
        }
        at = new URL(location, at).href;
        hops.push(at);
        if (hops.length > 12) throw new Error(`it never ends: ${hops.join(' → ')}`);
      }
    },
  };
  return browser;
}

/** Cookies do not know ports: those of the console and of apps lie beside each other, as in a browser. */
function keep(browser: Browser, url: string, answer: Response): void {
  for (const line of setCookiesOf(answer)) {
    const [pair = '', ...attributes] = line.split('; ');
    const equals = pair.indexOf('=');
    const [name, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
    const of = (key: string) =>
      attributes.find((one) => one.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1);
    const path = of('path') ?? '/';
    const key = `${name} ${path} ${new URL(url).hostname}`;
    if (of('max-age') === '0') browser.cookies.delete(key);
    else browser.cookies.set(key, { path, value });
  }
}

function setCookiesOf(answer: Response): string[] {
  return answer.headers
    .getSetCookie()
    .flatMap((line) => line.split(/, ?(?=(?:__[A-Za-z]+-)?labkeeper_)/))
    .filter((line) => line !== '');
}
