import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeople, useLink, type PeopleBed } from '../api/people-bed.ts';
import { requirePart } from '../beds/require.ts';
import { submit, visit } from './bed.ts';

describe.runIf(requirePart('postgres'))('pages of people and spaces', () => {
  let bed: PeopleBed;
  let operator: Record<string, string>;
  let admin: Record<string, string>;
  beforeAll(async () => {
    bed = await openPeople();
    await bed.person('olga', {}, { operator: true });
    operator = await bed.browser('olga');
    await bed.person('ivo', { ml101: 'admin' });
    admin = await bed.browser('ivo');
  });
  afterAll(() => bed.close());

  const send = async (path: string, fields: Record<string, string>, as = operator) => {
    const answer = await submit(bed, path, fields, as);
    return {
      status: answer.status,
      location: answer.headers.get('location'),
      html: await answer.text(),
    };
  };

  describe('people', () => {
    it('invites somebody by a link that is shown once and logs them in once', async () => {
      const { status, html } = await send('/manage/people', {
        name: 'ada@uni.example',
        title: 'Ada Lovelace',
      });
      expect(status).toBe(200);
      const [, code = ''] = /\/login\/link\?code=([\w-]+)/.exec(html) ?? [];
      expect((await useLink(bed, code)).status).toBe(303);
      expect((await useLink(bed, code)).status).toBe(403);
      const listed = await visit(bed, '/manage/people', operator);
      expect(listed.html).toContain('href="/manage/person/ada%40uni.example"');
      expect(listed.html).not.toContain('/login/link?code=');
    });

    it('refuses a name that nobody can have, or somebody has, beside the field', async () => {
      const wrong = await send('/manage/people', { name: 'Ada L.', title: 'Ada <b>' });
      expect(wrong.status).toBe(400);
      expect(wrong.html).toMatch(/id="invite-name-mistake">must be a short name or mail address/);
      expect(wrong.html).toContain('value="Ada L."');
      expect(wrong.html).toContain('value="Ada &lt;b&gt;"');
      const taken = await send('/manage/people', { name: 'ivo' });
      expect(taken.status).toBe(409);
      expect(taken.html).toMatch(/id="invite-name-mistake">ivo is here already/);
    });

    it('finds people by their names', async () => {
      await bed.store.people.put('zora', { title: 'Zora Neale' }, { actor: 'test' });
      const { html } = await visit(bed, '/manage/people?search=NEALE', operator);
      expect(html).toContain('/manage/person/zora');
      expect(html).not.toContain('/manage/person/ivo');
      const none = await visit(bed, '/manage/people?search=%25_%00', operator);
      expect(none.html).toContain('Nobody has such a name.');
    });

    it('lists many page by page', async () => {
      for (let count = 10; count < 65; count += 1) {
        await bed.store.people.put(`many-${count}`, {}, { actor: 'test' });
      }
      const first = await visit(bed, '/manage/people?search=many', operator);
      const [, next = ''] = /href="([^"]+)" rel="next"/.exec(first.html) ?? [];
      const second = await visit(bed, next.replaceAll('&amp;', '&'), operator);
      expect(first.html).not.toContain('many-64');
      expect(second.html).toContain('many-64');
      expect(second.html).not.toContain('many-10');
    });

    it('makes an operator, and refuses to take the last one away, beside the box', async () => {
      await bed.store.people.put('pat', {}, { actor: 'test' });
      const made = await send('/manage/person/pat', { title: 'Pat', operator: 'on' });
      expect(made.location).toBe('/manage/person/pat?done=changed');
      expect(await bed.store.people.find('pat')).toMatchObject({ title: 'Pat', operator: true });
      await send('/manage/person/pat', { title: 'Pat' });
      expect(await bed.store.people.find('pat')).toMatchObject({ operator: false });
      const last = await send('/manage/person/olga', { title: 'Olga' });
      expect(last.status).toBe(409);
      expect(last.html).toMatch(
        /id="person-operator-mistake">[^<]*make somebody else operator first/,
      );
    });

    it('keeps somebody out at once, and lets them in again', async () => {
      await bed.person('rob');
      const rob = await bed.browser('rob');
      const kept = await send('/manage/person/rob/access', { disabled: 'true' });
      expect(kept.location).toBe('/manage/person/rob?done=disabled');
      expect((await visit(bed, '/account', rob)).status).toBe(303);
      const { html } = await visit(bed, '/manage/person/rob?done=disabled', operator);
      expect(html).toContain('Let them log in again');
      expect(html).not.toContain('login-link');
      await send('/manage/person/rob/access', { disabled: 'false' });
      expect((await visit(bed, '/account', await bed.browser('rob'))).status).toBe(200);
      const self = await send('/manage/person/olga/access', { disabled: 'true' });
      expect([self.status, self.html.includes('make somebody else operator')]).toEqual([409, true]);
    });

    it('gives a role in a space, and takes it away', async () => {
      await bed.store.people.put('sam', {}, { actor: 'test' });
      const roles = async () => (await bed.store.people.find('sam'))?.roles;
      await send('/manage/person/sam/roles', { space: 'bio', role: 'instructor' });
      expect(await roles()).toMatchObject({ bio: 'instructor' });
      await send('/manage/person/sam/roles', { space: 'bio', role: '' });
      expect(await roles()).not.toHaveProperty('bio');
      const wrong = await send('/manage/person/sam/roles', { space: 'bio', role: 'king' });
      expect(wrong.html).toContain('id="role-role-mistake"');
      const nowhere = await send('/manage/person/sam/roles', { space: 'nowhere', role: 'user' });
      expect(nowhere.html).toMatch(/id="role-space-mistake">[^<]*nowhere/);
    });

    it('makes a login link for somebody who is here', async () => {
      await bed.store.people.put('tom', {}, { actor: 'test' });
      const { html } = await send('/manage/person/tom/login-link', {});
      const [, code = ''] = /\/login\/link\?code=([\w-]+)/.exec(html) ?? [];
      expect((await useLink(bed, code)).status).toBe(303);
    });

    it('answers names that nobody has with a page', async () => {
      for (const name of ['nobody', '%3Cb%3E', 'A%20B']) {
        const { status, html } = await visit(bed, `/manage/person/${name}`, operator);
        expect([name, status]).toEqual([name, 404]);
        expect(html).not.toContain('<b>');
      }
    });
  });

  describe('spaces', () => {
    it('makes a space with quotas, and says beside each field what is wrong', async () => {
      const fields = { name: 'Chem', title: 'Chemistry', maxApps: '-1', maxAwakeApps: '' };
      const wrong = await send('/manage/spaces', fields);
      expect(wrong.status).toBe(400);
      expect(wrong.html).toContain('id="space-name-mistake"');
      const quota = await send('/manage/spaces', { ...fields, name: 'chem' });
      expect(quota.html).toContain('id="space-maxApps-mistake">must be a whole number');
      expect(quota.html).toContain('value="Chemistry"');
      const made = await send('/manage/spaces', { ...fields, name: 'chem', maxApps: '3' });
      expect(made.location).toBe('/manage/space/chem?done=created');
      expect(await bed.store.spaces.find('chem')).toMatchObject({
        title: 'Chemistry',
        maxApps: 3,
        maxAwakeApps: null,
      });
      const again = await send('/manage/spaces', { ...fields, name: 'chem', maxApps: '' });
      expect(again.html).toContain('id="space-name-mistake">there is a space chem already');
      expect(await bed.store.spaces.find('chem')).toMatchObject({ maxApps: 3 });
    });

    it('lets its admin change roles and take people out, and nothing that is not theirs', async () => {
      await bed.store.people.put('una', {}, { actor: 'test' });
      const given = await send(
        '/manage/space/ml101/members',
        { person: ' una ', role: 'viewer' },
        admin,
      );
      expect(given.location).toBe('/manage/space/ml101?done=member');
      const { html } = await visit(bed, '/manage/space/ml101', admin);
      expect(html).toContain('una');
      expect(html).not.toContain('/manage/person/');
      expect(html).not.toContain('action="/manage/space/ml101/remove"');
      await send('/manage/space/ml101/members/una/remove', {}, admin);
      expect((await bed.store.people.find('una'))?.roles).not.toHaveProperty('ml101');
      const unknown = await send(
        '/manage/space/ml101/members',
        { person: 'nobody', role: 'user' },
        admin,
      );
      expect(unknown.status).toBe(404);
      expect(unknown.html).toMatch(/id="member-person-mistake">[^<]*nobody/);
      expect((await send('/manage/space/ml101', { title: 'Mine' }, admin)).status).toBe(403);
    });

    it('shows members to a member, without buttons', async () => {
      await bed.person('vera', { ml101: 'viewer' });
      const { status, html } = await visit(bed, '/manage/space/ml101', await bed.browser('vera'));
      expect(status).toBe(200);
      expect(html).toContain('ivo');
      expect(html).not.toContain('<form class="form"');
      expect(html).not.toContain('/members/');
    });

    it('leaves a space that one is admin of, and then does not see it', async () => {
      await bed.person('will', { ml101: 'admin' });
      const will = await bed.browser('will');
      const left = await send('/manage/space/ml101/members/will/remove', {}, will);
      expect(left.location).toBe('/manage/spaces?done=left');
      expect((await visit(bed, '/manage/space/ml101', will)).status).toBe(404);
    });

    it('refuses to remove a space that holds something, and says what to do', async () => {
      await bed.register('keeper', { space: 'bio' });
      const { status, html } = await send('/manage/space/bio/remove', {});
      expect(status).toBe(409);
      expect(html).toMatch(/<p class="mistake" role="alert">[^<]*bio/);
      await bed.store.spaces.put('empty', {}, { actor: 'test' });
      const gone = await send('/manage/space/empty/remove', {});
      expect(gone.location).toBe('/manage/spaces?done=removed');
    });
  });

  describe('Home', () => {
    const names = (html: string) =>
      [...html.matchAll(/id="app-([\w-]+)"/g)].map(([, name]) => name);

    it('shows what a person may open, and details of what they may see', async () => {
      await bed.register('lesson', { space: 'ml101' });
      await bed.register('gallery', { space: 'bio', access: 'people' });
      await bed.register('lobby', { space: 'bio', access: 'everyone' });
      await bed.person('xena', { ml101: 'user' });
      await bed.person('yuri', { ml101: 'viewer' });
      const [xena, yuri] = [await bed.browser('xena'), await bed.browser('yuri')];
      const shown = await visit(bed, '/', xena);
      expect(names(shown.html)).toEqual(['gallery', 'lesson', 'lobby']);
      expect(shown.html).toContain('href="/manage/app/lesson"');
      expect(shown.html).not.toContain('href="/manage/app/gallery"');
      expect(names((await visit(bed, '/', yuri)).html)).toEqual(['gallery', 'lobby']);
      expect(names((await visit(bed, '/')).html)).toEqual(['lobby']);
    });

    it('finds apps by words', async () => {
      await bed.register('atlas', { space: 'bio', access: 'everyone', title: 'Map of the cell' });
      expect(names((await visit(bed, '/?search=THE+CELL')).html)).toEqual(['atlas']);
      const none = await visit(bed, '/?search=%3Cb%3E');
      expect(none.html).toContain('No app fits');
      expect(none.html).toContain('value="&lt;b&gt;"');
    });
  });
});

describe.runIf(requirePart('postgres'))('Home where nothing is', () => {
  let bed: PeopleBed;
  beforeAll(async () => {
    bed = await openPeople();
  });
  afterAll(() => bed.close());

  it('says to each what to do', async () => {
    await bed.person('plain');
    await bed.person('teacher', { ml101: 'instructor' });
    const html = async (name?: string) =>
      (await visit(bed, '/', name === undefined ? {} : await bed.browser(name))).html;
    expect(await html()).toContain('Log in to see the apps');
    expect(await html('plain')).toContain('Ask the admin of yours');
    expect(await html('teacher')).toContain('href="/manage/apps/new"');
    expect(await html('plain')).not.toContain('role="search"');
  });
});
