import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseSealer, chooseSecretSources } from '../../src/choose-secrets.ts';
import { loadConfig } from '../../src/config.ts';
import { makeKeyFile } from '../../src/store/key-file/key-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'labkeeper-choose-'));
  for (const name of ['own', 'apps']) await mkdir(join(folder, name));
  await makeKeyFile(join(folder, 'own', 'key'));
  await writeFile(join(folder, 'own', 'token'), 'internal');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sourcesOf = (secretsFolder: string) =>
  chooseSecretSources(
    loadConfig({
      LABKEEPER_SECRETS_DIR: join(folder, secretsFolder),
      LABKEEPER_ENCRYPTION_KEY_FILE: join(folder, 'own', 'key'),
      LABKEEPER_INTERNAL_TOKEN_FILE: join(folder, 'own', 'token'),
    }),
    new Map(),
  );

describe('where secrets of a host come from', () => {
  it('is the folder that is set, when it holds nothing of labkeeper itself', async () => {
    expect(await sourcesOf('apps')).toMatchObject({ folder: join(folder, 'apps') });
    // A folder that comes later is no mistake.
    expect(await sourcesOf('absent')).toMatchObject({ folder: join(folder, 'absent') });
  });

  it('is never a folder by which apps could name the key or the internal secret', async () => {
    await symlink(join(folder, 'own'), join(folder, 'alias'));
    for (const name of ['own', 'alias', '.']) {
      await expect(sourcesOf(name)).rejects.toThrow('Give apps a folder of their own');
    }
  });

  it('says at the start when the key file is no good, and starts without one', async () => {
    const settings = { LABKEEPER_ENCRYPTION_KEY_FILE: join(folder, 'none') };
    await expect(chooseSealer(loadConfig(settings))).rejects.toThrow(join(folder, 'none'));
    expect(await chooseSealer(loadConfig({}))).toBeNull();
  });
});
