import http from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signedText } from '../../src/signed-text.ts';
import { internalToken } from '../api/bed.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { openAccess, type AccessBed } from './access-bed.ts';
import { browse, closeBeds, navigation, openVisitor } from './bed.ts';

const by = { actor: 'test' };
const program = { accept: 'application/json' };
const headersOf = (body: string) =>
  (JSON.parse(body) as { headers: Record<string, string> }).headers;

describe.runIf(requirePart('postgres'))('who may open an app', () => {
  let bed: AccessBed;
  beforeAll(async () => {
    bed = await openAccess({ settings: { LABKEEPER_ACCESS_RECHECK_MS: '60000' } });
  });
  afterAll(async () => {
    await closeBeds();
    await bed.close();
  });

  const fallAsleep = async (name: string) => {
    const mark = { life: 1, revision: 2 };
    const condition = { wanted: 'asleep', phase: 'none' } as const;
    await bed.people.store.apps.advance(name, mark, { condition, route: null });
  };

  it('lets everybody into an app for everyone, and tells it of nobody', async () => {
    const app = await bed.addApp('open', { access: 'everyone' });
    const answer = await fetch(`${bed.apps}/app/open/x`, {
      headers: {
        'x-labkeeper-person': 'eve',
        x_labkeeper_person: 'eve',
        'x-labkeeper-role': 'admin',
      },
    });
    expect(answer.status).toBe(200);
    expect(
      Object.keys(app.requests[0]?.headers ?? {}).filter((name) => /labkeeper/.test(name)),
    ).toEqual([]);
  });

  it('sends a browser to log in and brings it back to its page, as the person it is', async () => {
    const app = await bed.addApp('plot');
    const nobody = await bed.browser().open(`${bed.apps}/app/plot/deep?x=1`);
    expect(nobody.url).toContain(`${bed.console}/login?to=`);
    expect(app.requests).toEqual([]);

    const ada = await bed.logIn('ada', { ml101: 'user' });
    const there = await ada.open(`${bed.apps}/app/plot/deep?x=1`);
    expect([there.url, there.status]).toEqual([`${bed.apps}/app/plot/deep?x=1`, 200]);
    expect(headersOf(there.body)).toMatchObject({
      'x-labkeeper-person': 'ada',
      'x-labkeeper-role': 'user',
      'x-labkeeper-space': 'ml101',
    });
    // Neither the session nor the proof reaches the app, nor is the way in taken again.
    expect(headersOf(there.body)['cookie']).toBeUndefined();
    const again = await ada.open(`${bed.apps}/app/plot/`);
    expect([again.status, again.hops]).toEqual([200, []]);
  });

  it('asks programs for a token, takes it, and keeps it from the app', async () => {
    const app = await bed.addApp('calls');
    const unknown = await fetch(`${bed.apps}/app/calls/`, { headers: program });
    expect([unknown.status, unknown.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect(await unknown.text()).toContain(`${bed.console}/open/calls`);
    await bed.people.person('bob', { ml101: 'instructor' });
    const token = await bed.token('bob');
    const known = await fetch(`${bed.apps}/app/calls/`, {
      headers: { ...program, authorization: `Bearer ${token}` },
    });
    const seen = headersOf(await known.text());
    expect(seen).toMatchObject({ 'x-labkeeper-person': 'bob', 'x-labkeeper-role': 'instructor' });
    expect(seen['authorization']).toBeUndefined();
    expect(app.requests).toHaveLength(1);
    const [used] = await bed.people.store.tokens.list({ person: 'bob', limit: 1 });
    expect(used?.lastUsedAt).not.toBeNull();
  });

  it('passes an app’s own Authorization on', async () => {
    await bed.addApp('own', { access: 'everyone' });
    const answer = await fetch(`${bed.apps}/app/own/`, {
      headers: { authorization: 'Basic eDp5' },
    });
    expect(headersOf(await answer.text())['authorization']).toBe('Basic eDp5');
  });

  it.each([
    ['unknown', 'lk_0123456789ab_0000000000000000000000000000000000000000000'],
    ['malformed', 'lk_x'],
  ])(
    'refuses a token that is %s, and does not send a browser round for it',
    async (_what, token) => {
      const app = await bed.addApp(`token-${_what}`);
      const answer = await fetch(`${bed.apps}/app/token-${_what}/`, {
        headers: { ...navigation, authorization: `Bearer ${token}` },
        redirect: 'manual',
      });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('invalid_token');
      expect(app.requests).toEqual([]);
    },
  );

  it('wakes nothing and shows no waiting page, state or stream without proof', async () => {
    await bed.addApp('quiet');
    await fallAsleep('quiet');
    for (const path of ['', '.labkeeper/state', '.labkeeper/events', '.labkeeper/wait', 'a/b']) {
      const answer = await fetch(`${bed.apps}/app/quiet/${path}`, { headers: program });
      expect([path, answer.status]).toEqual([path, 401]);
    }
    const visitor = await openVisitor(bed.gateway.port);
    visitor.send(
      'GET /app/quiet/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    expect(await visitor.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1.1 401 /);
    const events = await bed.people.store.events.list({ entity: 'app/quiet', limit: 5 });
    expect(events.filter(({ what }) => what === 'wake asked for')).toEqual([]);
  });

  it('names the person who woke an app', async () => {
    const { store } = bed.people;
    await bed.addApp('sleeper');
    await fallAsleep('sleeper');
    await eventually(async () => {
      if ((await store.routes.find('sleeper'))?.target !== null) throw new Error('still there');
    });
    const cora = await bed.logIn('cora', { ml101: 'user' });
    await cora.open(`${bed.apps}/app/sleeper/`);
    await eventually(async () => {
      const events = await store.events.list({ entity: 'app/sleeper', limit: 5 });
      expect(events).toContainEqual(
        expect.objectContaining({ actor: 'cora', why: 'opened /app/sleeper/' }),
      );
    });
  });

  it('tells who sees an app what is missing, and who does not that there is none', async () => {
    const app = await bed.addApp('members');
    const viewer = await bed.logIn('vera', { ml101: 'viewer' });
    const seen = await viewer.open(`${bed.apps}/app/members/`);
    expect(seen.status).toBe(403);
    expect(seen.body).toContain('needs the role user in the space ml101');
    const stranger = await bed.logIn('stan', { bio: 'admin' });
    const hidden = await stranger.open(`${bed.apps}/app/members/`);
    const absent = await stranger.open(`${bed.apps}/app/no-such-app/`);
    expect([hidden.status, absent.status]).toEqual([404, 404]);
    expect(hidden.body.replaceAll('members', 'X').replace(/<code>.*?<\/code>/g, '')).toBe(
      absent.body.replaceAll('no-such-app', 'X').replace(/<code>.*?<\/code>/g, ''),
    );
    expect(app.requests).toEqual([]);
    const token = await bed.token('stan');
    for (const name of ['members', 'no-such-app']) {
      const answer = await fetch(`${bed.apps}/app/${name}/`, {
        headers: { authorization: `Bearer ${token}` },
      });
      expect([name, answer.status]).toEqual([name, 404]);
    }
  });

  it('shows a visitor without proof no difference between an app and no app', async () => {
    await bed.addApp('there');
    for (const headers of [program, { ...navigation }]) {
      const [there, absent] = await Promise.all(
        ['there', 'not-there'].map(async (name) => {
          const answer = await browse(`${bed.apps}/app/${name}/`, headers);
          const text = `${answer.status} ${answer.headers.get('location')} ${await answer.text()}`;
          return text.replaceAll(name, 'X').replace(/state=[\w-]+/, '');
        }),
      );
      expect(there).toBe(absent);
    }
  });

  it('lets everybody who is logged in into an app for people', async () => {
    await bed.addApp('lobby', { access: 'people' });
    const eve = await bed.logIn('eva', { bio: 'viewer' });
    const there = await eve.open(`${bed.apps}/app/lobby/`);
    expect(headersOf(there.body)).toMatchObject({ 'x-labkeeper-person': 'eva' });
    expect(headersOf(there.body)['x-labkeeper-role']).toBeUndefined();
    expect((await bed.browser().open(`${bed.apps}/app/lobby/`)).url).toContain('/login');
  });

  it('gives an app on a host of its own a cookie that opens no other, whoever sends it', async () => {
    const ports = new URL(bed.apps).port;
    await bed.addApp('apart');
    await bed.addApp('beside');
    const ada = await bed.logIn('ada-2', { ml101: 'user' });
    const there = await ada.open(`http://apart.localhost:${ports}/x?y=1`);
    expect([there.url, there.status]).toEqual([`http://apart.localhost:${ports}/x?y=1`, 200]);
    const cookie = ada.cookieHeader(`http://apart.localhost:${ports}/`);
    expect(cookie).toContain('labkeeper_app=');
    expect(ada.cookieHeader(`http://beside.localhost:${ports}/`)).toBe('');
    for (const url of [`http://beside.localhost:${ports}/`, `${bed.apps}/app/beside/`]) {
      expect((await browse(url, { ...program, cookie })).status).toBe(401);
    }
    expect((await browse(`http://apart.localhost:${ports}/`, { ...program, cookie })).status).toBe(
      200,
    );
  });

  it('finds the way in for an app that keeps its prefix on its own host', async () => {
    const ports = new URL(bed.apps).port;
    await bed.addApp('lab', { preset: 'jupyter' });
    const ada = await bed.logIn('ada-3', { ml101: 'user' });
    const there = await ada.open(`http://lab.localhost:${ports}/`);
    expect([there.url, there.status]).toEqual([`http://lab.localhost:${ports}/app/lab/`, 200]);
  });

  describe('forged, swapped and stale proofs', () => {
    let cookie: string;
    let grantUrl: string;
    beforeAll(async () => {
      await bed.addApp('one');
      await bed.addApp('two');
      const dan = await bed.logIn('dan', { ml101: 'user' });
      const { hops } = await dan.open(`${bed.apps}/app/one/`);
      grantUrl = hops.find((hop) => hop.includes('grant=')) ?? '';
      cookie = dan.cookieHeader(`${bed.apps}/app/one/`).match(/labkeeper_app=([^;]+)/)?.[1] ?? '';
      expect([cookie, grantUrl]).not.toContain('');
    });
    const askWith = async (app: string, value: string) => {
      const answer = await fetch(`${bed.apps}/app/${app}/`, {
        headers: { ...program, cookie: `labkeeper_app=${value}` },
      });
      return answer.status;
    };
    const signed = (purpose: string, value: unknown, forMs = 60_000) =>
      signedText({ secret: internalToken, purpose }).sign(value, Date.now() + forMs);
    const proof = { kind: 'person', person: 'dan' };

    it('takes the cookie of an app for that app only', async () => {
      expect(await askWith('one', cookie)).toBe(200);
      expect(await askWith('two', cookie)).toBe(401);
    });

    it('finds the good cookie among planted ones', async () => {
      expect(await askWith('one', `planted; labkeeper_app=x.y; labkeeper_app=${cookie}`)).toBe(200);
    });

    it.each([
      ['changed', () => cookie.replace(/^./, (first) => (first === 'W' ? 'X' : 'W'))],
      ['without its signature', () => cookie.split('.')[0] ?? ''],
      ['with a signature too many', () => `${cookie}.x`],
      ['empty', () => ''],
      ['that is a grant', () => new URL(grantUrl).searchParams.get('grant') ?? ''],
      ['signed for a link', () => signed('app link', { app: 'one', proof, role: null })],
      [
        'signed with another secret',
        () =>
          signedText({ secret: 'of somebody else', purpose: 'app cookie' }).sign(
            { app: 'one', proof, role: 'user' },
            Date.now() + 60_000,
          ),
      ],
      ['that has ended', () => signed('app cookie', { app: 'one', proof, role: 'user' }, -1)],
      ['of another shape', () => signed('app cookie', { app: 'one' })],
    ])('refuses a cookie %s', async (_what, value) => {
      expect(await askWith('one', value())).toBe(401);
    });

    it('knows that the one it makes itself would be good', async () => {
      expect(await askWith('one', signed('app cookie', { app: 'one', proof, role: 'user' }))).toBe(
        200,
      );
    });

    const enter = async (query: Record<string, string>, headers: Record<string, string> = {}) =>
      browse(`${bed.apps}/app/one/.labkeeper/enter?${new URLSearchParams(query)}`, {
        ...navigation,
        ...headers,
      });
    const grant = (more: object = {}, forMs = 60_000, purpose = 'app grant') =>
      signed(
        purpose,
        { app: 'one', proof, role: 'user', state: 'x', untilMs: Date.now() + 60_000, ...more },
        forMs,
      );

    it.each([
      ['for another app', () => grant({ app: 'two' })],
      ['that is over', () => grant({}, -1)],
      ['signed for something else', () => grant({}, 60_000, 'app cookie')],
      ['that was changed', () => `x${grant()}`],
      ['that is a cookie', () => cookie],
      ['that is nothing', () => ''],
    ])('refuses a grant %s and sets no cookie', async (_what, text) => {
      const answer = await enter({ grant: text() });
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null]);
    });

    it('lets nobody in with the grant of another browser: it asks for one of its own, once', async () => {
      const stolen = await enter({ grant: grant(), to: '/app/one/x' });
      expect(stolen.status).toBe(303);
      expect(stolen.headers.get('location')).toContain(`${bed.console}/open/one?`);
      expect(stolen.headers.get('set-cookie')).not.toContain('labkeeper_app');
      expect((await enter({ grant: grant(), again: '1' })).status).toBe(403);
      const used = await browse(grantUrl, { ...navigation });
      expect(used.headers.get('set-cookie') ?? '').not.toContain('labkeeper_app');
    });

    it.each([
      '//evil.example/',
      'https://evil.example/',
      '/app/two/',
      '/app/one/../two/',
      '/app/one\\x',
      '/app/one/%2e%2e/two',
      '/\\evil',
    ])('goes nowhere else: %s', async (to) => {
      const dan = await bed.logIn(`dan-${Math.random().toString(36).slice(2, 8)}`, {
        ml101: 'user',
      });
      const first = await dan.get(`${bed.apps}/app/one/`);
      const back = await dan.get(first.headers.get('location') ?? '');
      const url = new URL(back.headers.get('location') ?? '');
      url.searchParams.set('to', to);
      const landed = await dan.get(url.href);
      expect([landed.status, landed.headers.get('location')]).toEqual([303, '/app/one/']);
    });

    it('opens no app for a script, an image or a frame that only asks', async () => {
      const dan = await bed.logIn('dan-2', { ml101: 'user' });
      for (const mode of ['cors', 'no-cors', 'same-origin', 'websocket']) {
        const hidden = await dan.get(`${bed.console}/open/one`, { 'sec-fetch-mode': mode });
        expect([mode, hidden.status]).toEqual([mode, 403]);
        const entered = await enter({ grant: grant() }, { 'sec-fetch-mode': mode });
        expect([mode, entered.status]).toEqual([mode, 403]);
      }
    });
  });

  describe('links', () => {
    const make = async (app: string, expiresInMs = 60_000) => {
      const answer = await bed.people.send('POST', `/api/v1/apps/${app}/links`, {
        body: { label: 'reviewers', expiresInMs },
        headers: await bed.people.person('sharer', { ml101: 'admin' }),
      });
      return (await answer.json()) as { id: string; url: string };
    };

    it('open one app for somebody without a login, who is nobody there', async () => {
      await bed.addApp('shared-1');
      const { url } = await make('shared-1');
      const visitor = bed.browser();
      const there = await visitor.open(url);
      expect([there.url, there.status]).toEqual([`${bed.apps}/app/shared-1/`, 200]);
      expect(Object.keys(headersOf(there.body)).filter((name) => /labkeeper/.test(name))).toEqual(
        [],
      );
      expect((await visitor.get(`${bed.apps}/app/shared-1/a`, program)).status).toBe(200);
    });

    it('leave somebody who may come in anyway who they are', async () => {
      await bed.addApp('shared-2');
      const ada = await bed.logIn('ada-4', { ml101: 'user' });
      await ada.open(`${bed.apps}/app/shared-2/`);
      const there = await ada.open((await make('shared-2')).url);
      expect(headersOf(there.body)).toMatchObject({ 'x-labkeeper-person': 'ada-4' });
    });

    it('open no other app, and nothing when they were changed', async () => {
      for (const name of ['shared-3', 'shared-4']) await bed.addApp(name);
      const { url } = await make('shared-3');
      for (const bad of [
        url.replace('/app/shared-3/', '/app/shared-4/'),
        `${url}x`,
        url.slice(0, -4),
      ]) {
        const answer = await bed.browser().get(bad);
        expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null]);
      }
    });

    it('end when they are revoked, also for who came in', async () => {
      await bed.addApp('shared-5');
      const { id, url } = await make('shared-5');
      const visitor = bed.browser();
      await visitor.open(url);
      await bed.people.store.links.revoke('shared-5', id, by);
      await eventually(async () => {
        const { status } = await visitor.get(`${bed.apps}/app/shared-5/`, program);
        if (status !== 401) throw new Error(`answers ${status}`);
      });
      expect((await bed.browser().get(url)).status).toBe(403);
    });

    it('end by themselves, and end what is open with them', async () => {
      await bed.addApp('shared-6');
      const { url } = await make('shared-6', 1_000);
      const visitor = bed.browser();
      await visitor.open(url);
      const cookie = visitor.cookieHeader(`${bed.apps}/app/shared-6/`);
      const events = await fetch(`${bed.apps}/app/shared-6/.labkeeper/events?view=tab`, {
        headers: { cookie },
      });
      await events.text().catch(() => 'cut');
      const after = await fetch(`${bed.apps}/app/shared-6/`, { headers: { ...program, cookie } });
      expect(after.status).toBe(401);
      expect((await bed.browser().get(url)).status).toBe(403);
    });

    it('are bounded in number', async () => {
      await bed.addApp('shared-7');
      const small = bed.people.store.links;
      for (let number = 0; number < 100; number += 1) {
        const id = number.toString(16).padStart(12, '0');
        const expiresAt = new Date(Date.now() + 60_000);
        await small.add({ id, app: 'shared-7', label: 'x', expiresAt }, by);
      }
      const answer = await bed.people.send('POST', '/api/v1/apps/shared-7/links', {
        body: { label: 'one too many' },
        headers: await bed.people.person('sharer', { ml101: 'admin' }),
      });
      expect(answer.status).toBe(429);
      await small.revoke('shared-7', '000000000000', by);
      await make('shared-7');
      expect(await small.list('shared-7', 500)).toHaveLength(101);
    });
  });

  describe('access that ends during use', () => {
    const openStreams = async (name: string, headers: Record<string, string>) => {
      const events = await new Promise<http.IncomingMessage>((resolve, reject) => {
        http
          .get(
            `${bed.apps}/app/${name}/.labkeeper/events?view=tab`,
            { headers, agent: false },
            resolve,
          )
          .on('error', reject);
      });
      events.resume();
      const ended = new Promise<void>((resolve) => {
        events.once('close', () => resolve());
        events.once('error', () => resolve());
      });
      const socket = await openVisitor(bed.gateway.port);
      const lines = Object.entries(headers).map(([key, value]) => `${key}: ${value}\r\n`);
      socket.send(
        `GET /app/${name}/ws HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
      await socket.until((text) => text.startsWith('HTTP/1.1 101'));
      return { ended, socket };
    };
    const addSocketApp = async (name: string) => {
      const app = await bed.addApp(name);
      app.server.on('upgrade', (_request, socket) => {
        socket.on('error', () => socket.destroy());
        socket.on('end', () => socket.destroy());
        socket.resume();
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
        );
      });
      return app;
    };
    const closedByPolicy = '\x88\x02\x03\xf0';

    const ways: [string, (person: string) => Promise<unknown>][] = [
      [
        'a role is taken away',
        (person) => bed.people.store.spaces.setRole('ml101', person, null, by),
      ],
      [
        'a role is lowered',
        (person) => bed.people.store.spaces.setRole('ml101', person, 'viewer', by),
      ],
      [
        'the person is disabled',
        (person) => bed.people.store.people.put(person, { disabled: true }, by),
      ],
      ['the session is ended', (person) => bed.people.store.sessions.end(person, null, by)],
    ];
    it.each(ways)('ends open streams and WebSockets when %s', async (what, end) => {
      const name = what.replaceAll(' ', '-');
      const person = `p-${name}`;
      const app = await addSocketApp(name);
      const visitor = await bed.logIn(person, { ml101: 'user' });
      await visitor.open(`${bed.apps}/app/${name}/`);
      const cookie = visitor.cookieHeader(`${bed.apps}/app/${name}/`);
      const { ended, socket } = await openStreams(name, { cookie });
      const served = app.requests.length;
      await end(person);
      await ended;
      expect(await socket.closed).toContain(closedByPolicy);
      const after = await fetch(`${bed.apps}/app/${name}/`, { headers: { ...program, cookie } });
      expect([401, 403, 404]).toContain(after.status);
      expect(app.requests).toHaveLength(served);
    });

    it('does the same for a token that is revoked', async () => {
      await addSocketApp('by-token');
      await bed.people.person('tom', { ml101: 'user' });
      const token = await bed.token('tom');
      const authorization = `Bearer ${token}`;
      const { ended, socket } = await openStreams('by-token', { authorization });
      await bed.people.store.tokens.revoke(token.split('_')[1] ?? '', by);
      await ended;
      expect(await socket.closed).toContain(closedByPolicy);
      const after = await fetch(`${bed.apps}/app/by-token/`, { headers: { authorization } });
      expect(after.status).toBe(401);
    });

    it('leaves others alone, who may go on', async () => {
      await addSocketApp('shared');
      const stays = await bed.logIn('stays', { ml101: 'user' });
      const goes = await bed.logIn('goes', { ml101: 'user' });
      for (const one of [stays, goes]) await one.open(`${bed.apps}/app/shared/`);
      const cookieOf = (one: typeof stays) => one.cookieHeader(`${bed.apps}/app/shared/`);
      const staying = await openStreams('shared', { cookie: cookieOf(stays) });
      const going = await openStreams('shared', { cookie: cookieOf(goes) });
      await bed.people.store.spaces.setRole('ml101', 'goes', null, by);
      await going.socket.closed;
      expect(staying.socket.socket.destroyed).toBe(false);
      expect((await stays.open(`${bed.apps}/app/shared/`)).status).toBe(200);
    });

    it('ends visitors of an app that is no longer for everyone', async () => {
      const app = await addSocketApp('was-open');
      const change = async (access: 'everyone' | 'members') => {
        const row = await bed.people.store.apps.find('was-open');
        if (row === null) throw new Error('gone');
        await bed.people.store.apps.register({
          ...{ name: 'was-open', space: 'ml101', owner: 'owner', actor: 'owner' },
          spec: { ...row.spec, access },
          operationId: `access-${access}`,
        });
      };
      await change('everyone');
      await eventually(async () => {
        const answer = await fetch(`${bed.apps}/app/was-open/`, { headers: program });
        if (answer.status !== 200) throw new Error(`answers ${answer.status}`);
      });
      const { ended, socket } = await openStreams('was-open', {});
      await change('members');
      await ended;
      expect(await socket.closed).toContain(closedByPolicy);
      const served = app.requests.length;
      expect((await fetch(`${bed.apps}/app/was-open/`, { headers: program })).status).toBe(401);
      expect(app.requests).toHaveLength(served);
    });

    it('lets somebody in again who gets their role back', async () => {
      await bed.addApp('again');
      const ina = await bed.logIn('ina', { ml101: 'user' });
      await ina.open(`${bed.apps}/app/again/`);
      await bed.people.store.spaces.setRole('ml101', 'ina', null, by);
      await eventually(async () => {
        const { status } = await ina.open(`${bed.apps}/app/again/`);
        if (status === 200) throw new Error('still in');
      });
      await bed.people.store.spaces.setRole('ml101', 'ina', 'user', by);
      await eventually(async () => {
        const { status } = await ina.open(`${bed.apps}/app/again/`);
        if (status !== 200) throw new Error(`answers ${status}`);
      });
    });
  });
});

describe.runIf(requirePart('postgres'))('access behind a proxy that knows people', () => {
  const openBehind = (trusted: string) =>
    openAccess({
      settings: {
        LABKEEPER_TRUSTED_PROXIES: trusted,
        LABKEEPER_PROXY_PERSON_HEADER: 'X-Auth-Email',
      },
    });
  const asBea = { ...navigation, 'x-auth-email': 'bea@uni.example' };
  let bed: AccessBed;
  afterEach(async () => {
    await closeBeds();
    await bed.close();
  });

  it('lets in whom the proxy names, for as long as they may', async () => {
    bed = await openBehind('127.0.0.1');
    await bed.addApp('plot', { space: 'default' });
    const bea = bed.browser();
    const there = await bea.open(`${bed.apps}/app/plot/`, asBea);
    expect(there.status).toBe(200);
    expect(headersOf(there.body)).toMatchObject({ 'x-labkeeper-person': 'bea@uni.example' });
    expect(headersOf(there.body)['x-auth-email']).toBeUndefined();
    await bed.people.store.people.put('bea@uni.example', { disabled: true }, by);
    await eventually(async () => {
      const answer = await bea.get(`${bed.apps}/app/plot/`, program);
      if (answer.status !== 401) throw new Error(`answers ${answer.status}`);
    });
  });

  it('knows them at the console, and its API, as the same person', async () => {
    bed = await openBehind('127.0.0.1');
    const headers = { 'x-auth-email': 'Bea@Uni.example', 'x-labkeeper-proxy-person': 'eve' };
    const me = await fetch(`${bed.console}/api/v1/me`, { headers });
    expect(await me.json()).toMatchObject({ person: 'bea@uni.example', via: 'proxy' });
    const home = await bed.browser().open(`${bed.console}/`, { ...navigation, ...headers });
    expect([home.url, home.status]).toEqual([`${bed.console}/`, 200]);
    expect(home.body).toContain('bea@uni.example');
    expect((await fetch(`${bed.console}/api/v1/me`)).status).toBe(401);
  });

  it('tells the app of the proxy’s person, whatever else its visitor claims', async () => {
    bed = await openBehind('127.0.0.1');
    await bed.addApp('plot', { space: 'default' });
    const claims = {
      ...{ 'x-labkeeper-person': 'eve', x_labkeeper_person: 'eve', 'X-LabKeeper_Role': 'admin' },
      ...{ x_auth_email: 'eve', 'x-labkeeper-proxy-person': 'eve' },
    };
    const there = await bed.browser().open(`${bed.apps}/app/plot/`, { ...asBea, ...claims });
    const told = Object.entries(headersOf(there.body)).filter(([name]) => /labk|auth/.test(name));
    expect(Object.fromEntries(told)).toEqual({
      'x-labkeeper-person': 'bea@uni.example',
      'x-labkeeper-role': 'user',
      'x-labkeeper-space': 'default',
    });
  });

  it('lets the next person at the same browser in as themselves', async () => {
    bed = await openBehind('127.0.0.1');
    await bed.addApp('plot', { space: 'default' });
    const shared = bed.browser();
    await shared.open(`${bed.apps}/app/plot/`, asBea);
    // The proxy writes names as it likes.
    const again = await shared.open(`${bed.apps}/app/plot/`, {
      ...navigation,
      'x-auth-email': 'BEA@uni.example',
    });
    expect(again.hops).toEqual([]);
    const asCid = { ...navigation, 'x-auth-email': 'cid@uni.example' };
    const there = await shared.open(`${bed.apps}/app/plot/`, asCid);
    expect(headersOf(there.body)).toMatchObject({ 'x-labkeeper-person': 'cid@uni.example' });
  });

  it('drops the word of who is no trusted proxy', async () => {
    bed = await openBehind('10.0.0.0/8');
    const app = await bed.addApp('plot', { space: 'default' });
    const there = await bed.browser().open(`${bed.apps}/app/plot/`, asBea);
    expect(there.url).toContain(`${bed.console}/login?`);
    expect(app.requests).toEqual([]);
    expect(await bed.people.store.people.find('bea@uni.example')).toBeNull();
  });
});

describe.runIf(requirePart('postgres'))('access while the control plane is away', () => {
  let bed: AccessBed;
  afterEach(async () => {
    await closeBeds();
    await bed.close();
  });

  it('lets in who was let in before, also past the time of asking again, and nobody new', async () => {
    bed = await openAccess({
      settings: { LABKEEPER_ACCESS_RECHECK_MS: '1' },
      pace: { retryMs: 20 },
    });
    await bed.addApp('plot');
    const ada = await bed.logIn('ada', { ml101: 'user' });
    await ada.open(`${bed.apps}/app/plot/`);
    await bed.people.person('bob', { ml101: 'user' });
    const token = await bed.token('bob');
    await bed.api.stop();
    for (let round = 0; round < 3; round += 1) {
      const answer = await ada.open(`${bed.apps}/app/plot/`);
      expect([answer.status, answer.hops]).toEqual([200, []]);
      expect(headersOf(answer.body)['x-labkeeper-person']).toBe('ada');
    }
    const unseen = await fetch(`${bed.apps}/app/plot/`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([unseen.status, unseen.headers.get('retry-after')]).toEqual([503, '2']);
    // What changed meanwhile is found out when it is back.
    await bed.people.store.spaces.setRole('ml101', 'ada', null, by);
    await bed.api.start();
    await eventually(async () => {
      const answer = await fetch(`${bed.apps}/app/plot/`, {
        headers: { ...program, cookie: ada.cookieHeader(`${bed.apps}/app/plot/`) },
      });
      if (answer.status !== 404) throw new Error(`answers ${answer.status}`);
    });
  });

  it('believes a cookie of its own that it never saw, until the cookie’s end', async () => {
    bed = await openAccess({ pace: { retryMs: 20 } });
    await bed.addApp('plot');
    await bed.people.person('ada', { ml101: 'user' });
    const untilMs = Date.now() + 1_500;
    const cookie = signedText({ secret: internalToken, purpose: 'app cookie' }).sign(
      { app: 'plot', proof: { kind: 'person', person: 'ada' }, role: 'user' },
      untilMs,
    );
    await bed.api.stop();
    const ask = () =>
      fetch(`${bed.apps}/app/plot/`, {
        headers: { ...program, cookie: `labkeeper_app=${cookie}` },
      });
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(headersOf(await answer.text())).toMatchObject({ 'x-labkeeper-role': 'user' });
    await eventually(async () => {
      if ((await ask()).status !== 401) throw new Error('still in');
    });
    expect(Date.now()).toBeGreaterThanOrEqual(untilMs);
  });
});
