import { lchown, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseUser } from './postgres-user.ts';

/** Included by `postgresql.conf`; written at each start. */
export const settingsFile = 'labkeeper.conf';

/**
 * Ours, and `settings` on top. Never through a link: the folder belongs to the database's user, and
 * we may be root.
 */
export async function writeSettings(
  folder: string,
  settings: Readonly<Record<string, string>>,
  user: DatabaseUser | null,
): Promise<void> {
  const file = join(folder, settingsFile);
  const fresh = `${file}.new`;
  const lines = Object.entries({ ...serverSettings, ...settings }).map(
    ([name, value]) => `${name} = ${value}\n`,
  );
  await rm(fresh, { force: true });
  await writeFile(
    fresh,
    `# Written at each start. Own choices: ALTER SYSTEM SET …\n${lines.join('')}`,
    { flag: 'wx', mode: 0o600 },
  );
  if (user !== null) await lchown(fresh, user.uid, user.gid);
  await rename(fresh, file);
}

/** For a machine that runs everything else too. `ALTER SYSTEM` overrides each. */
const serverSettings: Readonly<Record<string, string>> = {
  listen_addresses: "'127.0.0.1'",
  unix_socket_directories: "''",
  password_encryption: "'scram-sha-256'",
  max_connections: '100',
  shared_buffers: "'64MB'",
  work_mem: "'4MB'",
  maintenance_work_mem: "'32MB'",
  synchronous_commit: 'on',
  // Enough for a backup of the running server.
  wal_level: 'replica',
  max_wal_senders: '2',
  max_wal_size: "'256MB'",
  min_wal_size: "'32MB'",
  jit: 'off',
  // A transaction left open would hold back every reader of events.
  idle_in_transaction_session_timeout: "'60s'",
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  // Statements and rows may hold what people registered: only their failure is logged.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  timezone: "'UTC'",
  log_timezone: "'UTC'",
};
