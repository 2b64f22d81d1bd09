import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { temporalConnection } from '../../src/temporal-connection.ts';

describe('the connection to Temporal', () => {
  let folder: string;
  const file = (name: string) => join(folder, name);
  const pem = (what: string) => `-----BEGIN ${what}-----\nAA==\n-----END ${what}-----\n`;
  const made = (settings: Record<string, string>) => temporalConnection(loadConfig(settings));

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'labkeeper-connection-'));
    for (const name of ['authority', 'own']) writeFileSync(file(name), pem('CERTIFICATE'));
    writeFileSync(file('own-key'), pem('PRIVATE KEY'));
    writeFileSync(file('api-key'), 'sixteen-or-more-characters\n');
    writeFileSync(file('text'), 'no certificate');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is plain unless a setting asks for more', () => {
    expect(made({ TEMPORAL_ADDRESS: 'temporal:7233' })).toEqual({ address: 'temporal:7233' });
    expect(made({ TEMPORAL_TLS: 'false' })).toEqual({ address: '127.0.0.1:7233' });
  });

  it('trusts what the system trusts when only encryption is asked for', () => {
    expect(made({ TEMPORAL_TLS: 'true' }).tls).toEqual({});
  });

  it('carries authority, name, own certificate and key from their files', () => {
    const { tls } = made({
      TEMPORAL_TLS_CA: file('authority'),
      TEMPORAL_TLS_SERVER_NAME: 'temporal.example',
      TEMPORAL_TLS_CERT: file('own'),
      TEMPORAL_TLS_KEY: file('own-key'),
    });
    expect(tls).toEqual({
      serverNameOverride: 'temporal.example',
      serverRootCACertificate: Buffer.from(pem('CERTIFICATE')),
      clientCertPair: {
        crt: Buffer.from(pem('CERTIFICATE')),
        key: Buffer.from(pem('PRIVATE KEY')),
      },
    });
  });

  it('is encrypted as soon as there is an API key', () => {
    expect(made({ TEMPORAL_API_KEY_FILE: file('api-key') })).toEqual({
      address: '127.0.0.1:7233',
      tls: {},
      apiKey: 'sixteen-or-more-characters',
    });
  });

  it.each([
    [
      { TEMPORAL_TLS: 'false', TEMPORAL_API_KEY_FILE: 'api-key' },
      /TEMPORAL_TLS is off, but TEMPORAL_API_KEY_FILE needs it/,
    ],
    [{ TEMPORAL_TLS_CERT: 'own' }, /TEMPORAL_TLS_CERT is set without TEMPORAL_TLS_KEY/],
    [{ TEMPORAL_TLS_KEY: 'own-key' }, /TEMPORAL_TLS_KEY is set without TEMPORAL_TLS_CERT/],
    [{ TEMPORAL_TLS_CA: 'text' }, /the file that TEMPORAL_TLS_CA names .* is not in PEM form/],
    [{ TEMPORAL_TLS_CA: 'nowhere' }, /cannot read the file that TEMPORAL_TLS_CA names/],
    [{ TEMPORAL_API_KEY_FILE: 'nowhere' }, /cannot read the file that TEMPORAL_API_KEY_FILE names/],
  ])('is refused by a sentence that names the setting: %o', (settings, sentence) => {
    const withFolder = Object.entries(settings).map(([name, value]) => [
      name,
      name === 'TEMPORAL_TLS' ? value : file(value),
    ]);
    expect(() => made(Object.fromEntries(withFolder) as Record<string, string>)).toThrow(sentence);
  });
});
