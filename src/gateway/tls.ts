import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type net from 'node:net';
import tls from 'node:tls';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';

/** Where certificate chain and key lie, as PEM. */
export interface TlsFiles {
  cert: string;
  key: string;
}

/** What they hold. */
export interface TlsMaterial {
  cert: string;
  key: string;
}

/** Null where the gateway does not speak TLS. */
export function tlsFiles(config: Config): TlsFiles | null {
  const { LABKEEPER_TLS_CERT_FILE: cert, LABKEEPER_TLS_KEY_FILE: key } = config;
  return cert === undefined || key === undefined ? null : { cert, key };
}

export const tlsRules = { minVersion: 'TLSv1.2' } as const satisfies tls.SecureContextOptions;

/**
 * What the files hold, once it can be used. Throws a sentence that names the setting, the file and what is wrong
 * with it, or says that the two do not belong together.
 */
export async function readTls(files: TlsFiles): Promise<TlsMaterial> {
  const cert = await readPem('LABKEEPER_TLS_CERT_FILE', files.cert);
  const key = await readPem('LABKEEPER_TLS_KEY_FILE', files.key);
  const first = parsed('LABKEEPER_TLS_CERT_FILE', files.cert, 'no certificate in PEM', () => {
    // Only this reads the rest of the chain.
    tls.createSecureContext({ cert, ...tlsRules });
    return new X509Certificate(cert);
  });
  const own = parsed('LABKEEPER_TLS_KEY_FILE', files.key, 'no PEM key without passphrase', () =>
    createPrivateKey(key),
  );
  if (!first.checkPrivateKey(own)) {
    throw new Error(
      `certificate ${files.cert} and key ${files.key} do not belong together: LABKEEPER_TLS_KEY_FILE must name the key that the first certificate of LABKEEPER_TLS_CERT_FILE was made for`,
    );
  }
  return { cert, key };
}

/**
 * Takes up new files as they appear, for connections from then on. What cannot be used is told, and what was
 * there before goes on: whoever renews a certificate writes two files, one after the other.
 */
export async function keepTls(
  files: TlsFiles,
  { everyMs, log }: { everyMs: number; log: Pick<Log, 'info' | 'warn'> },
): Promise<{
  material: TlsMaterial;
  /** Gives them to this server, now and whenever they change. */
  serve(server: net.Server): void;
  close(): void;
}> {
  // Looked at before they are read: what changes in between is read once more.
  let seen = await marksOf(files);
  const material = await readTls(files);
  const servers: tls.Server[] = [];
  let busy = false;
  const look = async () => {
    if (busy) return;
    busy = true;
    try {
      const now = await marksOf(files);
      if (now === seen) return;
      // Whatever comes of it: it is tried, and told, once for each change.
      seen = now;
      const changed = await readTls(files);
      for (const server of servers) server.setSecureContext({ ...changed, ...tlsRules });
      log.info({ cert: files.cert, ...endOf(changed) }, 'the certificate was changed');
    } catch (error) {
      log.warn({ err: error }, 'the changed certificate cannot be used: the last one goes on');
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void look(), everyMs).unref();
  log.info({ cert: files.cert, ...endOf(material) }, 'console and apps speak TLS');
  return {
    material,
    serve: (server) => {
      if (server instanceof tls.Server) servers.push(server);
    },
    close: () => clearInterval(timer),
  };
}

/** When a certificate ends by itself. */
export function endOf({ cert }: Pick<TlsMaterial, 'cert'>): { until: string } {
  return { until: new Date(new X509Certificate(cert).validTo).toISOString() };
}

async function marksOf({ cert, key }: TlsFiles): Promise<string> {
  const marks = await Promise.all(
    [cert, key].map(async (file) => {
      try {
        const { mtimeMs, size, ino } = await stat(file);
        return `${mtimeMs} ${size} ${ino}`;
      } catch (error) {
        return String(error);
      }
    }),
  );
  return marks.join(', ');
}

async function readPem(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(
      `cannot read the file that ${setting} names (${file}): ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function parsed<Parsed>(setting: string, file: string, what: string, read: () => Parsed): Parsed {
  try {
    return read();
  } catch (error) {
    throw new Error(
      `the file that ${setting} names (${file}) holds ${what}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
