import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabError } from '../../src/model/failures.ts';
import { requirePart } from '../beds/require.ts';
import { openPages, submit, visit, type PagesBed } from './bed.ts';

const hostile = '<img src=x onerror=alert(1)>"\'&';

describe.runIf(requirePart('postgres'))('pages', () => {
  let bed: PagesBed;
  let temporalAnswers = true;
  let logAnswers = true;

  beforeAll(async () => {
    bed = await openPages({
      pingTemporal: async () => {
        if (!temporalAnswers) throw new Error('connect ECONNREFUSED');
      },
      logReader: {
        read: async (host, instance) => {
          if (!logAnswers) throw new LabError('host_unreachable', `cannot reach ${host.name}`);
          const bytes = new TextEncoder().encode(`${instance} says ${hostile}\n`);
          return { fromByte: 0, nextByte: bytes.length, bytes, complete: false };
        },
        usage: async () => ({
          memoryBytes: 64 * 1024 * 1024,
          memoryLimitBytes: 128 * 1024 * 1024,
          cpus: 0.25,
          pids: 7,
        }),
      },
    });
    await bed.register('board', { title: 'Drawing board', description: 'Draw together.' });
    await bed.register('plot', { title: hostile });
    await bed.reach('plot', 'ready', { why: hostile });
  });
  afterAll(() => bed.close());

  it('shows on Home every app with its state, its sentence and the way in', async () => {
    const { status, html } = await visit(bed, '/');
    expect(status).toBe(200);
    expect(html).toMatch(/^<!doctype html><html lang="en">/);
    expect(html).toContain('<title>labkeeper</title>');
    expect(html).toContain('board was registered at');
    expect(html).toContain('Draw together.');
    expect(html).toContain('href="http://localhost:8081/app/board/"');
    expect(html).toContain('<span class="status" data-status="ready">Ready</span>');
  });

  it('never lets a title, a reason or a log line become HTML', async () => {
    for (const path of ['/', '/manage', '/manage/app/plot', '/manage/events']) {
      const { html } = await visit(bed, path);
      expect(html).not.toContain('<img src=x');
    }
    const { html } = await visit(bed, '/manage/app/plot');
    expect(html).toContain('app-plot-1 says &lt;img src=x onerror=alert(1)&gt;');
    const { html: searched } = await visit(bed, `/manage?search=${encodeURIComponent(hostile)}`);
    expect(searched).not.toContain('<img src=x');
    const { html: missing } = await visit(bed, `/${encodeURIComponent(hostile)}`);
    expect(missing).not.toContain('<img src=x');
  });

  it('shows of an app what it does, why, where, and what it uses', async () => {
    const { html } = await visit(bed, '/manage/app/plot');
    for (const part of [
      'plot is ready on local since',
      'Because of',
      '64 MiB of 128 MiB',
      '0.25 of 1 cores',
      '127.0.0.1:40123 (open)',
      'http://localhost:8233/namespaces/default/workflows/app%2Fplot',
      'Timeline',
      'Definition 1',
    ]) {
      expect(html).toContain(part);
    }
  });

  it('offers only what can be done now', async () => {
    const actions = async (name: string) =>
      [...(await visit(bed, `/manage/app/${name}`)).html.matchAll(/app\/[a-z]+\/([a-z-]+)"/g)].map(
        ([, action]) => action,
      );
    expect(await actions('board')).toEqual(['start', 'edit', 'remove', 'sharing']);
    expect(await actions('plot')).toEqual([
      'keep-awake',
      'restart',
      'stop',
      'edit',
      'remove',
      'sharing',
    ]);
  });

  it('still shows the page of an app whose host is silent', async () => {
    logAnswers = false;
    const { status, html } = await visit(bed, '/manage/app/plot');
    logAnswers = true;
    expect(status).toBe(200);
    expect(html).toContain('It cannot be read now: cannot reach local.');
  });

  it('takes an action by a plain form and goes back to the page, which tells of it', async () => {
    await bed.register('pushed');
    const answer = await submit(bed, '/manage/app/pushed/start', { key: 'push-1' });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/manage/app/pushed?operation=push-1');
    const { html } = await visit(bed, '/manage/app/pushed?operation=push-1');
    expect(html).toContain('wake of app/pushed, asked for by local user');
    const again = await submit(bed, '/manage/app/pushed/start', { key: 'push-1' });
    expect(again.headers.get('location')).toBe('/manage/app/pushed?operation=push-1');
  });

  it('refuses a form of another site with a page', async () => {
    const foreign = { origin: 'http://localhost:8081', 'sec-fetch-site': 'same-site' };
    const answer = await submit(bed, '/manage/app/board/remove', {}, foreign);
    expect(answer.status).toBe(403);
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(await answer.text()).toContain('Another site may not change anything here');
  });

  it('answers what cannot be done, and what is not there, with a page', async () => {
    const early = await submit(bed, '/manage/app/board/keep-awake', {});
    expect(early.status).toBe(409);
    expect(await early.text()).toContain('cannot keep board awake: it is asleep; start it');
    for (const path of ['/nothing', '/manage/app/nobody', '/manage/app/No%2Fname']) {
      const { status, html, headers } = await visit(bed, path);
      expect(status).toBe(404);
      expect(headers.get('content-type')).toContain('text/html');
      expect(html).toContain('There is no such thing');
    }
    for (const path of ['board/explode', '%00/start', '%3Cb%3E/stop', 'nobody/start']) {
      expect((await submit(bed, `/manage/app/${path}`, {})).status).toBe(404);
    }
  });

  it('reads what is no page number, filter or operation as none', async () => {
    for (const path of [
      '/manage/events?before=9999999999999999999',
      '/manage/events?before=%00',
      '/manage/app/board?before=x&operation=%00',
      '/manage?state=gone&after=%00&search=%00%25_',
      '/?after=..%2F..',
    ]) {
      expect([path, (await visit(bed, path)).status]).toEqual([path, 200]);
    }
  });

  it('keeps problems of programs as JSON', async () => {
    const api = await bed.send('GET', '/api/v1/apps/nobody', { headers: { accept: 'text/html' } });
    expect(api.headers.get('content-type')).toBe('application/problem+json');
    const script = await bed.send('GET', '/nothing', { headers: { accept: '*/*' } });
    expect(script.headers.get('content-type')).toBe('application/problem+json');
  });

  it('keeps the timeline of an app that was removed', async () => {
    await bed.register('gone');
    await bed.remove('gone');
    const { status, html } = await visit(bed, '/manage/app/gone');
    expect(status).toBe(404);
    expect(html).toContain('gone is gone');
    expect(html).toContain('registered');
  });

  it('puts first what needs attention, and says the remedy', async () => {
    await bed.register('broken');
    await bed.reach('broken', 'failed', {
      detail: 'exited with code 3',
      lastLogLines: ['no table'],
    });
    temporalAnswers = false;
    const { html } = await visit(bed, '/manage');
    temporalAnswers = true;
    const attention = html.slice(html.indexOf('Needs attention'), html.indexOf('apps-heading'));
    expect(attention).toContain('The Temporal Service does not answer: connect ECONNREFUSED.');
    expect(attention).toContain('exited with code 3');
    expect(attention).toContain('no table');
  });

  it('filters apps by words of name or title and by state', async () => {
    const rows = async (query: string) =>
      [...(await visit(bed, `/manage?${query}`)).html.matchAll(/<tr id="app-([a-z]+)"/g)].map(
        ([, name]) => name,
      );
    expect(await rows('search=DRAWING')).toEqual(['board']);
    expect(await rows('state=failed')).toEqual(['broken']);
    expect(await rows('state=ready&search=oar')).toEqual([]);
    expect((await visit(bed, '/manage?search=zzz')).html).toContain('No app fits the filter.');
  });

  it('reads a timeline page by page', async () => {
    const first = await visit(bed, '/manage/events');
    expect(first.html).not.toContain('rel="next"');
    for (let count = 0; count < 60; count += 1) {
      await bed.store.events.append('app/board', { actor: 'test', what: `line ${count}`, why: '' });
    }
    const { html } = await visit(bed, '/manage/events');
    const [, next = ''] = /href="([^"]+)" rel="next"/.exec(html) ?? [];
    const older = await visit(bed, next);
    expect(older.html).toContain('Newest');
    expect(older.html).not.toContain('<strong>line 59</strong>');
  });

  it('shows hosts with what they can run', async () => {
    const { html } = await visit(bed, '/manage/hosts');
    expect(html).toContain('data-status="online"');
    expect(html).toContain('not here: no daemon answers at /var/run/docker.sock');
  });

  it('loads nothing from elsewhere, runs and dresses nothing inline, and stays small', async () => {
    const { html, headers } = await visit(bed, '/manage/app/board');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc="\/assets\/)/);
    const paths = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
    let total = html.length;
    for (const path of new Set(paths)) {
      const asset = await bed.send('GET', path ?? '');
      expect(asset.status).toBe(200);
      expect(asset.headers.get('cache-control')).toContain('immutable');
      total += (await asset.text()).length;
    }
    expect(total).toBeLessThan(60_000);
    expect((await bed.send('GET', '/assets/style-000000000000.css')).status).toBe(404);
  });

  it('keeps each heading and control named for those who cannot see it', async () => {
    for (const path of ['/', '/manage', '/manage/app/plot', '/manage/hosts', '/manage/events']) {
      const { html } = await visit(bed, path);
      expect(html.match(/<h1[ >]/g)).toHaveLength(1);
      for (const [, id = ''] of html.matchAll(/aria-labelledby="([^"]+)"/g)) {
        expect(html).toContain(`id="${id}"`);
      }
      expect(html).toContain('<main id="main"');
    }
  });
});

describe.runIf(requirePart('postgres'))('pages on bad days', () => {
  let bed: PagesBed;
  let failure: Error | null = null;

  beforeAll(async () => {
    bed = await openPages({
      store: (store) => ({
        ...store,
        ping: async () => {
          if (failure !== null && 'code' in failure) throw failure;
        },
        apps: {
          ...store.apps,
          list: async (page) => {
            if (failure !== null) throw failure;
            return store.apps.list(page);
          },
        },
      }),
    });
  });
  afterAll(() => bed.close());

  it('says that the database is away, and when to come back', async () => {
    failure = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const { status, html, headers } = await visit(bed, '/');
    expect(status).toBe(503);
    expect(headers.get('content-type')).toContain('text/html');
    expect(headers.get('retry-after')).toBe('5');
    expect(html).toContain('The database does not answer');
  });

  it('owns up to a mistake of its own, by the id that its log has, and tells no more', async () => {
    failure = new TypeError('secret of the inside');
    const { status, html, headers } = await visit(bed, '/');
    failure = null;
    expect(status).toBe(500);
    expect(html).toContain('A mistake of labkeeper');
    expect(html).toContain(headers.get('x-request-id'));
    expect(html).not.toContain('secret of the inside');
  });
});
