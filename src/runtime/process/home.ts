import { asStorageFull } from '../../model/storage-full.ts';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../model/failures.ts';
import type { Log } from '../../log.ts';
import { exitedFolder } from './records.ts';
import { shimText } from './shim-text.ts';

/** The folder of all instances of one host, and what its instances share. */
export interface Home {
  installation: string;
  folder: string;
  basePortHint: number | undefined;
  log: Log | undefined;
}

const archiveFolder = '.logs';
const programFolder = '.shim';
const rubbishPrefix = '.removed-';
export const namePattern = /^[a-z0-9][a-z0-9-]{0,99}$/;

/** Makes what is missing and clears what a crash left half removed. Idempotent. */
export function prepareHome(home: Home): void {
  for (const folder of [exitedFolder, archiveFolder, programFolder]) {
    mkdirSync(join(home.folder, folder), { recursive: true, mode: 0o700 });
  }
  for (const name of readdirSync(home.folder)) {
    if (name.startsWith(rubbishPrefix)) rmSync(join(home.folder, name), { recursive: true });
  }
  const file = shimFile(home);
  if (existsSync(file)) return;
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, shimText, { mode: 0o600 });
  renameSync(draft, file);
}

/**
 * The shim lies in the data folder under a name made of its content: an upgrade never changes a
 * program that is about to be started.
 */
export function shimFile(home: Home): string {
  const digest = createHash('sha256').update(shimText).digest('hex').slice(0, 12);
  return join(home.folder, programFolder, `${digest}.cjs`);
}

/** The folder of one instance. Throws `invalid` for what cannot be a folder's name. */
export function instanceFolder(home: Home, name: string): string {
  if (!namePattern.test(name)) {
    throw new LabError(
      'invalid',
      `cannot use ${JSON.stringify(name)} as the name of an instance: use 1 to 100 lower-case letters, digits and hyphens`,
    );
  }
  return join(home.folder, name);
}

/** Where the log of an instance that was removed is kept. */
export function archivedLogFolder(home: Home, name: string): string {
  instanceFolder(home, name);
  return join(home.folder, archiveFolder, name);
}

/** A name beside it that no reader takes for an instance. */
export function rubbishFolder(home: Home, name: string): string {
  return join(home.folder, `${rubbishPrefix}${name}-${process.hrtime.bigint()}`);
}

/** Throws `storage_full` for want of space and what was thrown otherwise. */
export function withStorage<Result>(what: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    throw asStorageFull(error, what, 'the disk of the data folder');
  }
}
