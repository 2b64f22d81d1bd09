import { execFile } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** A name that no volume can have, since it is no DNS label. */
const rubbishOf = (name: string): string => `.removed-${name}`;

/**
 * Out of sight in one step, then gone. By the system's own `rm`, which goes down by open folders: an
 * app that still runs and puts a link in the place of a folder cannot lead it elsewhere. What an
 * earlier try left is erased too.
 */
export async function removeFolder(folder: string, name: string, isThere: boolean): Promise<void> {
  const rubbish = join(folder, rubbishOf(name));
  await erase(rubbish);
  if (!isThere) return;
  await rename(join(folder, name), rubbish);
  await erase(rubbish);
}

async function erase(path: string): Promise<void> {
  try {
    await run('rm', ['-rf', '--', path], { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } });
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const [words = ''] = stderr.split('\n');
    throw new Error(words === '' ? String(error) : words, { cause: error });
  }
}
