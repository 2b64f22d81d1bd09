import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import { openBrowser, type BrowserBed } from '../beds/browser.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { familyProgram, requirePart } from '../beds/require.ts';
import { instancesOf, timelineOf, untilStatus } from './lab-view.ts';
import { watchTabBar } from './tab-bar.ts';

const engines = requirePart('temporal') && requirePart('postgres');
/** Interpreters take their time on a small or busy machine. */
const patienceMs = 60_000;

describe.runIf(engines)('real apps of other families', { timeout: 240_000 }, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  const start = async (name: string, spec: AppSpecInput) => {
    await lab.client.apps.register(name, { stopGraceMs: 2_000, ...spec });
    const { id } = await lab.client.apps.start(name);
    return lab.client.operations.wait(id);
  };

  describe.runIf(requirePart('jupyter'))('Jupyter', () => {
    const jupyter = (...settings: string[]): AppSpecInput => ({
      preset: 'jupyter',
      command: [familyProgram('jupyter-server'), '--allow-root', '--no-browser', ...settings],
    });
    const atHome = jupyter(
      '--ServerApp.base_url={base}/',
      '--ServerApp.allow_remote_access=True',
      '--IdentityProvider.token=',
    );

    it('runs code in a kernel, below its own path and under any name of the lab', async () => {
      expect(await start('notes', atHome)).toMatchObject({ state: 'succeeded' });
      // As a browser does: the page first, whose cookie proves every change.
      const page = await fetch(lab.appUrl('notes', '/'));
      expect(page.status).toBe(200);
      const cookie = cookieOf(page);
      const url = lab.appUrl('notes', '/api/kernels');
      const named = await request(url, { headers: { cookie, host: 'lab.example' } });
      expect(await named.body.json()).toEqual([]);
      const kernel = await startKernel(url, cookie);
      const socket = await openKernel(
        lab.appUrl('notes', `/api/kernels/${kernel}/channels`),
        cookie,
      );
      expect(await runInKernel(socket, '6 * 7')).toBe('42');
      socket.close();
    });

    it('says what to do when it was not told where it lives', async () => {
      const lost: AppSpecInput = { ...jupyter(), health: { startDeadlineMs: 15_000 } };
      expect(await start('lost', lost)).toMatchObject({ state: 'failed' });
      const { status, explanation } = await lab.client.apps.show('lost');
      expect({ status, explanation }).toEqual({
        status: 'failed',
        explanation: expect.stringContaining('--ServerApp.base_url={base}/'),
      });
    });

    it('falls asleep under an open notebook that only asks how things are', async () => {
      const idle = { idleAfterMs: 4_000, disconnectedAfterMs: 4_000, warnBeforeMs: 0 };
      expect(await start('left', { ...atHome, idle })).toMatchObject({ state: 'succeeded' });
      let polling = true;
      const polls = (async () => {
        while (polling) {
          for (const what of ['kernels', 'sessions', 'terminals', 'kernelspecs', 'contents']) {
            await (await fetch(lab.appUrl('left', `/api/${what}`), { headers: tabHeaders })).text();
          }
        }
      })();
      await untilStatus(lab, 'left', 'asleep', patienceMs);
      polling = false;
      await polls;
      expect(await instancesOf(lab, 'left')).toEqual([]);
      expect((await timelineOf(lab, 'left')).at(-1)).toBe('stopped');
    });
  });

  describe.runIf(requirePart('kernel-gateway'))('a kernel gateway', () => {
    it('is woken by a program that wants a kernel, and runs its code', async () => {
      await lab.client.apps.register('kernels', {
        preset: 'kernel-gateway',
        command: [familyProgram('jupyter-kernelgateway')],
        stopGraceMs: 2_000,
      });
      const kernel = await startKernel(lab.appUrl('kernels', '/api/kernels'), '');
      const socket = await openKernel(lab.appUrl('kernels', `/api/kernels/${kernel}/channels`), '');
      expect(await runInKernel(socket, '"lab" * 2')).toBe("'lablab'");
      socket.close();
    });
  });

  describe.runIf(requirePart('gradio') && requirePart('chromium'))('Gradio', () => {
    let browser: BrowserBed;
    beforeAll(async () => {
      browser = await openBrowser();
    }, 60_000);
    afterAll(async () => {
      await browser?.close();
    });
    const program = fileURLToPath(new URL('./apps/gradio_app.py', import.meta.url));
    const gradio = (changes: Partial<AppSpecInput> = {}): AppSpecInput => ({
      preset: 'gradio',
      command: [familyProgram('python'), program],
      stopGraceMs: 2_000,
      ...changes,
    });

    it('loads through the waiting page, everything below its own path, and answers', async () => {
      await lab.client.apps.register('greets', gradio());
      const { page, complaints, close } = await browser.open();
      page.setDefaultTimeout(patienceMs);
      const addresses: string[] = [];
      page.on('request', (request) => addresses.push(request.url()));
      await page.goto(lab.appUrl('greets'));
      await page.getByLabel('name').fill('Ada');
      await page.getByRole('button', { name: 'Submit' }).click();
      await eventually(
        async () =>
          expect(await page.getByLabel('output').inputValue()).toMatch(
            /^Hello, Ada, time 1 from process/,
          ),
        { deadlineMs: patienceMs },
      );
      const elsewhere = addresses.filter(
        (address) => address.startsWith(lab.appsUrl) && !address.startsWith(lab.appUrl('greets')),
      );
      expect(elsewhere).toEqual([]);
      // Gradio names no icon, so the browser looks for one at the root of the origin.
      expect(complaints.filter((one) => !one.includes('/favicon.ico'))).toEqual([]);
      await close();
    });

    it('falls asleep under an open tab that only holds its heartbeat', async () => {
      await lab.client.apps.register('naps', gradio());
      const { page, close } = await browser.open();
      page.setDefaultTimeout(patienceMs);
      const bar = await watchTabBar(page);
      const heartbeat = page.waitForRequest(/\/gradio_api\/heartbeat\//);
      await page.goto(lab.appUrl('naps'));
      await heartbeat;
      // From now on its times are short; the instance that runs takes them over.
      await lab.client.apps.register(
        'naps',
        gradio({ idle: { idleAfterMs: 4_000, warnBeforeMs: 0 } }),
      );
      await bar.getByText('naps is asleep.').waitFor();
      await untilStatus(lab, 'naps', 'asleep', patienceMs);
      expect(await instancesOf(lab, 'naps')).toEqual([]);
      await close();
    });
  });
});

