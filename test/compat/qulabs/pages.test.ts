import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  listPage,
  loadingPage,
  notFoundPage,
  sendPage,
} from '../../../src/api/compat/qulabs/pages.ts';
import { barriersOn } from '../../beds/barriers.ts';
import {
  keepScreenshot,
  openBrowser,
  scrollsSideways,
  type BrowserBed,
} from '../../beds/browser.ts';
import { requirePart } from '../../beds/require.ts';

const id = '67ddba6814d6b2f98be31d87';
const starting = { running_status: 'starting', phase: 'starting', error: null, ready_at: null };
const stopped = { running_status: 'stopped', phase: 'failed', ready_at: null };
const labs = [
  { lab_id: id, docker_image: `registry.example/${'deep/'.repeat(20)}x:latest` },
  { lab_id: 'x'.repeat(128), docker_image: 'lab/other:1' },
].map((lab) => ({ ...lab, running_status: 'running' }));

const pages = {
  starting: loadingPage(id, { ...starting, running_status: 'starting' }),
  stopped: loadingPage('x'.repeat(128), {
    ...stopped,
    running_status: 'stopped',
    error: `exit code 1: ${'/a/very/long/path'.repeat(20)}`,
  }),
  list: listPage(labs, '/compat/qulabs'),
  'empty-list': listPage([], ''),
  'not-found': notFoundPage(),
};

const looks = [
  { width: 1280, colorScheme: 'light' },
  { width: 360, colorScheme: 'dark' },
] as const;

describe.runIf(requirePart('chromium'))('pages for QuLabs clients', () => {
  let browser: BrowserBed;
  let server: Server;
  let base: string;
  beforeAll(async () => {
    const app = new Hono();
    for (const [name, page] of Object.entries(pages)) {
      app.get(`/app/${name}`, (context) => sendPage(context, page));
    }
    // A poll that fails is no news.
    app.get('/status/*', (context) => context.body(null, 204));
    server = createAdaptorServer({ fetch: app.fetch }) as Server;
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as { port: number };
    base = `http://127.0.0.1:${port}/app/`;
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  it.each(Object.keys(pages))(
    '%s has no barrier that axe finds, and fits in every window',
    async (name) => {
      for (const look of looks) {
        const { page, complaints, close } = await browser.open(look);
        await page.goto(base + name);
        await keepScreenshot(page, `qulabs-${name}-${look.width}`);
        expect([look.width, await barriersOn(page)]).toEqual([look.width, []]);
        expect(await scrollsSideways(page)).toBe(false);
        expect(complaints).toEqual([]);
        await close();
      }
    },
  );
});
