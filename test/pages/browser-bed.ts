import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { peopleOf, type People } from '../api/people-bed.ts';
import { openBrowser, type PageOptions, type Visitor } from '../beds/browser.ts';
import { openPages, type PagesBed } from './bed.ts';

export interface BrowserPagesBed extends PagesBed, People {
  /** Address of the console, without final slash. */
  url: string;
  server: Server;
  /**
   * Opens a page in a browser profile of its own, and closes that in the end. `as` logs a person in first,
   * where people log in.
   */
  visit<Result>(
    path: string,
    run: (visitor: Visitor) => Promise<Result>,
    options?: PageOptions & { as?: string },
  ): Promise<Result>;
}

/** The API with its pages on a port of its own, and a real browser before it. */
export async function openPagesInBrowser(
  options: Parameters<typeof openPages>[0] = {},
): Promise<BrowserPagesBed> {
  const { settings, ...rest } = options;
  const bed = await openPages({ ...rest, settings: { maxEventStreams: 200, ...settings } });
  const people = peopleOf(bed);
  const server = createAdaptorServer({ fetch: bed.app.fetch }) as Server;
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await openBrowser();
  return {
    ...bed,
    ...people,
    url,
    server,
    async visit(path, run, { as, ...pageOptions } = {}) {
      const visitor = await browser.open(pageOptions);
      try {
        if (as !== undefined) await logIn(visitor, as);
        await visitor.page.goto(`${url}${path}`, { waitUntil: 'load' });
        return await run(visitor);
      } finally {
        await visitor.close();
      }
    },
    async close() {
      await browser.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await bed.close();
    },
  };

  async function logIn({ page }: Visitor, name: string): Promise<void> {
    const [cookie = '', value = ''] = ((await people.browser(name))['cookie'] ?? '').split('=');
    await page.context().addCookies([{ name: cookie, value, url, httpOnly: true }]);
  }
}
