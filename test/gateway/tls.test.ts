import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signedText } from '../../src/signed-text.ts';
import { makeAuthority, type Authority, type Certificate } from '../beds/certificates.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { closeBeds, openApp, openGateway, openRawApp, type GatewayBed } from './bed.ts';

const secret = 'a-secret-of-this-test';

describe.runIf(requirePart('openssl'))('TLS', () => {
  let folder: string;
  let authority: Authority;
  let first: Certificate;
  let second: Certificate;
  let ca: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-tls-'));
    authority = await makeAuthority(folder);
    first = await authority.sign('first');
    second = await authority.sign('second');
    ca = await readFile(authority.certFile, 'utf8');
  });
  afterEach(closeBeds);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const openTls = async (more: Record<string, string> = {}) => {
    const cert = join(folder, 'used.crt');
    const key = join(folder, 'used.key');
    await Promise.all([copyFile(first.certFile, cert), copyFile(first.keyFile, key)]);
    const settings = { LABKEEPER_TLS_CERT_FILE: cert, LABKEEPER_TLS_KEY_FILE: key, ...more };
    const bed = await openGateway({ settings, secret, pace: { certificateEveryMs: 20 } });
    return { bed, cert, key };
  };
  const get = async (
    url: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; headers: Record<string, unknown>; body: string }> => {
    const request = https.get(url, { ca, headers, servername: 'localhost', agent: false });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of answer) body += String(chunk);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body };
  };
  const dial = (port: number, options: tls.ConnectionOptions = {}) =>
    new Promise<tls.TLSSocket>((resolve, reject) => {
      const socket = tls.connect({
        port,
        host: '127.0.0.1',
        ca,
        servername: 'localhost',
        ...options,
      });
      socket.once('secureConnect', () => resolve(socket));
      socket.once('error', reject);
    });
  const subjectOf = async (bed: GatewayBed) => {
    const socket = await dial(bed.port);
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };

  it('is spoken by both listeners, and the app is told', async () => {
    const { bed } = await openTls();
    const app = await openApp((request, response) => {
      response.end(JSON.stringify(request.headers));
    });
    bed.store.add('plot');
    bed.store.publish('plot', app.port);
    await eventually(async () => {
      const { status, body } = await get(`https://localhost:${bed.port}/app/plot/`);
      expect(status).toBe(200);
      expect(JSON.parse(body)).toMatchObject({ 'x-forwarded-proto': 'https' });
    });
    const console = await get(`https://localhost:${bed.consolePort}/x`);
    expect(console.body).toBe('api GET /x');
    expect(bed.api.requests.at(-1)?.headers).toMatchObject({ 'x-forwarded-proto': 'https' });
  });

  it('is 1.2 or newer, and HTTP/1.1 inside', async () => {
    const { bed } = await openTls();
    const modern = await dial(bed.port, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect([modern.getProtocol(), modern.alpnProtocol]).toEqual(['TLSv1.3', 'http/1.1']);
    modern.destroy();
    const older = await dial(bed.port, { maxVersion: 'TLSv1.2' });
    expect(older.getProtocol()).toBe('TLSv1.2');
    older.destroy();
    const old = {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const;
    await expect(dial(bed.port, old)).rejects.toThrow(
      /protocol version|unsupported protocol|alert/i,
    );
    await expect(dial(bed.port, { ALPNProtocols: ['h2'] })).rejects.toThrow(/protocol/);
  });

  it('takes up a new certificate, and keeps the old one while files do not fit', async () => {
    const { bed, cert, key } = await openTls();
    expect(await subjectOf(bed)).toBe('first');
    const stays = await dial(bed.port);
    await copyFile(second.certFile, cert);
    // The key is still the old one, and looked at again and again meanwhile.
    for (let round = 0; round < 20; round += 1) expect(await subjectOf(bed)).toBe('first');
    await copyFile(second.keyFile, key);
    await eventually(async () => expect(await subjectOf(bed)).toBe('second'));
    stays.write('GET /app/none/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const [answer] = (await once(stays, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
    stays.destroy();
  });

  it('keeps the old one while a file is empty or gone, and takes what is there at last', async () => {
    const { bed, cert, key } = await openTls();
    for (const spoil of [(file: string) => writeFile(file, ''), (file: string) => rm(file)]) {
      await Promise.all([cert, key].map(spoil));
      for (let round = 0; round < 20; round += 1) expect(await subjectOf(bed)).toBe('first');
    }
    await Promise.all([copyFile(second.certFile, cert), copyFile(second.keyFile, key)]);
    await eventually(async () => expect(await subjectOf(bed)).toBe('second'));
  });

  it.each([
    [
      'a key of another certificate',
      () => ({ LABKEEPER_TLS_KEY_FILE: second.keyFile }),
      /first\.crt and key .*second\.key do not belong together/,
    ],
    [
      'a file that is not there',
      () => ({ LABKEEPER_TLS_CERT_FILE: join(folder, 'absent') }),
      /LABKEEPER_TLS_CERT_FILE names \(.*absent\): ENOENT/,
    ],
    [
      'a file that cannot be read',
      () => ({ LABKEEPER_TLS_KEY_FILE: folder }),
      /LABKEEPER_TLS_KEY_FILE names \(.*\): EISDIR/,
    ],
    [
      'a certificate that is none',
      () => ({ LABKEEPER_TLS_CERT_FILE: first.keyFile }),
      /LABKEEPER_TLS_CERT_FILE names .* holds no certificate in PEM/,
    ],
    [
      'an empty certificate',
      () => ({ LABKEEPER_TLS_CERT_FILE: '/dev/null' }),
      /LABKEEPER_TLS_CERT_FILE names .* holds no certificate in PEM/,
    ],
    [
      'a key that is none',
      () => ({ LABKEEPER_TLS_KEY_FILE: first.certFile }),
      /LABKEEPER_TLS_KEY_FILE names .* holds no PEM key/,
    ],
    [
      'a certificate without key',
      () => ({ LABKEEPER_TLS_KEY_FILE: '' }),
      /LABKEEPER_TLS_CERT_FILE: needs LABKEEPER_TLS_KEY_FILE beside it/,
    ],
    [
      'a key without certificate',
      () => ({ LABKEEPER_TLS_CERT_FILE: '' }),
      /LABKEEPER_TLS_KEY_FILE: needs LABKEEPER_TLS_CERT_FILE beside it/,
    ],
  ])('does not start with %s', async (_what, settings, sentence) => {
    const { certFile, keyFile } = first;
    const files = { LABKEEPER_TLS_CERT_FILE: certFile, LABKEEPER_TLS_KEY_FILE: keyFile };
    await expect(openGateway({ settings: { ...files, ...settings() } })).rejects.toThrow(sentence);
  });

  it('answers nothing to plain HTTP, and goes on', async () => {
    const { bed } = await openTls();
    const plain = net.connect(bed.port, '127.0.0.1');
    plain.on('error', () => plain.destroy());
    plain.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    let received = '';
    plain.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1');
    });
    await once(plain, 'close');
    expect(received).not.toContain('HTTP/');
    expect((await get(`https://localhost:${bed.port}/`)).status).toBe(404);
  });

  it('counts handshakes as connections, and ends those that go nowhere', async () => {
    const cert = { LABKEEPER_TLS_CERT_FILE: first.certFile, LABKEEPER_TLS_KEY_FILE: first.keyFile };
    const bed = await openGateway({
      settings: { ...cert, LABKEEPER_MAX_CONNECTIONS: '1' },
      pace: { headerTimeoutMs: 200 },
    });
    const silent = net.connect(bed.port, '127.0.0.1');
    await once(silent, 'connect');
    const ended = once(silent, 'close');
    silent.on('error', () => silent.destroy());
    silent.resume();
    await eventually(async () => {
      await expect(dial(bed.port)).rejects.toThrow(/closed|ECONNRESET|disconnected/);
    });
    await ended;
    await eventually(async () => (await dial(bed.port)).destroy());
  });

  it('carries WebSockets, also when the app breaks off', async () => {
    const { bed } = await openTls();
    const app = await openRawApp((socket) => {
      socket.once('data', () => {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello',
        );
        socket.once('data', () => socket.resetAndDestroy());
      });
    });
    bed.store.add('plot');
    bed.store.publish('plot', app.port);
    await eventually(async () => {
      const { body } = await get(`https://localhost:${bed.port}/app/plot/.labkeeper/state`);
      expect(JSON.parse(body)).toMatchObject({ status: 'ready' });
    });
    const visitor = await dial(bed.port);
    visitor.on('error', () => visitor.destroy());
    let text = '';
    visitor.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
    });
    visitor.write(
      'GET /app/plot/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await eventually(async () => expect(text).toContain('hello'));
    visitor.write('x');
    await once(visitor, 'close');
    expect((await get(`https://localhost:${bed.port}/`)).status).toBe(404);
  });

  it.each([
    ['below a path', 'localhost', '/app/plot/', '__Secure-'],
    ['on its own host', 'plot.localhost', '/', '__Host-'],
  ])(
    'gives the cookie of an app %s a prefix that plain HTTP cannot set',
    async (_what, host, base, prefix) => {
      const { bed } = await openTls({ LABKEEPER_AUTHENTICATION: 'required' });
      bed.store.add('plot');
      const app = await openApp((_request, response) => response.end('in'));
      bed.store.publish('plot', app.port);
      const state = 'a-state';
      const grant = signedText({ secret, purpose: 'app grant' }).sign(
        {
          ...{ app: 'plot', proof: { kind: 'person', person: 'ada' }, role: 'user' },
          state: createHash('sha256').update(state).digest('base64url'),
          untilMs: Date.now() + 60_000,
        },
        Date.now() + 10_000,
      );
      const at = `https://localhost:${bed.port}${base}`;
      const own = { host: `${host}:${bed.port}` };
      const entered = await get(`${at}.labkeeper/enter?grant=${grant}`, {
        ...own,
        cookie: `__Secure-labkeeper_state=${state}`,
      });
      expect(entered.status).toBe(303);
      const cookie = String(entered.headers['set-cookie']);
      expect(cookie).toMatch(
        new RegExp(
          `^${prefix}labkeeper_app=[^;]+; Path=${base}; Max-Age=\\d+; HttpOnly; SameSite=Lax; Secure`,
        ),
      );
      const pair = cookie.split(';', 1)[0] ?? '';
      await eventually(async () => {
        expect((await get(at, { ...own, cookie: pair })).body).toBe('in');
      });
      const bare = pair.slice(prefix.length);
      expect((await get(at, { ...own, cookie: bare })).status).toBe(401);
    },
  );
});
