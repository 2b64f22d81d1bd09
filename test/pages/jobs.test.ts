import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeople, type PeopleBed } from '../api/people-bed.ts';
import { requirePart } from '../beds/require.ts';
import { submission } from '../store/job-bed.ts';
import { submit, visit } from './bed.ts';
import { advance, fillJobs } from './filled-jobs.ts';

describe.runIf(requirePart('postgres'))('pages of jobs', () => {
  let bed: PeopleBed;
  let operator: Record<string, string>;
  let ivo: Record<string, string>;
  let viewer: Record<string, string>;
  beforeAll(async () => {
    bed = await openPeople({
      logReader: {
        read: async () => {
          const bytes = Buffer.from('\u001b[31mred\u001b[0m <b>& plain\u0007\n');
          return { fromByte: 0, nextByte: bytes.length, bytes, complete: true };
        },
        usage: async () => null,
      },
    });
    await bed.person('olga', {}, { operator: true });
    operator = await bed.browser('olga');
    await bed.person('ivo', { ml101: 'instructor' });
    ivo = await bed.browser('ivo');
    await bed.person('vera', { ml101: 'viewer' });
    viewer = await bed.browser('vera');
    await fillJobs(bed.store, 'ml101');
    await bed.store.jobs.submit(
      submission('secret-study', {}, { space: 'bio', owner: 'eve', actor: 'eve' }),
    );
  });
  afterAll(() => bed.close());

  const idsOn = (html: string) =>
    [...html.matchAll(/<tr id="job-([^"]+)"/g)].map(([, id]) => id ?? '');

  describe('all jobs', () => {
    it('are shown from the newest on, a page at a time, to those who may see their space', async () => {
      const first = await visit(bed, '/manage/jobs', ivo);
      expect(idsOn(first.html).slice(0, 2)).toEqual(['waiting-1', 'waiting-0']);
      expect(idsOn(first.html)).toHaveLength(50);
      expect(first.html).not.toContain('secret-study');
      const [, next = ''] = /href="([^"]+before=[^"]+)"/.exec(first.html) ?? [];
      const second = await visit(bed, next.replaceAll('&amp;', '&'), ivo);
      expect(idsOn(second.html)).toContain('old-10');
      expect(idsOn((await visit(bed, '/manage/jobs', operator)).html)).toContain('secret-study');
    });

    it.each([
      ['state=running', ['training-7', 'community-3']],
      ['owner=olga', ['waiting-1', 'training-7']],
      ['search=no%20sun', ['community-2']],
      ['search=COMMUNITY-1', ['community-1']],
      ['tag=study%3Dbatteries&state=failed', ['community-2']],
      ['tag=study%3Dother', []],
      ['tag=nonsense', []],
      ['space=bio', []],
      ['state=nonsense&search=community', ['community-3', 'community-2', 'community-1']],
    ])('are filtered by %s', async (query, ids) => {
      expect(idsOn((await visit(bed, `/manage/jobs?${query}`, ivo)).html)).toEqual(ids);
    });
  });

  describe('one job', () => {
    it('says what it does and why, how far it is, and what it needs', async () => {
      const { html } = await visit(bed, '/manage/job/community-3', viewer);
      expect(html).toContain('job/community-3 runs on lab-1');
      expect(html).toMatch(/<progress[^>]+value="39.3"/);
      expect(html).toContain('39 %, step 287 of 730');
      expect(html).toContain('1 core, 1.0 GiB');
      expect(html).toContain('started');
    });

    it('says why it waits, in one sentence', async () => {
      const { html } = await visit(bed, '/manage/job/waiting-0', viewer);
      expect(html).toMatch(/job\/waiting-0 waits since [^<]*: waiting for 1 GPU/);
    });

    it('shows output to those who may read it, without what steers terminals', async () => {
      const { html } = await visit(bed, '/manage/job/community-1', ivo);
      expect(html).toContain('red &lt;b&gt;&amp; plain\n</pre>');
      expect((await visit(bed, '/manage/job/community-1', viewer)).html).not.toContain('id="log"');
    });

    it('shows figures of its result as a table, and all of it as JSON', async () => {
      const { html } = await visit(bed, '/manage/job/community-1', ivo);
      expect(html).toContain('<th scope="row">with batteries</th>');
      expect(html).toMatch(/<td data-label="peak kw">118.4<\/td>/);
      expect(html).toContain('&quot;cost_eur&quot;: 48876.25');
    });

    it('is bounded in what it shows of a large result and a large definition', async () => {
      const large = { config: { text: 'x'.repeat(500_000) } };
      await bed.store.jobs.submit(submission('large-1', large, { space: 'ml101', owner: 'ivo' }));
      await advance(bed.store, 'large-1', {
        ...{ state: 'succeeded', now: ['finishedAt'] },
        result: { value: { lines: Array.from({ length: 100_000 }, (_, at) => at) } },
      });
      const { html } = await visit(bed, '/manage/job/large-1', ivo);
      expect(html.length).toBeLessThan(80_000);
      expect(html).toContain('more characters');
    });

    it('is canceled with a reason by those who may, and shows what was seen of its end', async () => {
      await bed.store.jobs.submit(submission('end-1', {}, { space: 'ml101', owner: 'ivo' }));
      const path = '/manage/job/end-1';
      expect((await visit(bed, path, viewer)).html).not.toContain(`${path}/cancel`);
      const answer = await submit(bed, `${path}/cancel`, { why: 'wrong seed' }, ivo);
      expect(answer.headers.get('location')).toBe(`${path}?done=canceled`);
      const { html } = await visit(bed, `${path}?done=canceled`, ivo);
      expect(html).toContain('Asked for by ivo: wrong seed');
      expect(html).toContain('Nothing of it runs any more');
      const removed = await submit(bed, `${path}/remove`, {}, ivo);
      expect(removed.headers.get('location')).toBe('/manage/jobs?done=removed');
      const gone = await visit(bed, path, ivo);
      expect([gone.status, gone.html.includes('end-1 is gone')]).toEqual([404, true]);
    });

    it('is refused where its id is none', async () => {
      for (const id of ['never', '..%2f', 'a%20b']) {
        expect((await visit(bed, `/manage/job/${id}`, operator)).status).toBe(404);
      }
    });
  });

  describe('the form', () => {
    const fields = { space: 'ml101', command: "python3 -c 'print(1)'", config: '{"seed": 2}' };

    it('submits what was typed, once however often it is sent', async () => {
      const sent = { ...fields, key: 'once-1', 'limits.cpus': '0,5', tags: 'study=b\r\nround=2' };
      const first = await submit(bed, '/manage/jobs/new', sent, ivo);
      const again = await submit(bed, '/manage/jobs/new', sent, ivo);
      const location = first.headers.get('location') ?? '';
      expect(location).toMatch(/^\/manage\/job\/[0-9a-f-]+\?done=submitted$/);
      expect(again.headers.get('location')).toBe(location);
      const job = await bed.store.jobs.find(location.split(/[/?]/)[3] ?? '');
      expect(job).toMatchObject({
        owner: 'ivo',
        spec: {
          command: ['python3', '-c', 'print(1)'],
          config: { seed: 2 },
          limits: { cpus: 0.5 },
          tags: { study: 'b', round: '2' },
        },
      });
    });

    it.each([
      [{ command: '' }, 'image', 'give an image or a command'],
      [{ command: "python3 'open" }, 'command', 'is not closed'],
      [{ config: '{seed: 1}' }, 'config', 'is no JSON'],
      [{ config: '[1]' }, 'config', 'must be a JSON object'],
      [{ 'limits.cpus': 'many' }, 'limits.cpus', 'must be a number'],
      [{ priority: '1000' }, 'priority', '100'],
      [{ tags: 'word' }, 'tags', 'study=a'],
      [{ host: 'No Host' }, 'host', ''],
    ])(
      'says beside the field what is wrong with %j, live and when it is sent',
      async (more, field, words) => {
        const sent = { ...fields, ...more };
        const live = await submit(bed, '/manage/jobs/new', { ...sent, step: 'check' }, ivo);
        const text = await live.text();
        expect([live.status, text.includes(`id="job-${field}-mistake"`)]).toEqual([200, true]);
        expect(text).toContain(words);
        expect((await submit(bed, '/manage/jobs/new', sent, ivo)).status).toBe(400);
      },
    );

    it('says what it would do before it is sent', async () => {
      const answer = await submit(bed, '/manage/jobs/new', { ...fields, step: 'check' }, ivo);
      expect(await answer.text()).toContain('It will run the command python3 in the space ml101');
    });

    it('begins from another job, and keeps what it does not show', async () => {
      const spec = { environment: { MODE: 'night' }, config: { seed: 1 }, title: 'First' };
      await bed.store.jobs.submit(submission('first-1', spec, { space: 'ml101', owner: 'ivo' }));
      const { html } = await visit(bed, '/manage/jobs/new?from=first-1', ivo);
      expect(html).toContain('value="First"');
      const sent = { ...fields, from: 'first-1', title: 'Second' };
      const { headers } = await submit(bed, '/manage/jobs/new', sent, ivo);
      const id = (headers.get('location') ?? '').split(/[/?]/)[3] ?? '';
      expect((await bed.store.jobs.find(id))?.spec).toMatchObject({
        ...{ title: 'Second', environment: { MODE: 'night' }, config: { seed: 2 } },
      });
    });

    it('begins from nothing where the other job is not to be seen', async () => {
      const { html } = await visit(bed, '/manage/jobs/new?from=secret-study', ivo);
      expect(html).not.toContain('secret-study');
    });
  });

  it('the queue says who runs where and who waits why, and names nothing of other spaces', async () => {
    const { html } = await visit(bed, '/manage/queue', ivo);
    expect(html).toContain('href="/manage/job/community-3"');
    expect(html).toMatch(/waiting-0[^]*Waiting for 1 GPU/);
    expect(html).toContain('a job in another space');
    expect(html).not.toContain('secret-study');
    expect((await visit(bed, '/manage/queue', operator)).html).toContain('secret-study');
  });

  it('home shows the jobs of who looks, and none to those who have none and may submit none', async () => {
    const { html } = await visit(bed, '/', ivo);
    expect(idsOn(html)).toContain('community-3');
    expect(idsOn(html)).not.toContain('training-7');
    expect((await visit(bed, '/', viewer)).html).not.toContain('My jobs');
  });
});
