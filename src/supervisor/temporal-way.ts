import { existsSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../model/failures.ts';
import { stopTemporal } from './temporal.ts';

/** How a data folder runs Temporal: a file and the development server, or databases and the server. */
export type TemporalWay = 'development' | 'production';

const developmentFile = 'temporal.db';

/** Where the production server has its configuration and logs; that it is there is the mark. */
export function productionFolder(temporalFolder: string): string {
  return join(temporalFolder, 'production');
}

/** What a data folder was begun with; null for one that never ran Temporal. */
export function wayOf(temporalFolder: string): TemporalWay | null {
  if (existsSync(productionFolder(temporalFolder))) return 'production';
  return existsSync(join(temporalFolder, developmentFile)) ? 'development' : null;
}

/**
 * Settles on a way before anything of Temporal starts. From development to production a folder
 * moves: its file is put aside, since the rows know what is wanted and what runs, and each app gets
 * a new workflow from its row, as after an operator's terminate. Back again is refused with
 * `conflict`: the development server keeps less safely what is there now. Idempotent.
 */
export async function settleWay(
  temporalFolder: string,
  wanted: TemporalWay,
  say: (sentence: string) => void,
): Promise<void> {
  const way = wayOf(temporalFolder);
  if (wanted === 'development') {
    if (way !== 'production') return;
    throw new LabError(
      'conflict',
      'cannot start the Temporal development server: this data folder runs Temporal on PostgreSQL since it was started with --production, which this start lacks; add --production, or choose another folder with --data',
    );
  }
  if (way === 'development') {
    say('  moving to the production set-up: apps stay as they are, their workflows start anew');
    await putAside(temporalFolder);
  }
  await mkdir(productionFolder(temporalFolder), { recursive: true, mode: 0o700 });
}

/** The file last: until it is moved, a repetition begins here again. */
async function putAside(temporalFolder: string): Promise<void> {
  await stopTemporal(temporalFolder);
  const aside = join(temporalFolder, 'development');
  await mkdir(aside, { recursive: true, mode: 0o700 });
  const names = (await readdir(temporalFolder)).filter((name) => name.startsWith(developmentFile));
  for (const name of names.sort().reverse()) {
    await rename(join(temporalFolder, name), join(aside, name));
  }
}
