import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { qulabsDoors } from '../../src/gateway/qulabs-doors.ts';
import type { RequestHead } from '../../src/gateway/http/head.ts';
import { fakeRoutes } from '../fakes/routes.ts';
import { browse, closeBeds, openGateway } from './bed.ts';

const listener = { LABKEEPER_LISTEN_QULABS: '127.0.0.1:0' };
const at = (host: string) => ({ host }) as RequestHead;

describe('the listener of QuLabs clients', () => {
  afterEach(closeBeds);

  const ask = async (settings: Record<string, string>, headers: Record<string, string>) => {
    const store = fakeRoutes();
    store.add('lab', { access: 'everyone' }, [{ family: 'qulabs', id: 'x' }]);
    const bed = await openGateway({ settings: { ...listener, ...settings }, store });
    const { qulabs } = bed.worker.ports;
    const answer = await fetch(`http://127.0.0.1:${qulabs}/x/data`, { headers });
    return { status: answer.status, body: await answer.json() };
  };
  const refused = { status: 503, body: { detail: 'App is not running' } };
  const networks = { LABKEEPER_QULABS_ACCESS: '198.51.100.0/24' };
  const proxied = { ...networks, LABKEEPER_TRUSTED_PROXIES: '127.0.0.1' };

  it('lets networks in by the word of a trusted proxy', async () => {
    expect(await ask(proxied, { 'x-forwarded-for': '198.51.100.7' })).toEqual(refused);
    const other = await ask(proxied, { 'x-forwarded-for': '203.0.113.9' });
    expect([other.status, Object.keys(other.body as object)]).toEqual([403, ['detail']]);
  });

  it('believes nobody else on where a visitor is', async () => {
    expect(await ask(networks, { 'x-forwarded-for': '203.0.113.9' })).toEqual(refused);
  });

  it('leaves the host of an app to that app, whatever its paths are called', async () => {
    const store = fakeRoutes();
    store.add('lab', { access: 'everyone' });
    const bed = await openGateway({ store });
    const own = await browse(`http://lab.localhost:${bed.port}/compat/qulabs/apps`);
    expect([own.status, (await own.text()).includes('data-to="/compat/qulabs/apps"')]).toEqual([
      200,
      true,
    ]);
    const shared = await browse(`http://localhost:${bed.port}/compat/qulabs/apps`);
    expect(shared.status).toBe(404);
  });
});

describe('documents below the console', () => {
  const tls = { LABKEEPER_TLS_CERT_FILE: '/etc/cert.pem', LABKEEPER_TLS_KEY_FILE: '/etc/key.pem' };
  it.each([
    [{}, 'lab.example:8080', 'http://lab.example:8081'],
    [tls, 'lab.example:8080', 'https://lab.example:8081'],
    [tls, '[fd00::1]:8080', 'https://[fd00::1]:8081'],
    [{ LABKEEPER_APPS_URL: 'https://apps.example/' }, 'lab.example', 'https://apps.example'],
  ])('given %j, one asked for at %s is opened at %s', (settings, host, where) => {
    const { console } = qulabsDoors(loadConfig(settings), 8081);
    expect(console.documentsAt?.(at(host))).toBe(where);
  });
});
