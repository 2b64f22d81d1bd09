import { chmod, chown, copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import {
  startPostgres,
  stopPostgres,
  type RunningPostgres,
} from '../../src/supervisor/postgres.ts';
import type { Authority } from './certificates.ts';

/**
 * A server of the test's own in `<folder>/postgres` that also speaks TLS: as `localhost`, with a
 * certificate of `authority`, which it also asks about clients. `stopPostgres` ends it.
 */
export async function startEncryptedPostgres(
  folder: string,
  authority: Authority,
  passwordFile: string,
): Promise<RunningPostgres> {
  const data = join(folder, 'postgres');
  const start = (settings: Record<string, string>) =>
    startPostgres({
      ...{ folder: data, port: 0, passwordFile, settings },
      log: pino({ level: 'silent' }),
    });
  await start({});
  await stopPostgres(data);
  const own = await authority.sign('database', ['DNS:localhost']);
  await giveTo(data, own.certFile, 'server.crt');
  await giveTo(data, own.keyFile, 'server.key');
  await giveTo(data, authority.certFile, 'clients.crt');
  return start({ ssl: 'on', ssl_ca_file: "'clients.crt'" });
}

/** PostgreSQL takes only a key that is its own. */
async function giveTo(data: string, file: string, name: string): Promise<void> {
  const copy = join(data, name);
  await copyFile(file, copy);
  await chmod(copy, 0o600);
  const { uid, gid } = await stat(join(data, 'PG_VERSION'));
  await chown(copy, uid, gid);
}
