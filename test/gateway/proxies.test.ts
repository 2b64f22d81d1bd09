import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { closeBeds, openApp, openGateway, talk, untilStatus } from './bed.ts';

afterEach(closeBeds);

/** What an app is told of its visitor, who came with these headers through a gateway with these settings. */
async function told(settings: Record<string, string>, headers: Record<string, string>) {
  const bed = await openGateway({ settings });
  let seen: Record<string, unknown> = {};
  const app = await openApp((request, response) => {
    seen = request.headers;
    response.setHeader('location', `http://${request.headers.host}/next`);
    response.end();
  });
  bed.store.add('plot');
  bed.store.publish('plot', app.port);
  await untilStatus(bed, 'plot', 'ready');
  await (await fetch(bed.url('/app/plot/'), { headers })).text();
  return { seen, bed };
}

const proxied = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'apps.example',
};

describe('headers of proxies', () => {
  it('are believed of a trusted address only', async () => {
    const trusted = await told({ LABKEEPER_TRUSTED_PROXIES: '127.0.0.0/8' }, proxied);
    expect(trusted.seen).toMatchObject({ ...proxied, host: 'apps.example' });
    const { seen, bed } = await told({ LABKEEPER_TRUSTED_PROXIES: '10.0.0.0/8, ::1' }, proxied);
    expect(seen).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `127.0.0.1:${bed.port}`,
    });
  });

  it.each([
    ['the last that is not trusted', '198.51.100.7, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['made up by the visitor', '127.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['all trusted', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
    ['with a port', '203.0.113.9:4711', '203.0.113.9'],
    ['IPv4 in the clothes of IPv6', '203.0.113.9, ::ffff:10.1.2.3', '203.0.113.9'],
    ['behind IPv6 proxies', '2001:db8:1::7, FD00:12::9', '2001:db8:1::7'],
    ['IPv6 with a zone', '203.0.113.9, fe80::7%eth0', '203.0.113.9'],
    ['IPv6 in brackets', '[2001:db8::1]:4711', '2001:db8::1'],
    ['no address', '203.0.113.9, unknown', '127.0.0.1'],
    ['no address behind a proxy', '_hidden, 10.1.2.3', '10.1.2.3'],
    ['nothing', '', '127.0.0.1'],
  ])('name a visitor that is %s', async (_what, chain, expected) => {
    const settings = { LABKEEPER_TRUSTED_PROXIES: '127.0.0.1 10.0.0.0/8, fd00::/8,fe80::/10' };
    const { seen } = await told(settings, chain === '' ? {} : { 'x-forwarded-for': chain });
    expect(seen['x-forwarded-for']).toBe(expected);
  });

  it('do not decide on a protocol or a host that there is not', async () => {
    const { seen, bed } = await told(
      { LABKEEPER_TRUSTED_PROXIES: '127.0.0.1' },
      { 'x-forwarded-proto': 'gopher', 'x-forwarded-host': 'a b' },
    );
    expect(seen).toMatchObject({
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `127.0.0.1:${bed.port}`,
    });
  });

  it('say who the visitor is to the console alone, and prove that a gateway says so', async () => {
    const settings = {
      LABKEEPER_TRUSTED_PROXIES: '127.0.0.1',
      LABKEEPER_PROXY_PERSON_HEADER: 'X-Auth-Email',
    };
    const forged = {
      'x-auth-email': 'ada@uni.example',
      'x-labkeeper-proxy-person': 'eve',
      'x-labkeeper-proxy-proof': 'guess',
    };
    const { seen } = await told(settings, { ...forged, x_auth_email: 'eve' });
    expect(Object.keys(seen).filter((name) => /auth|proxy/.test(name))).toEqual([]);
    const ask = async (trusted: string, headers: Record<string, string>) => {
      const bed = await openGateway({
        settings: { ...settings, LABKEEPER_TRUSTED_PROXIES: trusted },
        secret: 'a-secret-of-this-test',
      });
      await (await fetch(`http://127.0.0.1:${bed.consolePort}/x`, { headers })).text();
      const { headers: asked } = bed.api.requests.at(-1) ?? { headers: {} };
      return Object.fromEntries(Object.entries(asked).filter(([name]) => /auth|proxy/.test(name)));
    };
    expect(await ask('127.0.0.1', forged)).toEqual({
      'x-labkeeper-proxy-person': 'ada@uni.example',
      'x-labkeeper-proxy-proof': 'a-secret-of-this-test',
    });
    expect(await ask('10.0.0.0/8', forged)).toEqual({});
  });

  it('name nobody when they say two things, or nothing', async () => {
    const settings = {
      LABKEEPER_TRUSTED_PROXIES: '127.0.0.1',
      LABKEEPER_PROXY_PERSON_HEADER: 'X-Auth-Email',
    };
    const bed = await openGateway({ settings, secret: 'a-secret-of-this-test' });
    for (const said of ['X-Auth-Email: ada\r\nX-Auth-Email: eve\r\n', 'X-Auth-Email:\r\n']) {
      await talk(
        bed.consolePort,
        `GET /x HTTP/1.1\r\nHost: localhost\r\n${said}Connection: close\r\n\r\n`,
      );
      const { headers } = bed.api.requests.at(-1) ?? { headers: {} };
      expect(Object.keys(headers).filter((name) => /auth|proxy/.test(name))).toEqual([]);
    }
    expect(bed.api.requests).toHaveLength(2);
  });

  it('that say who visits are believed of named proxies, so some must be named', () => {
    expect(() => loadConfig({ LABKEEPER_PROXY_PERSON_HEADER: 'X-Auth-Email' })).toThrow(
      /LABKEEPER_PROXY_PERSON_HEADER: needs LABKEEPER_TRUSTED_PROXIES/,
    );
    const proxies = { LABKEEPER_TRUSTED_PROXIES: '10.0.0.1' };
    for (const header of ['Cookie', 'x-labkeeper-person', 'Sec-Fetch-Site', 'X Y']) {
      expect(() => loadConfig({ ...proxies, LABKEEPER_PROXY_PERSON_HEADER: header })).toThrow(
        /LABKEEPER_PROXY_PERSON_HEADER: /,
      );
    }
  });

  it('tell the console the visitor’s address as well', async () => {
    const bed = await openGateway({ settings: { LABKEEPER_TRUSTED_PROXIES: '127.0.0.1' } });
    const headers = { ...proxied, 'x-forwarded-host': 'lab.example' };
    await (await fetch(`http://127.0.0.1:${bed.consolePort}/x`, { headers })).text();
    expect(bed.api.requests.at(-1)?.headers).toMatchObject({ ...headers, host: 'lab.example' });
  });

  it.each([
    ...['10.0.0.0/33', 'everybody', '10.0.0.1/8/9', '10.0.0.0/x', '::1/129'],
    // Of all addresses there is no proxy.
    ...['0.0.0.0/0', '::/0', '10.0.0.0/'],
  ])('cannot be trusted of %s, which names no proxies', (ranges) => {
    expect(() => loadConfig({ LABKEEPER_TRUSTED_PROXIES: ranges })).toThrow(
      /LABKEEPER_TRUSTED_PROXIES: must be addresses or CIDRs/,
    );
  });
});
