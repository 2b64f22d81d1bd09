import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeople, type PeopleBed } from '../api/people-bed.ts';
import { requirePart } from '../beds/require.ts';
import { submit, visit } from './bed.ts';

describe.runIf(requirePart('postgres'))('the account page', () => {
  let bed: PeopleBed;
  beforeAll(async () => {
    bed = await openPeople();
  });
  afterAll(() => bed.close());

  it('says who I am, and which roles I have where', async () => {
    await bed.person('ada', { ml101: 'instructor' });
    const { html } = await visit(bed, '/account', await bed.browser('ada'));
    expect(html).toContain('<dd>ada</dd>');
    expect(html).toContain('<dd>instructor in ml101</dd>');
  });

  it('shows a new token once, and lists it from then on without its text', async () => {
    await bed.person('ben');
    const ben = await bed.browser('ben');
    const fields = { label: 'airflow', expiresInMs: '604800000' };
    const answer = await submit(bed, '/account/tokens', fields, ben);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const [token = ''] = /lk_[\w-]+/.exec(await answer.text()) ?? [];
    const me = await bed.send('GET', '/api/v1/me', {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await me.json()).toMatchObject({ person: 'ben', via: 'token' });
    const { html } = await visit(bed, '/account', ben);
    expect(html).toContain('airflow');
    expect(html).not.toContain('lk_');
    expect(html).not.toContain(token);
  });

  it('gives a form back with its mistakes beside the fields and what was typed', async () => {
    await bed.person('cleo');
    const cleo = await bed.browser('cleo');
    const answer = await submit(bed, '/account/tokens', { label: ' ', expiresInMs: '5' }, cleo);
    expect(answer.status).toBe(400);
    const html = await answer.text();
    expect(html).toMatch(
      /<input[^>]*aria-invalid="true"[^>]*aria-describedby="token-label-mistake"/,
    );
    expect(html).toMatch(/id="token-expiresInMs-mistake">[^<]+</);
    expect(html).not.toContain('lk_');
  });

  it('revokes a token of mine, and none of anybody else', async () => {
    const dora = await bed.person('dora');
    await bed.person('emil');
    const [token] = await bed.store.tokens.list({ person: 'dora', limit: 1 });
    const path = `/account/tokens/${token?.id}/revoke`;
    expect((await submit(bed, path, {}, await bed.browser('emil'))).status).toBe(404);
    const answer = await submit(bed, path, {}, await bed.browser('dora'));
    expect(answer.headers.get('location')).toBe('/account?done=revoked');
    expect((await bed.send('GET', '/api/v1/me', { headers: dora })).status).toBe(401);
  });

  it('lists my logins and ends one of them', async () => {
    await bed.person('fred');
    const [here, there] = [await bed.browser('fred'), await bed.browser('fred')];
    const { html } = await visit(bed, '/account', here);
    expect(html).toContain('This browser');
    const sessions = await bed.send('GET', '/api/v1/sessions', { headers: here });
    const { items } = (await sessions.json()) as { items: { id: string; current: boolean }[] };
    const other = items.find(({ current }) => !current);
    await submit(bed, `/account/sessions/${other?.id}/end`, {}, here);
    const after = await visit(bed, '/account', there);
    expect([after.status, after.headers.get('location')]).toEqual([303, '/login?to=%2Faccount']);
    expect((await submit(bed, '/account/sessions/nonsense/end', {}, here)).status).toBe(400);
  });

  it('has a way out on every page, for a login only', async () => {
    await bed.person('gil');
    const gil = await bed.browser('gil');
    expect((await visit(bed, '/', gil)).html).toContain('action="/logout"');
    const answer = await submit(bed, '/logout', {}, gil);
    expect(answer.headers.get('location')).toBe('/login');
    expect((await visit(bed, '/account', gil)).status).toBe(303);
    expect((await visit(bed, '/', await bed.person('token-holder'))).html).not.toContain('/logout');
  });

  it('says no words that an address puts there', async () => {
    await bed.person('hal');
    const hal = await bed.browser('hal');
    for (const done of ['constructor', '__proto__', '<b>hacked</b>', 'You%20won']) {
      const { html } = await visit(bed, `/account?done=${done}`, hal);
      expect(html).not.toContain('class="notice"');
    }
  });

  it('leads each person only to what they may run', async () => {
    const linksOf = async (name: string) => {
      const { html } = await visit(bed, '/', await bed.browser(name));
      const nav = html.slice(html.indexOf('<nav'), html.indexOf('</nav>'));
      return [...nav.matchAll(/href="([^"]+)"/g)].map(([, href]) => href);
    };
    await bed.person('plain', { ml101: 'user' });
    await bed.person('teacher', { ml101: 'instructor' });
    await bed.person('chief', {}, { operator: true });
    expect(await linksOf('plain')).toEqual(['/']);
    expect(await linksOf('teacher')).toContain('/manage');
    expect(await linksOf('teacher')).not.toContain('/manage/hosts');
    expect(await linksOf('chief')).toContain('/manage/hosts');
    for (const name of ['plain', 'teacher', 'chief']) {
      const headers = await bed.browser(name);
      for (const href of await linksOf(name)) {
        const first = await visit(bed, href ?? '', headers);
        // Secrets are those of a space: the way there leads on to one that is theirs.
        const onward = first.status === 303 ? first.headers.get('location') : null;
        const { status } = onward === null ? first : await visit(bed, onward, headers);
        expect([name, href, status]).toEqual([name, href, 200]);
      }
    }
  });
});
