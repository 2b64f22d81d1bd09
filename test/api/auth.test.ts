import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { internalToken, openApi, problemOf, type ApiBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('who may do what', () => {
  let api: ApiBed;
  beforeAll(async () => {
    api = await openApi({ settings: { consoleUrl: 'https://lab.example' } });
    await api.register('plot');
  });
  afterAll(() => api.close());

  const start = (headers: Record<string, string>, host = '127.0.0.1:8080') =>
    api.send('POST', '/api/v1/apps/plot/start', { headers: { host, ...headers } });

  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['an app on the same machine', { origin: 'http://localhost:8081' }],
    ['a sandboxed page', { origin: 'null' }],
    ['a form of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a form of an app', { 'sec-fetch-site': 'same-site' }],
    ['a site whose name begins like ours', { origin: 'http://127.0.0.1:8080.evil.example' }],
  ])('refuses a change by %s', async (_who, headers) => {
    const answer = await start(headers);
    expect(answer.status).toBe(403);
    expect((await problemOf(answer)).type).toBe('urn:labkeeper:problem:foreign_origin');
  });

  it('takes changes from its own pages and from programs', async () => {
    const own = { origin: 'http://127.0.0.1:8080', 'sec-fetch-site': 'same-origin' };
    expect((await start(own)).status).toBe(202);
    expect((await start({})).status).toBe(202);
    expect((await start({ origin: 'https://lab.example' }, 'lab.example')).status).toBe(202);
    expect((await start({ origin: 'http://[::1]:8080' }, '[::1]:8080')).status).toBe(202);
  });

  it('tells nothing to a name that somebody else pointed here', async () => {
    const headers = { host: 'evil.example:8080' };
    for (const path of ['/api/v1/apps', '/openapi.json', '/api/v1/events/stream']) {
      const answer = await api.send('GET', path, { headers });
      expect([path, answer.status]).toEqual([path, 421]);
      expect((await problemOf(answer)).type).toBe('urn:labkeeper:problem:foreign_host');
    }
    const both = { host: 'evil.example:8080', origin: 'http://evil.example:8080' };
    expect((await start(both, 'evil.example:8080')).status).toBe(421);
  });

  it('gives no other origin leave to read', async () => {
    const answer = await api.send('GET', '/api/v1/apps', {
      headers: { origin: 'https://evil.example' },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    const preflight = await api.send('OPTIONS', '/api/v1/apps/plot/start', {
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });

  it.each([
    ['no secret', undefined],
    ['another secret', 'Bearer another-secret-of-some-length'],
    ['the secret without its scheme', internalToken],
    ['a longer secret', `Bearer ${internalToken}x`],
  ])('refuses internal calls with %s', async (_what, authorization) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const body = { actor: 'visitor', why: 'GET /' };
    const answer = await api.send('POST', '/internal/apps/plot/wake', { headers, body });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    await problemOf(answer);
  });

  it('refuses every internal call where no secret is configured', async () => {
    const open = await openApi();
    const { createApp } = await import('../../src/api/app.ts');
    const app = createApp({ ...open.deps, internalToken: null });
    const answer = await app.request('http://127.0.0.1/internal/apps/plot/log-tail', {
      headers: { authorization: 'Bearer null' },
    });
    expect(answer.status).toBe(401);
    await open.close();
  });
});
