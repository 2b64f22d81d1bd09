import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeKeyFile } from '../../src/store/key-file/key-file.ts';

/** A key file of one's own. */
export async function temporaryKeyFile(): Promise<{ file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'labkeeper-key-'));
  const file = join(folder, 'encryption-key');
  await makeKeyFile(file);
  return { file, remove: () => rm(folder, { recursive: true, force: true }) };
}
