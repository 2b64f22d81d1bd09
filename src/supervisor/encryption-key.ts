import { join, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { addKey, readKeyFile } from '../store/key-file/key-file.ts';

/** The key that seals: its id, and the file of this machine that holds it. */
interface CurrentKey {
  file: string;
  keyId: string;
}

export async function currentEncryptionKey(config: Config): Promise<CurrentKey> {
  const file = encryptionKeyFile(config);
  return { file, keyId: (await readKeyFile(file))[0]?.id ?? '' };
}

/** Puts a new key first. Only the last one is kept beside it: seal everything under that before. */
export async function addEncryptionKey(config: Config): Promise<CurrentKey> {
  const file = encryptionKeyFile(config);
  return { file, keyId: await addKey(file) };
}

/** The one that is set, or that of the data folder. */
export function encryptionKeyFile(config: Config): string {
  const own = join(resolve(config.LABKEEPER_DATA), 'secrets', 'encryption-key');
  return config.LABKEEPER_ENCRYPTION_KEY_FILE ?? own;
}
