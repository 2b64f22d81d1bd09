import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeople, type PeopleBed } from '../api/people-bed.ts';
import { requirePart } from '../beds/require.ts';
import { openPages, submit, visit, withPhases, type PagesBed } from './bed.ts';

/** What a browser would send of a form: the text of each control, as the page has it. */
function valuesOf(html: string): Record<string, string> {
  const unescape = (text: string) =>
    text
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&');
  const values: Record<string, string> = {};
  for (const [, attributes = ''] of html.matchAll(/<input ([^>]*)>/g)) {
    const name = / ?name="([^"]*)"/.exec(attributes)?.[1];
    const isOff = attributes.includes('type="checkbox"') && !/ checked/.test(attributes);
    if (name !== undefined && !isOff) {
      values[name] = unescape(/ ?value="([^"]*)"/.exec(attributes)?.[1] ?? '');
    }
  }
  for (const [, name = '', text = ''] of html.matchAll(
    /<textarea[^>]*? name="([^"]*)"[^>]*>\n?([^<]*)<\/textarea>/g,
  )) {
    values[name] = unescape(text);
  }
  for (const [, name = '', options = ''] of html.matchAll(
    /<select[^>]*? name="([^"]*)"[^>]*>(.*?)<\/select>/gs,
  )) {
    const chosen = /<option value="([^"]*)" selected/.exec(options);
    values[name] = (chosen ?? /<option value="([^"]*)"/.exec(options))?.[1] ?? '';
  }
  return values;
}

const mistakesIn = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/id="app-([^"]+)-mistake">([^<]+)</g)].map(([, path, text]) => [
      path ?? '',
      text ?? '',
    ]),
  );

