import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { internalToken, openApi, problemOf } from './bed.ts';
import { openPeople, type PeopleBed } from './people-bed.ts';

describe.runIf(requirePart('postgres'))('letting a program in', () => {
  let bed: PeopleBed;
  let ada: Record<string, string>;
  beforeAll(async () => {
    bed = await openPeople();
    await bed.person('ada');
    ada = await bed.browser('ada');
  });
  afterAll(() => bed.close());

  const begin = async (label = 'labkeeper on laptop') => {
    const answer = await bed.send('POST', '/api/v1/device-logins', { body: { label } });
    expect(answer.status).toBe(201);
    return (await answer.json()) as {
      deviceCode: string;
      userCode: string;
      verificationUrl: string;
    };
  };
  const take = (deviceCode: string) =>
    bed.send('POST', '/api/v1/device-logins/token', { body: { deviceCode } });
  const confirm = (code: string, headers = ada) =>
    bed.send('POST', '/login/device', {
      body: new URLSearchParams({ code }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });

  it('gives the token once, after its person has compared the code', async () => {
    const { deviceCode, userCode, verificationUrl } = await begin();
    expect((await take(deviceCode)).status).toBe(202);
    const { pathname, search } = new URL(verificationUrl);
    const page = await bed.send('GET', pathname + search, { headers: ada });
    expect(await page.text()).toMatch(new RegExp(`labkeeper on laptop.*${userCode}`, 's'));
    expect((await confirm(userCode)).status).toBe(200);
    const taken = await Promise.all([take(deviceCode), take(deviceCode)]);
    expect(taken.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([
      201, 404,
    ]);
    const winner = taken.find(({ status }) => status === 201) as Response;
    const { token } = (await winner.json()) as { token: string };
    const me = await bed.send('GET', '/api/v1/me', {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await me.json()).toMatchObject({ person: 'ada', via: 'token' });
  });

  it('is confirmed once, by a person at a browser and not by a token', async () => {
    const { userCode } = await begin();
    const token = await bed.person('ada');
    expect((await confirm(userCode, token)).status).toBe(403);
    expect((await confirm(userCode)).status).toBe(200);
    expect((await confirm(userCode)).status).toBe(404);
    expect((await confirm('BCDF-0000')).status).toBe(404);
  });

  it('asks who is not logged in to log in first, and comes back to the code', async () => {
    const answer = await bed.send('GET', '/login/device?code=BCDF-GHJK', {
      headers: { accept: 'text/html' },
    });
    expect(answer.headers.get('location')).toBe('/login?to=%2Flogin%2Fdevice%3Fcode%3DBCDF-GHJK');
  });

  it('says that no login is needed where none is', async () => {
    const open = await openApi();
    const answer = await open.send('POST', '/api/v1/device-logins', { body: { label: 'x' } });
    expect(await problemOf(answer)).toMatchObject({ status: 409 });
    await open.close();
  });
});

describe.runIf(requirePart('postgres'))('a trusted proxy’s word', () => {
  let bed: PeopleBed;
  beforeAll(async () => {
    bed = await openPeople();
  });
  afterAll(() => bed.close());
  const me = (headers: Record<string, string>) => bed.send('GET', '/api/v1/me', { headers });
  const proof = { 'x-labkeeper-proxy-proof': internalToken };

  it('logs in whom the gateway passes on, as a new user of the default space', async () => {
    const answer = await me({ ...proof, 'x-labkeeper-proxy-person': 'Bea@Uni.example' });
    expect(await answer.json()).toMatchObject({
      person: 'bea@uni.example',
      roles: { default: 'user' },
      via: 'proxy',
    });
  });

  it('counts for nothing without the gateway’s proof, and cannot be no name', async () => {
    for (const headers of [
      { 'x-labkeeper-proxy-person': 'bea@uni.example' },
      { 'x-labkeeper-proxy-person': 'bea@uni.example', 'x-labkeeper-proxy-proof': 'guess' },
      { ...proof, 'x-labkeeper-proxy-person': 'not a name' },
    ]) {
      expect((await me(headers)).status).toBe(401);
    }
  });

  it('does not let in who may not log in any more', async () => {
    await bed.person('cid');
    await bed.store.people.put('cid', { disabled: true }, { actor: 'test' });
    expect((await me({ ...proof, 'x-labkeeper-proxy-person': 'cid' })).status).toBe(401);
  });

  it('holds a change to a page of ours, as with a session', async () => {
    await bed.person('dan', {}, { operator: true });
    const put = (headers: Record<string, string>) =>
      bed.send('PUT', '/api/v1/spaces/forged', {
        body: {},
        headers: {
          ...proof,
          'x-labkeeper-proxy-person': 'dan',
          host: '127.0.0.1:8090',
          ...headers,
        },
      });
    expect((await put({})).status).toBe(403);
    expect((await put({ origin: 'http://127.0.0.1:8090' })).status).toBe(201);
  });
});
