import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeople, type PeopleBed } from '../api/people-bed.ts';
import { requirePart } from '../beds/require.ts';
import { openPages, submit, visit, withPhases, type PagesBed } from './bed.ts';

const rowsOf = (html: string) =>
  [...html.matchAll(/<tr id="app-([a-z0-9-]+)"/g)].map(([, name]) => name);
const attentionOf = (html: string) =>
  html.slice(html.indexOf('id="attention"'), html.indexOf('apps-heading'));

describe.runIf(requirePart('postgres'))('what needs attention', () => {
  let bed: PagesBed;
  beforeAll(async () => {
    bed = await openPages();
  });
  afterAll(() => bed.close());

  it('lets a failed app be tried again from the list, and comes back to the list', async () => {
    await bed.register('broken');
    await bed.reach('broken', 'failed', {
      detail: 'exited with code 3',
      lastLogLines: ['no table'],
    });
    const attention = attentionOf((await visit(bed, '/manage')).html);
    expect(attention).toContain('broken failed at');
    expect(attention).toContain('Its last line: no table');
    expect(attention).toContain('action="/manage/app/broken/start"');
    expect(attention).toContain('Try again<span class="unseen"> (app/broken)</span>');
    const fields = { key: 'mend-1', back: 'manage' };
    const answer = await submit(bed, '/manage/app/broken/start', fields);
    expect(answer.headers.get('location')).toBe('/manage?operation=mend-1');
    const { html } = await visit(bed, '/manage?operation=mend-1');
    expect(html).toContain('wake of app/broken, asked for by local user');
  });

  it('names the secret that a failed app misses, until it is set', async () => {
    await bed.register('tokenless', { secrets: { HF_TOKEN: 'hf-token', OTHER: 'other' } });
    await bed.reach('tokenless', 'failed', {
      detail: 'the secret hf-token (for HF_TOKEN) is missing: it was looked for',
    });
    const link = '/manage/space/default/secrets?name=hf-token';
    const before = attentionOf((await visit(bed, '/manage')).html);
    expect(before).toContain(`href="${link}"`);
    expect(before).not.toContain('name=other');
    expect((await visit(bed, link)).html).toContain('value="hf-token"');
    const set = await bed.send('PUT', '/api/v1/secrets/hf-token', { body: { value: 'x' } });
    expect(set.status).toBe(201);
    expect(attentionOf((await visit(bed, '/manage')).html)).not.toContain(link);
  });

  it('offers to stop what crashes again and again', async () => {
    await bed.register('crashing');
    await bed.reach('crashing', 'restarting', { restartInMs: 60_000 });
    const attention = attentionOf((await visit(bed, '/manage')).html);
    expect(attention).toContain('action="/manage/app/crashing/stop"');
  });

  it('offers to wake what is meant to be always on and sleeps', async () => {
    await bed.register('kernels', { alwaysOn: true });
    const attention = attentionOf((await visit(bed, '/manage')).html);
    expect(attention).toContain('kernels is meant to be always on, but sleeps');
    expect(attention).toContain('action="/manage/app/kernels/start"');
  });

  it('names a start that takes longer than it may, and not one that is young', async () => {
    const health = { startDeadlineMs: 10 };
    await bed.register('stuck', { health });
    await bed.reach('stuck', 'starting');
    const young = await bed.store.apps.troubled({
      visible: { spaces: null, access: [] },
      lateMs: 3_600_000,
      limit: 100,
    });
    expect(young.map(({ name }) => name)).not.toContain('stuck');
    const late = await bed.store.apps.troubled({
      visible: { spaces: null, access: [] },
      lateMs: -10,
      limit: 100,
    });
    expect(late.map(({ name }) => name)).toContain('stuck');
  });

  it('names the gravest first, and no more apps than fit', async () => {
    for (let count = 0; count < 20; count += 1) {
      const name = `many-${String(count).padStart(2, '0')}`;
      await bed.register(name);
      await bed.reach(name, 'failed');
    }
    const attention = attentionOf((await visit(bed, '/manage')).html);
    expect(attention).toContain('More than 20 apps need attention.');
    expect(attention.indexOf('app/many-00')).toBeGreaterThan(0);
    expect(attention).not.toContain('app/crashing');
  });

  it('says of a full volume what it hinders and leads to it', async () => {
    await bed.register('writer', { volumes: [{ volume: 'scans' }] });
    await bed.store.volumes.settle(['scans'], 'local', 'writer');
    const put = await bed.send('PUT', '/api/v1/volumes/scans', { body: { maxBytes: 1_000_000 } });
    expect(put.status).toBe(200);
    await bed.store.volumes.measured('scans', 'local', {
      measure: { sizeBytes: 990_000, fileCount: 3, whole: true },
      hindrance: null,
      nextInMs: 60_000,
    });
    const attention = attentionOf((await visit(bed, '/manage')).html);
    expect(attention).toContain('scans on local is nearly full');
    expect(attention).toContain('Used by writer.');
    expect(attention).toContain('href="/manage/volume/scans"');
  });

  it('says of a host which runtime is gone and of a full disk what to remove', async () => {
    await bed.store.hosts.heartbeat({
      name: 'lab-2',
      agentUrl: 'http://127.0.0.1:1',
      runtimes: [{ kind: 'docker', ready: false, reason: 'no daemon answers' }],
      storage: { state: 'full', freeBytes: 1024, totalBytes: 1024 ** 3 },
      cpus: 8,
      memoryBytes: 1024 ** 3,
    });
    const attention = attentionOf((await visit(bed, '/manage')).html);
    expect(attention).toContain('lab-2 cannot start containers now: no daemon answers.');
    expect(attention).toContain('The disk of lab-2 is full (1.0 KiB of 1.0 GiB free)');
    expect(attention).toContain('See what fills it');
  });
});