describe.runIf(requirePart('postgres'))('the form of an app', () => {
  let bed: PagesBed;
  beforeAll(async () => {
    bed = await openPages();
  });
  afterAll(() => bed.close());

  const newForm = async (start = 'program') =>
    valuesOf((await visit(bed, `/manage/apps/new?start=${start}`)).html);
  const register = async (fields: Record<string, string>, start = 'program') => {
    const answer = await submit(bed, '/manage/apps/new', { ...(await newForm(start)), ...fields });
    return { status: answer.status, headers: answer.headers, html: await answer.text() };
  };
  const change = async (name: string, fields: Record<string, string>) => {
    const answer = await submit(bed, `/manage/app/${name}/edit`, fields);
    return { status: answer.status, headers: answer.headers, html: await answer.text() };
  };

  it.each(['program', 'container', 'streamlit', 'jupyter', 'gradio', 'kernel-gateway'])(
    'registers what %s begins with, once it has a name',
    async (start) => {
      const { status, headers } = await register({ name: `begun-${start}` }, start);
      expect(status).toBe(303);
      expect(headers.get('location')).toMatch(
        new RegExp(`^/manage/app/begun-${start}\\?operation=`),
      );
      const app = await bed.store.apps.find(`begun-${start}`);
      expect(app?.owner).toBe('local user');
      expect(app?.spec.preset).toBe(['program', 'container'].includes(start) ? 'plain' : start);
    },
  );

  it('registers every field that it has', async () => {
    const { status } = await register({
      name: 'whole',
      title: 'All of it',
      description: 'Two\r\nlines',
      image: 'lab/fft:3',
      port: '8501',
      command: `serve --title "All of it" --quote 'a "b"' {volume:scans}`,
      workingDirectory: '/srv',
      environment: 'A=1\r\n\r\nB=two words = 3\r\nC="with\\nlines"',
      secrets: 'HF_TOKEN=hf-token',
      volumes: 'scans /data ro\r\nresults',
      access: 'people',
      'idle.idleAfterMs': '1,5',
      'idle.maxAgeMs': '600',
      'limits.cpus': '0.5',
      'limits.memoryBytes': '512',
      alwaysOn: 'on',
      'health.startDeadlineMs': '0.5',
      tabScript: 'false',
      ignoredPaths: '/metrics\r\n/ping',
    });
    expect(status).toBe(303);
    expect((await bed.store.apps.find('whole'))?.spec).toMatchObject({
      title: 'All of it',
      description: 'Two\r\nlines',
      image: 'lab/fft:3',
      port: 8501,
      command: ['serve', '--title', 'All of it', '--quote', 'a "b"', '{volume:scans}'],
      workingDirectory: '/srv',
      environment: { A: '1', B: 'two words = 3', C: 'with\nlines' },
      secrets: { HF_TOKEN: 'hf-token' },
      volumes: [
        { volume: 'scans', path: '/data', readOnly: true },
        { volume: 'results', readOnly: false },
      ],
      access: 'people',
      idle: { idleAfterMs: 90_000, maxAgeMs: 36_000_000 },
      limits: { cpus: 0.5, memoryBytes: 536_870_912 },
      alwaysOn: true,
      health: { startDeadlineMs: 500 },
      tabScript: false,
      ignoredPaths: ['/metrics', '/ping'],
    });
  });

  it('shows each mistake beside its control, keeps what was typed, and registers nothing', async () => {
    const typed = {
      name: 'Not A Name',
      image: 'UPPER',
      port: '99999',
      command: 'serve "open',
      environment: 'A=1\nno equals',
      secrets: '1BAD=x',
      volumes: 'data relative',
      'idle.idleAfterMs': 'soon',
      'limits.memoryBytes': '1',
      title: '<b>"&',
    };
    const { status, html } = await register(typed);
    expect(status).toBe(400);
    expect(html).toContain('Nothing was changed.');
    expect(mistakesIn(html)).toMatchObject({
      name: expect.stringContaining('must be a DNS label'),
      image: expect.stringContaining('must be an image reference'),
      port: 'must be at most 65535',
      command: 'a &quot; is not closed',
      environment: 'line 2: write NAME=value',
      secrets: '1BAD: must be an environment variable name',
      volumes: expect.stringContaining('entry 1 path: must be an absolute path'),
      'idle.idleAfterMs': 'must be a number',
      'limits.memoryBytes': 'must be at least 16 MiB',
    });
    expect(valuesOf(html)).toMatchObject(typed);
    expect(html).not.toContain('<b>"&');
    expect(html).toContain('<a href="#app-limits.memoryBytes">Memory</a>');
    expect(html).toMatch(/id="app-image" name="image" [^>]*aria-invalid="true"/);
    expect(await bed.store.apps.find('Not A Name')).toBeNull();
  });

  it('says what is missing when nothing runs', async () => {
    const { html } = await register({ name: 'empty', command: '', image: '' });
    expect(mistakesIn(html)['image']).toBe('give an image or a command');
  });

  it('does not replace an app that has the name already', async () => {
    await bed.register('taken', { title: 'Mine' });
    const { status, html } = await register({ name: 'taken', title: 'Yours' });
    expect(status).toBe(409);
    expect(html).toContain('there is an app of this name already');
    expect(valuesOf(html)['title']).toBe('Yours');
    expect((await bed.store.apps.find('taken'))?.spec.title).toBe('Mine');
  });

  it('only looks when asked to check', async () => {
    const { status, html } = await register({ name: 'checked', step: 'check', secrets: 'A=gone' });
    expect(status).toBe(200);
    expect(html).toContain('checked is new: it is registered, and sleeps until somebody opens it.');
    expect(html).toContain('the secret gone is not set in the space default');
    expect(await bed.store.apps.find('checked')).toBeNull();
  });

  it('shows what a change does before it does it', async () => {
    await bed.register('running', { environment: { MODE: 'slow' } });
    await bed.reach('running', 'ready');
    const { html: form } = await visit(bed, '/manage/app/running/edit');
    const values = { ...valuesOf(form), environment: 'MODE=fast', step: 'save' };
    const first = await change('running', values);
    expect(first.status).toBe(200);
    expect(first.html).toContain('This restarts running, because what runs cannot take over');
    expect(first.html).toContain('Save and restart');
    expect(first.html).toMatch(/environment\.MODE.*slow.*fast/s);
    expect((await bed.store.apps.find('running'))?.specRevision).toBe(1);
    const second = await change('running', { ...valuesOf(first.html), step: 'save' });
    expect(second.status).toBe(303);
    const app = await bed.store.apps.find('running');
    expect(app).toMatchObject({ specRevision: 2, spec: { environment: { MODE: 'fast' } } });
  });

  it('shows the changes again when they are no more what was seen', async () => {
    await bed.register('shared', { title: 'One' });
    const { html } = await visit(bed, '/manage/app/shared/edit');
    const seen = await change('shared', { ...valuesOf(html), title: 'Two', step: 'check' });
    expect(seen.html).toContain('shared takes this over at once: nothing restarts.');
    await bed.register('shared', { title: 'Three', description: 'Of somebody else' });
    const again = await change('shared', { ...valuesOf(seen.html), step: 'save' });
    expect(again.status).toBe(200);
    expect(again.html).toContain('Look at what changes');
    expect(again.html).toContain('Of somebody else');
    expect((await bed.store.apps.find('shared'))?.spec.title).toBe('Three');
  });

  it('keeps what the form does not have', async () => {
    await bed.register('rich', { restart: { initialDelayMs: 7 }, log: { files: 9 }, hostPort: 81 });
    const { html } = await visit(bed, '/manage/app/rich/edit');
    const seen = await change('rich', { ...valuesOf(html), title: 'Rich', step: 'check' });
    expect((await change('rich', { ...valuesOf(seen.html), step: 'save' })).status).toBe(303);
    expect((await bed.store.apps.find('rich'))?.spec).toMatchObject({
      title: 'Rich',
      restart: { initialDelayMs: 7 },
      log: { files: 9 },
      hostPort: 81,
    });
  });

  it('changes nothing when it is sent as it was shown', async () => {
    await bed.register('idle', {
      command: ['a b', "it's", '"', '\\', ''],
      environment: { A: '"quoted"', B: ' blank ', C: '' },
      volumes: [{ volume: 'data', readOnly: true }],
      idle: { idleAfterMs: 12_345, maxAgeMs: 99_999 },
      limits: { memoryBytes: 16_777_217 },
    });
    const { html } = await visit(bed, '/manage/app/idle/edit');
    const checked = await change('idle', { ...valuesOf(html), step: 'check' });
    expect(checked.html).toContain('idle has this definition already.');
    const saved = await change('idle', { ...valuesOf(html), step: 'save' });
    expect([saved.status, saved.headers.get('location')]).toEqual([303, '/manage/app/idle']);
    expect((await bed.store.apps.find('idle'))?.specRevision).toBe(1);
  });

  it('leads from an app and from Manage to the form', async () => {
    await bed.register('linked');
    expect((await visit(bed, '/manage/app/linked')).html).toContain(
      'href="/manage/app/linked/edit"',
    );
    expect((await visit(bed, '/manage')).html).toContain('href="/manage/apps/new"');
  });

  it('refuses the form of another site', async () => {
    const foreign = { origin: 'http://localhost:8081', 'sec-fetch-site': 'same-site' };
    const answer = await submit(bed, '/manage/apps/new', { name: 'foreign' }, foreign);
    expect(answer.status).toBe(403);
    expect(await bed.store.apps.find('foreign')).toBeNull();
  });
});

