import { readFileSync } from 'node:fs';
import type { TLSConfig } from '@temporalio/client';
import type { Config } from './config.ts';
import { readSecretFile } from './secret-file.ts';

/** What client and worker connections say to Temporal; both kinds take the same words. */
export interface TemporalConnection {
  address: string;
  /** Absent on a plain connection. */
  tls?: TLSConfig;
  apiKey?: string;
}

type Settings = Pick<
  Config,
  | 'TEMPORAL_ADDRESS'
  | 'TEMPORAL_TLS'
  | 'TEMPORAL_TLS_CA'
  | 'TEMPORAL_TLS_CERT'
  | 'TEMPORAL_TLS_KEY'
  | 'TEMPORAL_TLS_SERVER_NAME'
  | 'TEMPORAL_API_KEY_FILE'
>;

/**
 * How to reach the Temporal Service of the settings, with certificates and key read from their
 * files. Throws one sentence that names the setting when they contradict each other or a file
 * cannot be read.
 */
export function temporalConnection(config: Settings): TemporalConnection {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_API_KEY_FILE: keyFile } = config;
  const named = (
    [
      'TEMPORAL_TLS_CA',
      'TEMPORAL_TLS_CERT',
      'TEMPORAL_TLS_KEY',
      'TEMPORAL_TLS_SERVER_NAME',
      'TEMPORAL_API_KEY_FILE',
    ] as const
  ).filter((name) => config[name] !== undefined);
  const encrypted = config.TEMPORAL_TLS ?? named.length > 0;
  if (!encrypted) {
    if (named.length === 0) return { address };
    throw new Error(
      `TEMPORAL_TLS is off, but ${named.join(' and ')} ${named.length === 1 ? 'needs' : 'need'} it: remove one or the other`,
    );
  }
  return {
    address,
    tls: tlsOf(config),
    ...(keyFile === undefined ? {} : { apiKey: readSecretFile('TEMPORAL_API_KEY_FILE', keyFile) }),
  };
}

function tlsOf(config: Settings): TLSConfig {
  const serverName = config.TEMPORAL_TLS_SERVER_NAME;
  const ca = read('TEMPORAL_TLS_CA', config);
  const crt = read('TEMPORAL_TLS_CERT', config);
  const key = read('TEMPORAL_TLS_KEY', config);
  if ((crt === null) !== (key === null)) {
    throw new Error(
      `${crt === null ? 'TEMPORAL_TLS_KEY' : 'TEMPORAL_TLS_CERT'} is set without ${crt === null ? 'TEMPORAL_TLS_CERT' : 'TEMPORAL_TLS_KEY'}: a client certificate needs both`,
    );
  }
  return {
    ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
    ...(ca === null ? {} : { serverRootCACertificate: ca }),
    ...(crt === null || key === null ? {} : { clientCertPair: { crt, key } }),
  };
}

function read(
  setting: 'TEMPORAL_TLS_CA' | 'TEMPORAL_TLS_CERT' | 'TEMPORAL_TLS_KEY',
  config: Settings,
): Buffer | null {
  const path = config[setting];
  if (path === undefined) return null;
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (cause) {
    throw new Error(`cannot read the file that ${setting} names (${path})`, { cause });
  }
  if (content.includes('-----BEGIN ')) return content;
  throw new Error(`the file that ${setting} names (${path}) is not in PEM form`);
}
