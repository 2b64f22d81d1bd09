import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { loadConfig } from '../config.ts';
import { createLog } from '../log.ts';
import { makeKeyFile } from '../store/key-file/key-file.ts';
import { migrate } from '../store/postgres/migrate.ts';
import { temporalConnection } from '../temporal-connection.ts';
import { prepareNamespace } from './temporal-namespace.ts';

/**
 * An entry: brings the database and the Temporal namespace that the settings name to this program's
 * version, makes the key for secrets where its file is not there yet, and ends. Run before the processes where no `labkeeper up` does it. Idempotent.
 */
const config = loadConfig(process.env);
const log = createLog({ process: 'prepare', level: config.LABKEEPER_LOG_LEVEL });
const passwordFile = config.LABKEEPER_DATABASE_PASSWORD_FILE;
const keyFile = config.LABKEEPER_ENCRYPTION_KEY_FILE;

try {
  if (keyFile !== undefined) {
    await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
    await makeKeyFile(keyFile);
  }
  const { applied } = await migrate(
    config.LABKEEPER_DATABASE_URL,
    passwordFile === undefined ? {} : { passwordFile },
  );
  log.info({ applied }, 'the database is prepared');
  await prepareNamespace({
    connection: temporalConnection(config),
    namespace: config.TEMPORAL_NAMESPACE,
    deadlineMs: 60_000,
  });
  log.info('Temporal is prepared');
} catch (error) {
  log.fatal({ err: error }, 'cannot prepare');
  process.exitCode = 1;
}
