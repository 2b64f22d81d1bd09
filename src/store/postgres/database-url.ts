import { readFileSync } from 'node:fs';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { LabError } from '../../model/failures.ts';

/** What LABKEEPER_DATABASE_URL says. */
export interface DatabaseAddress {
  host: string;
  port: number;
  user: string;
  /** Empty when it is in a file, as it should be. */
  password: string;
  database: string;
  /** Null on a plain connection. */
  encryption: Encryption | null;
}

export interface Encryption {
  /** How much the server must prove: nothing, who vouches for it, or that and its name. */
  proof: 'none' | 'authority' | 'name';
  caFile: string | null;
  certFile: string | null;
  keyFile: string | null;
}

const plainModes: readonly string[] = ['disable', 'allow', 'prefer'];

/**
 * Reads the URL, with libpq's own words for encryption: `sslmode`, `sslrootcert`, `sslcert`,
 * `sslkey`. `allow` and `prefer`, which would try both, are plain. Throws `invalid` without the
 * password in its message.
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  if (!/^postgres(ql)?:/.test(text) || !URL.canParse(text)) {
    throw new LabError(
      'invalid',
      'LABKEEPER_DATABASE_URL is no URL of a database: one looks like postgres://user@host:5432/database?sslmode=verify-full',
    );
  }
  const url = new URL(text);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 5432 : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    encryption: encryptionOf(url.searchParams),
  };
}

function encryptionOf(words: URLSearchParams): Encryption | null {
  const mode = words.get('sslmode') ?? 'disable';
  if (plainModes.includes(mode)) return null;
  const caFile = words.get('sslrootcert');
  const proofs: Readonly<{ [mode: string]: Encryption['proof'] }> = {
    // As libpq does it: whoever names an authority wants it asked.
    require: caFile === null ? 'none' : 'authority',
    'verify-ca': 'authority',
    'verify-full': 'name',
  };
  const proof = proofs[mode];
  if (proof === undefined) {
    throw new LabError(
      'invalid',
      `LABKEEPER_DATABASE_URL has an unknown sslmode ${mode}: it knows disable, require, verify-ca and verify-full`,
    );
  }
  const [certFile, keyFile] = [words.get('sslcert'), words.get('sslkey')];
  if ((certFile === null) !== (keyFile === null)) {
    throw new LabError(
      'invalid',
      'LABKEEPER_DATABASE_URL has one of sslcert and sslkey: a client certificate needs both',
    );
  }
  return { proof, caFile, certFile, keyFile };
}

/** The same for the driver, with the files read. Throws `invalid` naming the one that it cannot read. */
export function tlsOptions(host: string, encryption: Encryption | null): ConnectionOptions | false {
  if (encryption === null) return false;
  const { proof, caFile, certFile, keyFile } = encryption;
  return {
    rejectUnauthorized: proof !== 'none',
    // The driver tells no name for an IP address, and a name is not always to be checked.
    checkServerIdentity: (_name, certificate) =>
      proof === 'name' ? checkServerIdentity(host, certificate) : undefined,
    ...(caFile === null ? {} : { ca: read('sslrootcert', caFile) }),
    ...(certFile === null ? {} : { cert: read('sslcert', certFile) }),
    ...(keyFile === null ? {} : { key: read('sslkey', keyFile) }),
  };
}

function read(word: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new LabError(
      'invalid',
      `cannot read the file that ${word} in LABKEEPER_DATABASE_URL names (${path})`,
      { cause },
    );
  }
}
