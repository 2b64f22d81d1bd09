import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, realpath, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import { createLog } from '../../log.ts';
import { LabError } from '../../model/failures.ts';
import type { BackupDatabase } from '../../store/postgres/backup/session.ts';
import { isRestored } from '../../store/postgres/backup/settle.ts';
import { dataFolderAt, lookAtDataFolder, restoreMarker, sealDataFolder } from '../data-folder.ts';
import { startPostgres, stopPostgres } from '../postgres.ts';
import { systemFolder } from '../postgres-user.ts';
import { lockSupervisor } from '../supervisor-lock.ts';

/** An empty folder and an empty database, taken by one restore. */
export interface Destination {
  path: string;
  /** Of this restore. */
  id: string;
  database: BackupDatabase;
  /** An earlier try with the same archive was cut off between its last two acts: nothing is left to fill. */
  isRestored: boolean;
  /** Whatever was written is on disk: from here on it may count. */
  sync(): Promise<void>;
  /** It is whole: the folder is a data folder from here on. */
  seal(): Promise<void>;
  /** It will not be: the folder becomes as empty as it was. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

const log = createLog({ process: 'restore', level: 'silent' });

/**
 * Takes the folder, clears what a restore that was cut off left in it, and marks it: until the mark
 * goes, nothing takes it for a data folder, and a repeat knows that it may clear it. Starts a
 * database of its own in it unless the settings name one.
 */
export async function openDestination(
  path: string,
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
  sha256: string,
): Promise<Destination> {
  const isNew = (await mkdir(path, { recursive: true, mode: 0o755 })) !== undefined;
  const folder = dataFolderAt(path);
  await mkdir(folder.run, { recursive: true, mode: 0o700 });
  const lock = await lockSupervisor(folder.run);
  const url = environment['LABKEEPER_DATABASE_URL'];
  const named = url ? { url, passwordFile: config.LABKEEPER_DATABASE_PASSWORD_FILE } : null;
  let isOurs = false;
  const stopDatabase = async () => {
    if (named === null) await stopPostgres(folder.postgres, log);
  };
  const clear = async () => {
    await stopDatabase();
    await emptyFolder(path);
  };
  const close = async () => {
    await stopDatabase();
    await lock.release();
    const isFilled = (await lookAtDataFolder(path)) === 'data folder';
    if (isOurs && !isFilled) await removeTraces(path, isNew);
  };
  try {
    const left = await readMarker(path);
    if (left === null) await refuseOthers(path);
    isOurs = true;
    const id = left?.sha256 === sha256 ? left.id : randomUUID();
    const wasRestored = named !== null && left !== null && (await isRestored(named, id));
    if (!wasRestored) {
      if (left !== null) await clear();
      await writeMarker(path, { id, sha256 });
    }
    return {
      ...{ path, id, clear, close, isRestored: wasRestored },
      database: named ?? (await startOwn(folder)),
      async sync() {
        await promisify(execFile)('sync');
      },
      seal: () => sealDataFolder(path),
    };
  } catch (error) {
    if (isOurs) await clear();
    await close();
    throw error;
  }
}

async function startOwn({
  postgres,
  databasePassword: passwordFile,
}: ReturnType<typeof dataFolderAt>): Promise<BackupDatabase> {
  const { url } = await startPostgres({ folder: postgres, port: 0, passwordFile, log });
  return { url, passwordFile };
}

/** Somebody was faster than this restore. */
async function refuseOthers(path: string): Promise<void> {
  const names = (await readdir(path)).filter((name) => name !== 'run' && name !== 'lost+found');
  if (names.length > 0) {
    throw new LabError(
      'conflict',
      `cannot restore into ${path}: it is not empty any more (${names[0]}); choose an empty folder with --data`,
    );
  }
}

/** All but the mark and the lock. A database that lies elsewhere (see postgres-user.ts) goes too. */
async function emptyFolder(path: string): Promise<void> {
  const postgres = join(path, 'postgres');
  const real = await realpath(postgres).catch(() => postgres);
  if (real !== postgres && real.startsWith(`${systemFolder}/database-`)) {
    await rm(dirname(real), { recursive: true, force: true });
  }
  for (const name of await readdir(path)) {
    if (name === restoreMarker || name === 'run' || name === 'lost+found') continue;
    await rm(join(path, name), { recursive: true, force: true });
  }
}

/** After a failure; the folder is empty but for these. */
async function removeTraces(path: string, isNew: boolean): Promise<void> {
  await rm(join(path, 'run'), { recursive: true, force: true });
  await rm(join(path, restoreMarker), { force: true });
  if (isNew) await rmdir(path);
}

const markerSchema = z.object({ id: z.uuid(), sha256: z.string() });
type Marker = z.infer<typeof markerSchema>;

/** Null when nothing is marked. A mark that cannot be read is one of an unknown restore. */
async function readMarker(path: string): Promise<Marker | null> {
  const unknown = { id: randomUUID(), sha256: '' };
  try {
    const text = await readFile(join(path, restoreMarker), 'utf8');
    return markerSchema.safeParse(JSON.parse(text)).data ?? unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return unknown;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

async function writeMarker(path: string, marker: Marker): Promise<void> {
  const fresh = join(path, 'run', restoreMarker);
  await writeFile(fresh, JSON.stringify(marker), { mode: 0o600 });
  await rename(fresh, join(path, restoreMarker));
}