describe.runIf(requirePart('postgres'))('the table of apps', () => {
  let bed: PeopleBed & PagesBed;
  let operator: Record<string, string>;
  let instructor: Record<string, string>;
  let viewer: Record<string, string>;

  beforeAll(async () => {
    bed = await withPhases(await openPeople());
    operator = await bed.person('root', {}, { operator: true });
    instructor = await bed.person('ida', { ml101: 'instructor' });
    viewer = await bed.person('vic', { ml101: 'viewer' });
    const register = async (
      name: string,
      headers: Record<string, string>,
      more: Record<string, unknown>,
    ) => {
      const body = { command: ['serve', '{port}'], space: 'ml101', ...more };
      const answer = await bed.send('PUT', `/api/v1/apps/${name}`, { body, headers });
      expect(answer.status).toBe(201);
    };
    await register('plot', instructor, { preset: 'streamlit', title: 'Live plot' });
    await register('notes', instructor, { preset: 'jupyter' });
    await register('lamp', operator, {});
    await register('gene', operator, { space: 'bio' });
    await bed.reach('notes', 'failed', { detail: 'exited with code 1' });
    await bed.reach('lamp', 'failed', { detail: 'exited with code 1' });
    await bed.reach('gene', 'ready');
  });
  afterAll(() => bed.close());

  it('is filtered by space, owner, preset and state, all in the address', async () => {
    const rows = async (query: string) =>
      rowsOf((await visit(bed, `/manage?${query}`, operator)).html);
    expect(await rows('')).toEqual(['gene', 'lamp', 'notes', 'plot']);
    expect(await rows('space=bio')).toEqual(['gene']);
    expect(await rows('owner=ida')).toEqual(['notes', 'plot']);
    expect(await rows('owner=ida&preset=jupyter')).toEqual(['notes']);
    expect(await rows('owner=ida&state=failed&search=o')).toEqual(['notes']);
    expect(await rows('space=bio&owner=ida')).toEqual([]);
  });

  it('counts each state within the filter, and keeps the filter in the links to them', async () => {
    const { html } = await visit(bed, '/manage?owner=ida', operator);
    expect(html).toContain('All <span class="count">2</span>');
    expect(html).toContain('Asleep <span class="count">1</span>');
    expect(html).toContain('Failed <span class="count">1</span>');
    expect(html).not.toContain('Ready <span class="count">');
    expect(html).toContain('href="/manage?state=failed&amp;owner=ida"');
  });

  it('shows who may see one space nothing of another, not even in the choices', async () => {
    const { html } = await visit(bed, '/manage', instructor);
    expect(rowsOf(html)).toEqual(['lamp', 'notes', 'plot']);
    expect(html).toContain('All <span class="count">3</span>');
    expect(html).not.toContain('gene');
    expect(html).not.toContain('bio');
    expect(rowsOf((await visit(bed, '/manage?space=bio', instructor)).html)).toEqual([]);
  });

  it('shows only the buttons that somebody may press', async () => {
    const buttons = async (headers: Record<string, string>) =>
      [
        ...attentionOf((await visit(bed, '/manage', headers)).html).matchAll(/action="([^"]+)"/g),
      ].map(([, action]) => action);
    const both = ['/manage/app/lamp/start', '/manage/app/notes/start'];
    expect(await buttons(operator)).toEqual(both);
    expect(await buttons(instructor)).toEqual(both);
    expect(await buttons(viewer)).toEqual([]);
    expect(attentionOf((await visit(bed, '/manage', viewer)).html)).toContain('notes failed at');
  });

  it('tells nobody but operators of hosts and engines', async () => {
    await bed.store.hosts.heartbeat({
      name: 'secret-host',
      agentUrl: 'http://127.0.0.1:1',
      runtimes: [],
      storage: { state: 'full', freeBytes: 1, totalBytes: 2 },
      cpus: 1,
      memoryBytes: 1,
    });
    expect((await visit(bed, '/manage', operator)).html).toContain('secret-host');
    expect((await visit(bed, '/manage', instructor)).html).not.toContain('secret-host');
  });

  it('is read page by page, with a way back to the first', async () => {
    for (let count = 0; count < 100; count += 1) {
      const name = `z${count}`;
      const answer = await bed.send('PUT', `/api/v1/apps/${name}`, {
        body: { command: ['serve'], space: 'bio' },
        headers: operator,
      });
      expect(answer.status).toBe(201);
    }
    const { html } = await visit(bed, '/manage?space=bio', operator);
    expect(rowsOf(html)).toHaveLength(100);
    const [, next = ''] = /href="([^"]+)" rel="next"/.exec(html) ?? [];
    const rest = await visit(bed, next.replaceAll('&amp;', '&'), operator);
    expect(rowsOf(rest.html)).toHaveLength(1);
    expect(rest.html).toContain('<a class="button" href="/manage?space=bio">First page</a>');
  });
});
