import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';

/** A real headless Chromium. Guard with `requirePart('chromium')`. */
export interface BrowserBed {
  browser: Browser;
  /** A page in a profile of its own, which writes down everything it complained about. */
  open(options?: PageOptions): Promise<Visitor>;
  close(): Promise<void>;
}

export interface PageOptions {
  width?: number;
  height?: number;
  colorScheme?: 'light' | 'dark';
  javaScript?: boolean;
}

export interface Visitor {
  page: Page;
  /** Console errors, uncaught exceptions, refusals of the content security policy. */
  complaints: string[];
  close(): Promise<void>;
}

/**
 * Chromium ends its connections when an address of any interface changes, and Docker tests beside
 * this one change some: where it can be had, a starter keeps that news from it.
 */
const starter = fileURLToPath(new URL('./chromium-without-netlink.py', import.meta.url));
const startsDeaf = process.platform === 'linux' && existsSync('/usr/bin/python3');
const executablePath = startsDeaf ? starter : (process.env['CHROMIUM'] ?? '/usr/bin/chromium');

export async function openBrowser(): Promise<BrowserBed> {
  const isRoot = process.getuid?.() === 0;
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-dev-shm-usage',
      ...(isRoot ? ['--no-sandbox'] : []),
    ],
  });
  return {
    browser,
    async open({ width = 1280, height = 900, colorScheme = 'light', javaScript = true } = {}) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme,
        javaScriptEnabled: javaScript,
      });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        if (message.type() !== 'error') return;
        complaints.push(`${message.text()} (${message.location().url})`);
      });
      return { page, complaints, close: () => context.close() };
    },
    close: () => browser.close(),
  };
}

/** True when the page is wider than its window: somebody would have to scroll sideways. */
export function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  );
}

/** Keeps what a page looks like in the folder that SCREENSHOTS names, for people to look at. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS'];
  if (folder === undefined || folder === '') return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
