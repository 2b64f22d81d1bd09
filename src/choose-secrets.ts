import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SecretSources } from './activities/app-secrets.ts';
import type { Config } from './config.ts';
import { keyFileSealer } from './store/key-file/sealer.ts';
import type { Sealer } from './store/secret-ports.ts';

/** Seals and opens by the settings; null where no key is set up. Throws when its file is no good. */
export async function chooseSealer(config: Config): Promise<Sealer | null> {
  const file = config.LABKEEPER_ENCRYPTION_KEY_FILE;
  if (file === undefined) return null;
  const sealer = keyFileSealer(file);
  await sealer.currentKeyId();
  return sealer;
}

/** Where secrets of this host come from. Throws when apps could name the secrets of labkeeper itself. */
export async function chooseSecretSources(
  config: Config,
  variables: ReadonlyMap<string, string>,
): Promise<SecretSources> {
  const folder = config.LABKEEPER_SECRETS_DIR ?? null;
  if (folder !== null) await refuseOwnSecrets(config, folder);
  const sealer = await chooseSealer(config);
  return { sealer, folder, variables, maxBytes: config.LABKEEPER_MAX_SECRET_BYTES };
}

const ownFiles = [
  'LABKEEPER_ENCRYPTION_KEY_FILE',
  'LABKEEPER_INTERNAL_TOKEN_FILE',
  'LABKEEPER_DATABASE_PASSWORD_FILE',
] as const;

async function refuseOwnSecrets(config: Config, folder: string): Promise<void> {
  const shared = await realOf(folder);
  for (const setting of ownFiles) {
    const file = config[setting];
    if (file === undefined) continue;
    const places = [dirname(file), dirname(await realOf(file))];
    for (const place of await Promise.all(places.map(realOf))) {
      // A space is a folder below, so files there can be named too.
      if (place !== shared && dirname(place) !== shared) continue;
      throw new Error(
        `cannot start: LABKEEPER_SECRETS_DIR (${folder}) holds the file of ${setting}, which apps could then read. Give apps a folder of their own`,
      );
    }
  }
}

/** As it is when it is not there. */
async function realOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
