import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { oidcProvider } from '../../src/outbound/oidc/index.ts';
import { openIdentityProvider, type IdentityProviderBed } from '../beds/identity-provider.ts';
import { requirePart } from '../beds/require.ts';
import { openPeople, type PeopleBed } from './people-bed.ts';

const redirectUrl = 'http://127.0.0.1:8090/login/oidc/back';

describe.runIf(requirePart('postgres'))('logging in through an identity provider', () => {
  let idp: IdentityProviderBed;
  let bed: PeopleBed;
  beforeAll(async () => {
    idp = await openIdentityProvider(redirectUrl);
    const { issuer, clientId } = idp;
    bed = await openPeople({
      identityProvider: oidcProvider({
        ...{ issuer, clientId, clientSecretFile: null, redirectUrl, title: 'the university' },
      }),
      settings: { oidcDomains: ['uni.example'] },
    });
  });
  afterAll(async () => {
    await bed.close();
    await idp.close();
  });

  const begin = async (to = '/') => {
    const answer = await bed.send('GET', `/login/oidc?to=${encodeURIComponent(to)}`);
    return {
      status: answer.status,
      url: answer.headers.get('location') ?? '',
      cookie: (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? '',
      text: answer.status === 303 ? '' : await answer.text(),
    };
  };
  const comeBack = (url: string, cookie: string) => {
    const { pathname, search } = new URL(url);
    return bed.send('GET', pathname + search, { headers: { cookie } });
  };
  const logIn = async (name: string, to = '/') => {
    const { url, cookie } = await begin(to);
    return comeBack(await idp.logIn(url, name), cookie);
  };
  const whoIs = async (answer: Response) => {
    const session = answer.headers
      .getSetCookie()
      .find((line) => line.startsWith('labkeeper_session='))
      ?.split(';', 1)[0];
    if (session === undefined) return null;
    const me = await bed.send('GET', '/api/v1/me', { headers: { cookie: session } });
    return ((await me.json()) as { person: string }).person;
  };

  it('brings in somebody of a welcome domain as a user of the default space', async () => {
    idp.accounts.set('1', { email: 'Ada@uni.example', email_verified: true, name: 'Ada L.' });
    const answer = await logIn('1', '/manage');
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/manage');
    expect(await whoIs(answer)).toBe('ada@uni.example');
    expect(await bed.store.people.find('ada@uni.example')).toMatchObject({
      title: 'Ada L.',
      operator: false,
      roles: { default: 'user' },
    });
  });

  it('knows somebody again by the provider’s own id, whatever their address is now', async () => {
    idp.accounts.set('1', { email: 'married@uni.example', email_verified: true });
    expect(await whoIs(await logIn('1'))).toBe('ada@uni.example');
    // The address goes to somebody else: that is not Ada.
    idp.accounts.set('2', { email: 'married@uni.example', email_verified: true });
    expect(await whoIs(await logIn('2'))).toBe('married@uni.example');
  });

  it('lets in who was added under their verified address, and nobody else from outside', async () => {
    await bed.person('guest@elsewhere.example');
    idp.accounts.set('3', { email: 'guest@elsewhere.example', email_verified: true });
    expect(await whoIs(await logIn('3'))).toBe('guest@elsewhere.example');
    idp.accounts.set('4', { email: 'other@elsewhere.example', email_verified: true });
    const stranger = await logIn('4');
    expect(stranger.status).toBe(403);
    expect(await stranger.text()).toContain('other@elsewhere.example is not known here');
  });

  it('never believes an address that the provider has not verified', async () => {
    await bed.person('root@uni.example', {}, { operator: true });
    for (const verified of [{ email_verified: false }, {}]) {
      idp.accounts.set('5', { email: 'root@uni.example', ...verified });
      expect((await logIn('5')).status).toBe(403);
    }
  });

  it('lets nobody in who may not log in any more', async () => {
    idp.accounts.set('6', { email: 'left@uni.example', email_verified: true });
    expect(await whoIs(await logIn('6'))).toBe('left@uni.example');
    await bed.store.people.put('left@uni.example', { disabled: true }, { actor: 'test' });
    expect((await logIn('6')).status).toBe(403);
  });

  it('refuses an answer that another browser began, that was changed, and one that comes twice', async () => {
    idp.accounts.set('7', { email: 'mal@uni.example', email_verified: true });
    const [mine, other] = [await begin(), await begin()];
    const back = await idp.logIn(mine.url, '7');
    expect((await comeBack(back, other.cookie)).status).toBe(403);
    expect((await comeBack(back, '')).status).toBe(403);
    expect((await comeBack(back, `${mine.cookie}x`)).status).toBe(403);
    expect((await comeBack(`${back}&state=forged`, mine.cookie)).status).toBe(403);
    expect((await comeBack(back.replace(/code=[^&]+/, 'code=forged'), mine.cookie)).status).toBe(
      403,
    );
    const denied = new URL(back);
    denied.search = `?error=access_denied&state=${denied.searchParams.get('state')}`;
    expect((await comeBack(denied.href, mine.cookie)).status).toBe(403);
    const fresh = await begin();
    const once = await idp.logIn(fresh.url, '7');
    expect((await comeBack(once, fresh.cookie)).status).toBe(303);
    expect((await comeBack(once, fresh.cookie)).status).toBe(403);
  });

  it('says that the provider is down, while sessions and login links go on', async () => {
    const dead = await openIdentityProvider(redirectUrl);
    await dead.close();
    const lonely = await openPeople({
      identityProvider: oidcProvider({
        ...{ issuer: dead.issuer, clientId: dead.clientId, clientSecretFile: null, redirectUrl },
        title: 'the university',
      }),
    });
    const answer = await lonely.send('GET', '/login/oidc');
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('the university does not answer at the moment');
    await lonely.person('ada');
    const me = await lonely.send('GET', '/api/v1/me', { headers: await lonely.browser('ada') });
    expect(me.status).toBe(200);
    await lonely.close();
  });
});
