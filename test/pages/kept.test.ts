import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeople, type PeopleBed } from '../api/people-bed.ts';
import { requirePart } from '../beds/require.ts';
import { submit, visit } from './bed.ts';

/** In no page, answer, event or log line, whatever is done with it. */
const canary = 'canary-9f3a-of-the-pages';

describe.runIf(requirePart('postgres'))('pages of what is kept', () => {
  let bed: PeopleBed;
  let operator: Record<string, string>;
  let teacher: Record<string, string>;
  const seen: string[] = [];
  beforeAll(async () => {
    bed = await openPeople();
    await bed.person('olga', {}, { operator: true });
    operator = await bed.browser('olga');
    await bed.person('ivo', { ml101: 'instructor' });
    teacher = await bed.browser('ivo');
  });
  afterAll(() => bed.close());

  const send = async (path: string, fields: Record<string, string>, as = operator) => {
    const answer = await submit(bed, path, fields, as);
    const html = await answer.text();
    seen.push(html, answer.headers.get('location') ?? '');
    return { status: answer.status, location: answer.headers.get('location'), html };
  };
  const look = async (path: string, as = operator) => {
    const page = await visit(bed, path, as);
    seen.push(page.html);
    return page;
  };

  describe('secrets', () => {
    const page = '/manage/space/ml101/secrets';

    it('sets a value that is kept as it was typed, and shows who uses it', async () => {
      const value = `${canary}\nsecond line`;
      const fields = { name: 'hf-token', value: value.replace('\n', '\r\n') };
      const set = await send(page, fields, teacher);
      expect(set.location).toBe(`${page}?done=created`);
      const key = { space: 'ml101', kind: 'value', name: 'hf-token' } as const;
      const kept = await bed.store.secrets.find(key);
      expect(kept && (await bed.deps.sealer?.open(kept.sealed, key))).toBe(value);
      await bed.register('trainer', { space: 'ml101', secrets: { TOKEN: 'hf-token' } });
      const { html } = await look(page, teacher);
      expect(html).toContain('href="/manage/app/trainer"');
      expect(html).toContain('version 1');
      expect((await send(page, fields, teacher)).location).toBe(`${page}?done=unchanged`);
      const anew = await send(page, { ...fields, value: `${canary} 2` }, teacher);
      expect(anew.location).toBe(`${page}?done=replaced`);
    });

    it('gives a refused form back without the value', async () => {
      const wrong = await send(page, { name: 'No Name', value: canary }, teacher);
      expect(wrong.status).toBe(400);
      expect(wrong.html).toContain('id="secret-name-mistake"');
      expect(wrong.html).toContain('value="No Name"');
      const long = await send(page, { name: 'long', value: canary.repeat(4_000) }, teacher);
      expect(long.html).toMatch(/id="secret-value-mistake">is larger than 65536 bytes/);
      const empty = await send(page, { name: 'empty', value: '' }, teacher);
      expect(empty.html).toContain('id="secret-value-mistake"');
    });

    it('refuses to remove what an app uses, and removes what none uses', async () => {
      const used = await send(`${page}/hf-token/remove`, {}, teacher);
      expect(used.status).toBe(409);
      expect(used.html).toMatch(/<p class="mistake" role="alert">[^<]*trainer/);
      await send(page, { name: 'spare', value: canary }, teacher);
      const removed = await send(`${page}/spare/remove`, {}, teacher);
      expect(removed.location).toBe(`${page}?done=removed`);
      expect((await send(`${page}/spare/remove`, {}, teacher)).status).toBe(404);
    });

    it('keeps credentials of registries, which operators set and others only see', async () => {
      const path = '/manage/space/ml101/registries';
      const fields = { host: 'registry.example:5000', username: 'lab', password: canary };
      expect((await send(path, fields, teacher)).status).toBe(403);
      expect((await send(path, fields)).location).toBe(`${page}?done=created`);
      const { html } = await look(page, teacher);
      expect(html).toContain('registry.example:5000');
      expect(html).not.toContain(`${path}/`);
      const wrong = await send(path, { ...fields, host: 'https://x', username: 'a:b' });
      expect(wrong.html).toContain('id="registry-host-mistake"');
      expect(wrong.html).not.toContain('lab</');
      const gone = await send(`${path}/registry.example%3A5000/remove`, {});
      expect(gone.location).toBe(`${page}?done=removed`);
    });

    it('lists many page by page', async () => {
      for (let count = 10; count < 65; count += 1) {
        await send('/manage/space/bio/secrets', { name: `many-${count}`, value: canary });
      }
      const first = await look('/manage/space/bio/secrets');
      expect(first.html).not.toContain('many-64');
      const [, next = ''] = /href="([^"]+after-value[^"]+)"/.exec(first.html) ?? [];
      const second = await look(next);
      expect([second.html.includes('many-64'), second.html.includes('many-10')]).toEqual([
        true,
        false,
      ]);
    });

    it('leads to a space whose secrets one may see, and says where there is none', async () => {
      const led = await bed.send('GET', '/manage/secrets', {
        headers: { ...teacher, accept: 'text/html' },
      });
      expect(led.headers.get('location')).toBe(page);
      await bed.person('nina');
      expect((await look('/manage/secrets', await bed.browser('nina'))).html).toContain(
        'You may see the secrets of no space',
      );
      expect((await look('/manage/space/bio/secrets', teacher)).status).toBe(404);
      expect((await look('/manage/space/nowhere/secrets')).status).toBe(404);
    });

    it('never shows a value: not on a page, in an event or in the log', async () => {
      for (const path of [page, '/manage/app/trainer', '/manage/events', '/manage']) {
        await look(path);
      }
      const events = await bed.store.events.list({ limit: 500 });
      expect(seen.some((html) => html.includes(canary))).toBe(false);
      expect(JSON.stringify([events, bed.logged]).includes(canary)).toBe(false);
      expect(seen.length).toBeGreaterThan(10);
    });
  });

  describe('volumes', () => {
    it('makes one with a limit in GiB, and says beside the field what is wrong', async () => {
      const fields = { name: 'data', space: 'ml101', title: 'Measurements', maxBytes: '0.5' };
      const wrong = await send('/manage/volumes', { ...fields, maxBytes: 'lots' }, teacher);
      expect(wrong.html).toContain('id="volume-maxBytes-mistake">must be a number of GiB');
      expect(wrong.html).toContain('value="Measurements"');
      const small = await send('/manage/volumes', { ...fields, maxBytes: '0.000001' }, teacher);
      expect(small.html).toContain('id="volume-maxBytes-mistake"');
      const made = await send('/manage/volumes', fields, teacher);
      expect(made.location).toBe('/manage/volume/data?done=created');
      expect(await bed.store.volumes.find('data')).toMatchObject({
        title: 'Measurements',
        maxBytes: 512 * 1024 * 1024,
        owner: 'ivo',
      });
      const taken = await send('/manage/volumes', fields, teacher);
      expect(taken.html).toMatch(/id="volume-name-mistake">[^<]*taken/);
      const elsewhere = await send(
        '/manage/volumes',
        { ...fields, name: 'x', space: 'bio' },
        teacher,
      );
      expect(elsewhere.status).toBe(403);
    });

    it('shows size, limit, owner and users, and the way to take it along', async () => {
      await bed.register('plotter', {
        space: 'ml101',
        volumes: [{ volume: 'plots', path: '/data' }],
      });
      const unused = await look('/manage/volume/plots');
      expect(unused.html).not.toContain('/archive');
      await bed.store.volumes.settle(['plots'], 'lab-1', 'plotter');
      await bed.store.volumes.measured('plots', 'lab-1', {
        measure: { sizeBytes: 3 * 1024 ** 3, fileCount: 7, whole: true },
        hindrance: null,
        nextInMs: 60_000,
      });
      const { html } = await look('/manage/volume/plots');
      expect(html).toContain('3.0 GiB of 10 GiB');
      expect(html).toContain('href="/manage/app/plotter"');
      expect(html).toContain('href="/api/v1/volumes/plots/archive?format=tar.gz"');
      expect((await look('/manage/volumes')).html).toContain('3.0 GiB of 10 GiB');
      // Seen, but not read, by who neither owns it nor runs its space.
      expect((await look('/manage/volume/plots', teacher)).html).not.toContain('/archive');
    });

    it('changes title and limit, and keeps the space', async () => {
      const changed = await send('/manage/volume/data', { title: '', maxBytes: '2' }, teacher);
      expect(changed.location).toBe('/manage/volume/data?done=changed');
      expect(await bed.store.volumes.find('data')).toMatchObject({
        title: null,
        maxBytes: 2 * 1024 ** 3,
        space: 'ml101',
      });
    });

    it('removes one only for who writes its name, and not while an app uses it', async () => {
      const slip = await send('/manage/volume/data/remove', { confirm: 'dat' }, teacher);
      expect(slip.status).toBe(400);
      expect(slip.html).toContain('id="removal-confirm-mistake">write data to remove it');
      expect(slip.html).toMatch(/<details class="confirm" open/);
      expect(await bed.store.volumes.find('data')).not.toBeNull();
      const used = await send('/manage/volume/plots/remove', { confirm: 'plots' });
      expect([used.status, used.html.includes('plotter')]).toEqual([409, true]);
      const gone = await send('/manage/volume/data/remove', { confirm: 'data' }, teacher);
      expect(gone.location).toBe('/manage/volumes?done=removed');
      const after = await look('/manage/volume/data');
      expect([after.status, after.html.includes('data is gone')]).toEqual([404, true]);
    });
  });

  describe('sharing', () => {
    it('says who may open an app', async () => {
      const said = async (access: 'everyone' | 'people' | 'members') => {
        await bed.register(`for-${access}`, { space: 'ml101', access });
        return (await look(`/manage/app/for-${access}`)).html;
      };
      expect(await said('everyone')).toContain('everybody who reaches it, without a login');
      expect(await said('people')).toContain('everybody who is logged in');
      expect(await said('members')).toContain('users of the space ml101, and those above them');
    });

    it('makes a link that is shown once, lists it and revokes it', async () => {
      const path = '/manage/app/for-members/sharing';
      const made = await send(path, { label: 'reviewers', expiresInMs: '86400000' });
      const [, url = ''] = /value="(http:[^"]*\?link=[^"]+)"/.exec(made.html) ?? [];
      expect(url).toContain('http://localhost:8081/app/for-members/');
      const listed = await look(path);
      expect(listed.html).toContain('reviewers');
      expect(listed.html).not.toContain('?link=');
      const [, revoke = ''] = /action="([^"]+\/revoke)"/.exec(listed.html) ?? [];
      expect((await send(revoke, {})).location).toBe(`${path}?done=revoked`);
      expect((await look(path)).html).toContain('revoked');
      const wrong = await send(path, { label: '', expiresInMs: '86400000' });
      expect([wrong.status, wrong.html.includes('id="link-label-mistake"')]).toEqual([400, true]);
    });

    it('is for those who may share it', async () => {
      await bed.person('uma', { ml101: 'user' });
      const uma = await bed.browser('uma');
      expect((await look('/manage/app/for-members/sharing', uma)).status).toBe(403);
      const { html } = await look('/manage/app/for-members', uma);
      expect(html).not.toContain('/sharing');
    });
  });
});