describe.runIf(requirePart('postgres'))('the form of an app, by role', () => {
  let bed: PeopleBed & PagesBed;
  let instructor: Record<string, string>;
  let user: Record<string, string>;
  let admin: Record<string, string>;
  beforeAll(async () => {
    bed = await withPhases(await openPeople());
    instructor = await bed.person('ida', { ml101: 'instructor', bio: 'user' });
    user = await bed.person('uwe', { ml101: 'user' });
    admin = await bed.person('ada', { ml101: 'admin', bio: 'admin' });
    await bed.send('PUT', '/api/v1/apps/hers', {
      body: { command: ['serve'], space: 'ml101' },
      headers: instructor,
    });
    await bed.send('PUT', '/api/v1/secrets/hf-token?space=ml101', {
      body: { value: 'canary-value' },
      headers: instructor,
    });
  });
  afterAll(() => bed.close());

  it('offers the spaces in which somebody may register, and what can be named there', async () => {
    const { html } = await visit(bed, '/manage/apps/new', instructor);
    expect(html).toContain('<option value="ml101" selected');
    expect(html).not.toContain('<option value="bio"');
    expect(html).toContain('There are: hf-token.');
    expect(html).not.toContain('canary-value');
    expect((await visit(bed, '/manage/apps/new', admin)).html).toContain('<option value="bio"');
  });

  it('refuses a space in which somebody may not register, and keeps what was typed', async () => {
    const { html } = await visit(bed, '/manage/apps/new', instructor);
    const fields = { ...valuesOf(html), name: 'smuggled', space: 'bio' };
    const answer = await submit(bed, '/manage/apps/new', fields, instructor);
    expect(answer.status).toBe(403);
    const page = await answer.text();
    expect(page).toContain('ida may not register apps in the space bio');
    expect(valuesOf(page)['name']).toBe('smuggled');
    expect(await bed.store.apps.find('smuggled')).toBeNull();
  });

  it('is not for those who may register nowhere, nor shown to them', async () => {
    expect((await visit(bed, '/manage/apps/new', user)).status).toBe(403);
    expect((await visit(bed, '/manage', user)).html).not.toContain('/manage/apps/new');
    expect((await visit(bed, '/manage/app/hers', user)).html).not.toContain('/edit"');
    expect((await visit(bed, '/manage/app/hers/edit', user)).status).toBe(403);
  });

  it('shows on the page of an app only the buttons that somebody may press', async () => {
    const viewer = await bed.person('vic', { ml101: 'viewer' });
    const other = await bed.person('ian', { ml101: 'instructor' });
    await bed.reach('hers', 'ready');
    const buttons = async (headers: Record<string, string>) => {
      const { html } = await visit(bed, '/manage/app/hers', headers);
      const bar = html.slice(0, html.indexOf('id="why-heading"'));
      return [...bar.matchAll(/(?:href|action)="\/manage\/app\/hers\/([a-z-]+)"/g)].map(
        ([, verb]) => verb,
      );
    };
    expect(await buttons(instructor)).toEqual(['keep-awake', 'restart', 'stop', 'edit', 'remove']);
    expect(await buttons(other)).toEqual(['keep-awake']);
    expect(await buttons(user)).toEqual(['keep-awake']);
    expect(await buttons(viewer)).toEqual([]);
  });

  it('shows the output of an app to those only who may read it', async () => {
    const text = async (headers: Record<string, string>) =>
      (await visit(bed, '/manage/app/hers', headers)).html;
    expect(await text(instructor)).toContain('id="log"');
    expect(await text(user)).not.toContain('id="log"');
  });
});