/** How the scripts of an open tab ask. */
const tabHeaders = {
  'sec-fetch-mode': 'cors',
  'sec-fetch-dest': 'empty',
  'sec-fetch-site': 'same-origin',
};

function cookieOf(answer: Response): string {
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
}

/** Starts a Python kernel, and gives its id. */
async function startKernel(url: string, cookie: string): Promise<string> {
  const proof = /_xsrf=([^;]+)/.exec(cookie)?.[1];
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(proof === undefined ? {} : { cookie, 'x-xsrftoken': proof }),
    },
    body: JSON.stringify({ name: 'python3' }),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(201);
  return (JSON.parse(text) as { id: string }).id;
}

async function openKernel(url: string, cookie: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), {
    headers: { origin: new URL(url).origin, ...(cookie === '' ? {} : { cookie }) },
  });
  await once(socket, 'open');
  return socket;
}

/** Runs code as a notebook does, and gives its value as it would be shown. */
async function runInKernel(socket: WebSocket, code: string): Promise<string> {
  const header = {
    msg_id: 'test-1',
    msg_type: 'execute_request',
    username: 'test',
    session: 'test',
    version: '5.3',
    date: '2026-01-01T00:00:00Z',
  };
  const content = {
    ...{ code, silent: false, store_history: true },
    ...{ user_expressions: {}, allow_stdin: false, stop_on_error: true },
  };
  const message = { header, parent_header: {}, metadata: {}, content, channel: 'shell' };
  const value = new Promise<string>((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      const said = JSON.parse(data.toString()) as {
        msg_type: string;
        content: { data?: Record<string, string>; evalue?: string };
      };
      if (said.msg_type === 'execute_result') resolve(said.content.data?.['text/plain'] ?? '');
      if (said.msg_type === 'error') reject(new Error(said.content.evalue));
    });
    socket.on('close', (closeCode) => reject(new Error(`closed with ${closeCode}`)));
  });
  socket.send(JSON.stringify(message));
  return value;
}
