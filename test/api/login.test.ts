import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, newToken } from '../../src/api/auth/secrets.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { problemOf } from './bed.ts';
import { loginCode, openPeople, useLink, type PeopleBed } from './people-bed.ts';

describe.runIf(requirePart('postgres'))('logging in', () => {
  let bed: PeopleBed;
  beforeAll(async () => {
    bed = await openPeople();
  });
  afterAll(() => bed.close());
  const whoIs = async (headers: Record<string, string>) => {
    const answer = await bed.send('GET', '/api/v1/me', { headers });
    return answer.status === 200
      ? ((await answer.json()) as { person: string; via: string })
      : answer.status;
  };

  it('lets a one-time link in once, of many who use it at once', async () => {
    await bed.person('ada');
    const code = await loginCode(bed, 'ada');
    const page = await bed.send('GET', `/login/link?code=${code}`, {
      headers: { accept: 'text/html' },
    });
    expect(page.status).toBe(200);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => useLink(bed, code, '/manage')),
    );
    const statuses = answers.map(({ status }) => status).toSorted((left, right) => left - right);
    expect(statuses).toEqual([303, 403, 403, 403, 403]);
    const winner = answers.find(({ status }) => status === 303);
    expect(winner?.headers.get('location')).toBe('/manage');
    const cookie = winner?.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(
      /^labkeeper_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/,
    );
    expect(await whoIs({ cookie: cookie.split(';', 1)[0] ?? '' })).toMatchObject({
      person: 'ada',
      via: 'session',
    });
    const again = await useLink(bed, code);
    expect(await again.text()).toContain('used before');
  });

  it('says of a link that it is expired, unknown, or of somebody who may not log in', async () => {
    await bed.person('bea');
    const digest = digestOf('expired');
    await bed.store.sessions.addLoginLink({ digest, person: 'bea', lastsMs: 0 }, { actor: 'test' });
    expect(await (await useLink(bed, 'expired')).text()).toContain('has expired');
    expect(await (await useLink(bed, 'made up')).text()).toContain('not one of ours');
    const code = await loginCode(bed, 'bea');
    await bed.store.people.put('bea', { disabled: true }, { actor: 'test' });
    expect(await (await useLink(bed, code)).text()).toContain('may not log in any more');
  });

  it('never leads to another site behind the login', async () => {
    await bed.person('cid');
    for (const to of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      'javascript:alert(1)',
      '/\t/evil.example',
    ]) {
      const answer = await useLink(bed, await loginCode(bed, 'cid'), to);
      expect([to, answer.headers.get('location')]).toEqual([to, '/']);
    }
  });

  it('marks the cookie for TLS only, and for this host only, where the console has TLS', async () => {
    const secure = await openPeople({ settings: { consoleUrl: 'https://lab.example' } });
    await secure.person('ada');
    const answer = await useLink(secure, await loginCode(secure, 'ada'));
    expect(answer.headers.get('set-cookie')).toMatch(/^__Host-labkeeper_session=.*; Secure$/);
    await secure.close();
  });

  it('ends a session by logging out, disabling its person, and its own end', async () => {
    await bed.person('dan');
    const [left, kept] = [await bed.browser('dan'), await bed.browser('dan')];
    const out = await bed.send('POST', '/logout', { headers: left });
    expect(out.headers.get('set-cookie')).toContain('Max-Age=0');
    expect(await whoIs(left)).toBe(401);
    expect(await whoIs(kept)).toMatchObject({ person: 'dan' });
    await bed.store.people.put('dan', { disabled: true }, { actor: 'test' });
    await bed.store.people.put('dan', { disabled: false }, { actor: 'test' });
    expect(await whoIs(kept)).toBe(401);
    const short = await openPeople({ settings: { sessionMs: 1 } });
    await short.person('dan');
    const headers = await short.browser('dan');
    expect((await short.send('GET', '/api/v1/me', { headers })).status).toBe(401);
    await short.close();
  });

  it('knows a person by the session that holds, whatever a page has planted beside it', async () => {
    await bed.person('eva');
    const mine = (await bed.browser('eva'))['cookie'] ?? '';
    const [name = ''] = mine.split('=');
    const worthless = (count: number) => Array.from({ length: count }, (_, at) => `${name}=${at}x`);
    const ask = (cookies: string[]) =>
      bed.send('GET', '/api/v1/me', { headers: { cookie: cookies.join('; ') } });
    expect((await ask([...worthless(1), mine, `${name}=`])).status).toBe(200);
    expect((await ask([...worthless(19), mine])).status).toBe(200);
    const tooMany = await ask([...worthless(20), mine]);
    expect([tooMany.status, tooMany.headers.get('clear-site-data')]).toEqual([401, '"cookies"']);
    expect((await ask(worthless(3))).status).toBe(401);
  });

  it('refuses two sessions that hold in one request, one of which an app may have planted, and clears them', async () => {
    await bed.person('eve');
    const [mine, planted] = [await bed.browser('eve'), await bed.browser('eve')];
    const answer = await bed.send('GET', '/api/v1/me', {
      headers: { cookie: `${planted['cookie']}; ${mine['cookie']}` },
    });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('clear-site-data')).toBe('"cookies"');
  });

  it('refuses a change with a session that does not come from a page of ours', async () => {
    await bed.person('fay', {}, { operator: true });
    const headers = await bed.browser('fay');
    const put = (more: Record<string, string>) =>
      bed.send('PUT', '/api/v1/spaces/forged', {
        body: {},
        headers: { cookie: headers['cookie'] ?? '', host: '127.0.0.1:8090', ...more },
      });
    expect((await put({})).status).toBe(403);
    expect((await put({ origin: 'http://127.0.0.1:8081' })).status).toBe(403);
    expect((await put({ origin: 'null' })).status).toBe(403);
    expect((await put({ 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect(await bed.store.spaces.find('forged')).toBeNull();
    expect((await put({ origin: 'http://127.0.0.1:8090' })).status).toBe(201);
  });

  it.each([
    ['forged', `lk_0123456789ab_${'A'.repeat(43)}`],
    ['malformed', 'lk_nonsense'],
    ['foreign', 'ghp_0123456789'],
  ])('refuses a %s token, and never takes its sender for somebody else', async (_kind, text) => {
    await bed.person('gil');
    const cookie = (await bed.browser('gil'))['cookie'] ?? '';
    const answer = await bed.send('GET', '/api/v1/me', {
      headers: { authorization: `Bearer ${text}`, cookie },
    });
    expect(await problemOf(answer)).toMatchObject({ status: 401 });
    expect(answer.headers.get('www-authenticate')).toContain('invalid_token');
  });

  it('refuses expired, revoked and swapped tokens', async () => {
    await bed.person('hal');
    const by = { actor: 'test' };
    const [expired, revoked, one, other] = [newToken(), newToken(), newToken(), newToken()];
    const add = ({ id, digest }: ReturnType<typeof newToken>, lastsMs: number) =>
      bed.store.tokens.add({ id, digest, person: 'hal', label: 'test', lastsMs }, by);
    await add(expired, 0);
    for (const token of [revoked, one, other]) await add(token, 60_000);
    await bed.store.tokens.revoke(revoked.id, by);
    const swapped = one.text.replace(one.id, other.id);
    for (const text of [expired.text, revoked.text, swapped]) {
      expect(await whoIs({ authorization: `Bearer ${text}` })).toBe(401);
    }
    expect(await whoIs({ authorization: `bearer ${one.text}` })).toMatchObject({
      person: 'hal',
      via: 'token',
    });
  });

  it('bounds the tokens of a person, and says which limit it is', async () => {
    await bed.person('ida');
    const make = async () => {
      const { id, digest } = newToken();
      return bed.store.tokens.add(
        { id, digest, person: 'ida', label: 'x', lastsMs: 60_000 },
        { actor: 'ida' },
      );
    };
    for (let made = 1; made < 50; made += 1) await make();
    await expect(make()).rejects.toMatchObject({
      type: 'quota_exceeded',
      message: expect.stringContaining('LABKEEPER_MAX_TOKENS') as string,
    });
  });

  it('keeps no secret: neither link, session nor token stands in any row, event or log line', async () => {
    await bed.person('joy');
    const code = await loginCode(bed, 'joy');
    const cookie = (await useLink(bed, code)).headers.get('set-cookie')?.split(/[=;]/)[1] ?? '';
    const made = await bed.send('POST', '/api/v1/tokens', {
      body: { label: 'secret' },
      headers: { ...(await bed.person('joy')) },
    });
    const { token } = (await made.json()) as { token: string };
    const tables = ['events', 'sessions', 'tokens', 'login_links', 'operations'];
    const rows = await Promise.all(
      tables.map((name) => runSql(bed.databaseUrl, `SELECT * FROM ${name}`)),
    );
    const kept = JSON.stringify(rows) + JSON.stringify(bed.logged);
    for (const secret of [code, cookie, token.slice(16)]) {
      expect(secret.length).toBe(43);
      expect(kept.includes(secret)).toBe(false);
    }
  });

  it('ends streams when a role is taken away', async () => {
    const headers = await bed.person('kim', { ml101: 'viewer' });
    const answer = await bed.send('GET', '/api/v1/events/stream', { headers });
    const reader = answer.body?.getReader();
    let ended = false;
    const read = async () => {
      while (!(await reader?.read())?.done);
      ended = true;
    };
    const reading = read();
    await bed.store.spaces.setRole('ml101', 'kim', null, { actor: 'test' });
    await eventually(() => expect(ended).toBe(true));
    await reading;
  });

  it('sends a browser to the login and back, and answers a program with 401', async () => {
    const page = await bed.send('GET', '/manage/app/plot?before=3', {
      headers: { accept: 'text/html' },
    });
    expect(page.status).toBe(303);
    expect(page.headers.get('location')).toBe('/login?to=%2Fmanage%2Fapp%2Fplot%3Fbefore%3D3');
    const program = await bed.send('GET', '/api/v1/apps', { headers: { accept: 'text/html' } });
    expect(await problemOf(program)).toMatchObject({ status: 401 });
  });
});

describe.runIf(requirePart('postgres'))('people and spaces', () => {
  let bed: PeopleBed;
  let operator: Record<string, string>;
  beforeAll(async () => {
    bed = await openPeople();
    operator = await bed.person('root', {}, { operator: true });
  });
  afterAll(() => bed.close());

  it('names the actor of every change in the timeline of what was changed', async () => {
    const send = (method: string, path: string, body?: unknown) =>
      bed.send(method, path, { headers: operator, ...(body === undefined ? {} : { body }) });
    await send('PUT', '/api/v1/people/lea', { title: 'Lea' });
    await send('PUT', '/api/v1/spaces/chem', { maxApps: 1 });
    await send('PUT', '/api/v1/spaces/chem/members/lea', { role: 'instructor' });
    await send('PUT', '/api/v1/spaces/chem/members/lea', { role: 'instructor' });
    await send('DELETE', '/api/v1/spaces/chem/members/lea');
    const of = async (entity: 'space/chem' | 'person/lea') =>
      (await bed.store.events.list({ entity, limit: 50 })).map(({ actor, what, why }) => [
        actor,
        what,
        why,
      ]);
    expect(await of('space/chem')).toEqual([
      ['root', 'member removed', 'lea is no member any more'],
      ['root', 'member set', 'lea is instructor'],
      ['root', 'added', 'title chem, maxApps 1'],
    ]);
    expect(await of('person/lea')).toEqual([['root', 'added', 'called Lea, no operator, enabled']]);
  });

  it('never lets the last operator go', async () => {
    for (const change of [{ operator: false }, { disabled: true }]) {
      const answer = await bed.send('PUT', '/api/v1/people/root', {
        body: change,
        headers: operator,
      });
      expect(await problemOf(answer)).toMatchObject({ status: 409 });
    }
    expect((await bed.store.people.find('root'))?.operator).toBe(true);
  });

  it('holds the quota of apps of a space, also when many register at once', async () => {
    await bed.store.spaces.put('full', { maxApps: 2 }, { actor: 'test' });
    const headers = await bed.person('max', { full: 'instructor' });
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        bed.send('PUT', `/api/v1/apps/full-${index}`, {
          body: { space: 'full', command: ['serve'] },
          headers,
        }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([
      201, 201, 429, 429, 429,
    ]);
    const refused = answers.find(({ status }) => status === 429) as Response;
    expect(await problemOf(refused)).toMatchObject({
      detail: expect.stringMatching(/space full: its quota is 2 apps/) as string,
    });
  });

  it('removes a space only when it is empty, and never the default one', async () => {
    const remove = (name: string) =>
      bed.send('DELETE', `/api/v1/spaces/${name}`, { headers: operator });
    expect((await remove('full')).status).toBe(409);
    expect((await remove('default')).status).toBe(409);
    expect((await remove('bio')).status).toBe(204);
    expect((await remove('bio')).status).toBe(404);
  });

  it('makes somebody new a user of the default space', async () => {
    const answer = await bed.send('PUT', '/api/v1/people/new@uni.example', {
      body: {},
      headers: operator,
    });
    expect(await answer.json()).toMatchObject({ roles: { default: 'user' }, createdBy: 'root' });
  });

  it.each(['Ada', 'a b', '-ada', 'ada/../x', 'a'.repeat(129)])(
    'refuses %j as the name of a person',
    async (name) => {
      const answer = await bed.send('PUT', `/api/v1/people/${encodeURIComponent(name)}`, {
        body: {},
        headers: operator,
      });
      expect(await problemOf(answer)).toMatchObject({ status: 400, errors: [{ path: 'person' }] });
    },
  );
});
