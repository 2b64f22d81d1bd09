import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { addHost, queueLimits, submission } from '../store/job-bed.ts';
import { openPagesInBrowser, type BrowserPagesBed } from './browser-bed.ts';
import { advance } from './filled-jobs.ts';

const parts = requirePart('postgres') && requirePart('chromium');

describe.runIf(parts)('the page of a job in a browser', () => {
  let bed: BrowserPagesBed;
  let output = '';
  beforeAll(async () => {
    bed = await openPagesInBrowser({
      settings: { logPollMs: 20 },
      logReader: {
        read: async (_host, _instance, { fromByte = 0 }) => {
          const whole = Buffer.from(output);
          return {
            fromByte,
            nextByte: whole.length,
            bytes: whole.subarray(fromByte),
            complete: false,
          };
        },
        usage: async () => null,
      },
    });
    await addHost(bed.store, 'lab-1', { cpus: 1 });
  });
  afterAll(() => bed.close());

  it('follows a job from the queue to its end without being loaded again', async () => {
    const { jobs } = bed.store;
    await jobs.submit(submission('live-1'));
    await bed.visit('/manage/job/live-1', async ({ page, complaints }) => {
      const text = (selector: string) => page.textContent(selector);
      await page.evaluate('window.kept = true');
      expect(await text('.lead .status')).toBe('Waiting');
      await jobs.grant(queueLimits);
      await advance(bed.store, 'live-1', { state: 'running', now: ['startedAt'] });
      await eventually(async () => expect(await text('.lead .status')).toBe('Running'));
      await jobs.reportProgress([
        { id: 'live-1', attempt: 1, progress: { progress_pct: 40, step: 4, step_total: 10 } },
      ]);
      await eventually(async () => expect(await text('.progress')).toContain('40 %, step 4 of 10'));
      const life = (await jobs.find('live-1'))?.mark.life ?? 0;
      await jobs.advance(
        'live-1',
        { life, revision: 2 },
        {
          ...{ state: 'succeeded', now: ['finishedAt'], release: true },
          result: { value: { product: 42 } },
        },
      );
      await eventually(async () => expect(await text('.lead .status')).toBe('Succeeded'));
      expect(await text('.figures')).toContain('42');
      expect(await page.evaluate('window.kept')).toBe(true);
      expect(await text('#news')).toContain('live-1: Succeeded');
      expect(complaints).toEqual([]);
    });
  });

  it('shows colours of the output as spans, anything else as text, and stays bounded', async () => {
    const { jobs } = bed.store;
    output =
      '\u001b[1;31mred\u001b[0m plain <b>\u0007\u001b]0;title\u0007\u001b[2J\n10 %\r20 %\r\n';
    await jobs.submit(submission('log-1'));
    await jobs.grant(queueLimits);
    await bed.visit('/manage/job/log-1', async ({ page, complaints }) => {
      await eventually(async () =>
        expect(await page.innerHTML('#log')).toBe(
          '<span class="c1 b">red</span> plain &lt;b&gt;\n10 %\n20 %\n',
        ),
      );
      for (let line = 0; line < 30_000; line += 1)
        output += `\u001b[3${line % 8}mline ${line}\u001b[0m\n`;
      const figures = () =>
        page.evaluate<{ text: number; pieces: number; last: boolean }>(`(() => {
          const log = document.getElementById('log');
          return { text: log.textContent.length, pieces: log.childNodes.length, last: log.textContent.endsWith('line 29999\\n') };
        })()`);
      await eventually(async () => expect(await figures()).toMatchObject({ last: true }), {
        deadlineMs: 20_000,
      });
      const { text, pieces } = await figures();
      expect(text).toBeLessThanOrEqual(200_000);
      expect(pieces).toBeLessThanOrEqual(4_000);
      expect(complaints).toEqual([]);
    });
  });

  it('is canceled by keyboard, with a reason', async () => {
    const { jobs } = bed.store;
    await jobs.submit(submission('keys-1'));
    await bed.visit('/manage/job/keys-1', async ({ page }) => {
      await page.focus('summary.danger');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      await page.keyboard.type('wrong seed');
      await page.keyboard.press('Enter');
      await eventually(async () =>
        expect(await page.textContent('.lead .status')).toBe('Canceled'),
      );
    });
    expect(await jobs.find('keys-1')).toMatchObject({ cancel: { why: 'wrong seed' } });
  });

  it('checks the form while it is filled in', async () => {
    await bed.visit('/manage/jobs/new', async ({ page }) => {
      await page.fill('[name=config]', '{broken');
      await eventually(async () =>
        expect(await page.textContent('#job-config-mistake')).toContain('is no JSON'),
      );
      await page.fill('[name=config]', '{"seed": 1}');
      await page.fill('[name=command]', 'python3 x.py');
      await eventually(async () =>
        expect(await page.textContent('#plan')).toContain('It will run'),
      );
      expect(await page.$('#job-config-mistake')).toBeNull();
    });
  });
});
