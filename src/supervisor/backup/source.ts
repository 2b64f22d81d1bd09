import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { createLog } from '../../log.ts';
import { LabError } from '../../model/failures.ts';
import type { BackupDatabase } from '../../store/postgres/backup/session.ts';
import { readAddresses } from '../addresses.ts';
import { dataFolderAt, lookAtDataFolder } from '../data-folder.ts';
import { startPostgres, stopPostgres } from '../postgres.ts';
import { findSupervisor, lockSupervisor } from '../supervisor-lock.ts';

export interface Source {
  database: BackupDatabase;
  close(): Promise<void>;
}

/**
 * The database that belongs to the data folder: the one the settings name, the one that `labkeeper
 * up` runs, or our own, started for as long as it is needed when labkeeper does not run. Throws `invalid`
 * when there is no data to back up.
 */
export async function openSource(
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
  path: string,
): Promise<Source> {
  const external = environment['LABKEEPER_DATABASE_URL'];
  await refuseNoData(path, Boolean(external));
  const passwordFile = config.LABKEEPER_DATABASE_PASSWORD_FILE;
  if (external) return { database: { url: external, passwordFile }, close: async () => undefined };
  const folder = dataFolderAt(path);
  const supervisor = await findSupervisor(folder.run);
  const addresses = supervisor === null ? null : await readAddresses(folder.run);
  if (addresses !== null) {
    const isOurs = await exists(join(folder.postgres, 'PG_VERSION'));
    const known = passwordFile ?? (isOurs ? folder.databasePassword : undefined);
    const database = { url: addresses.databaseUrl, passwordFile: known };
    return { database, close: async () => undefined };
  }
  if (!(await exists(join(folder.postgres, 'PG_VERSION')))) {
    throw new LabError(
      'invalid',
      `cannot back up ${path}: it has no database; name the one it belongs to with LABKEEPER_DATABASE_URL`,
    );
  }
  return openStopped(folder);
}

/** Nobody else starts it meanwhile. */
async function openStopped(folder: ReturnType<typeof dataFolderAt>): Promise<Source> {
  const lock = await lockSupervisor(folder.run);
  try {
    const log = createLog({ process: 'backup', level: 'silent' });
    const { databasePassword: passwordFile, postgres } = folder;
    const running = await startPostgres({ folder: postgres, port: 0, passwordFile, log });
    return {
      database: { url: running.url, passwordFile },
      async close() {
        if (!running.adopted) await stopPostgres(postgres, log);
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function refuseNoData(path: string, isExternal: boolean): Promise<void> {
  const found = await lookAtDataFolder(path);
  // Where no `labkeeper up` makes the folder, its processes just use it.
  if (found === 'data folder' || (found === 'something else' && isExternal)) return;
  const why: Readonly<Record<typeof found, string>> = {
    nothing: 'there is nothing in it',
    'unfinished restore': 'it holds a restore that did not come to its end',
    'something else': 'it is no data folder of labkeeper',
  };
  throw new LabError(
    'invalid',
    `cannot back up ${path}: ${why[found]}; name the data folder with --data`,
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
