import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataVersion, openDataFolder } from '../../src/supervisor/data-folder.ts';

describe('openDataFolder', () => {
  let parent: string;
  let path: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'labkeeper-data-'));
    path = join(parent, 'data');
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it('makes the folder with its version, rooms and a secret nobody else reads', async () => {
    const folder = await openDataFolder(path, 'lab-1');
    expect(folder.fresh).toBe(true);
    expect((await readFile(join(path, 'VERSION'), 'utf8')).trim()).toBe(String(dataVersion));
    expect(await readdir(join(path, 'hosts', 'lab-1'))).toEqual(['apps', 'jobs']);
    expect((await stat(folder.internalToken)).mode & 0o777).toBe(0o600);
  });

  it('opens it again and leaves the secret alone', async () => {
    const first = await openDataFolder(path, 'local');
    const secret = await readFile(first.internalToken, 'utf8');
    const second = await openDataFolder(path, 'local');
    expect(second.fresh).toBe(false);
    expect(await readFile(second.internalToken, 'utf8')).toBe(secret);
  });

  it('goes on where the first start was interrupted', async () => {
    await mkdir(path);
    await writeFile(join(path, 'VERSION.new'), '');
    await expect(openDataFolder(path, 'local')).resolves.toMatchObject({ fresh: true });
  });

  it('refuses data that a newer program wrote', async () => {
    await mkdir(path);
    await writeFile(join(path, 'VERSION'), `${dataVersion + 1}\n`);
    await expect(openDataFolder(path, 'local')).rejects.toThrow(
      `is newer (version ${dataVersion + 1}) than this program (version ${dataVersion}): update labkeeper`,
    );
    expect(await readdir(path)).toEqual(['VERSION']);
  });

  it('refuses a folder that belongs to something else', async () => {
    await mkdir(path);
    await writeFile(join(path, 'thesis.tex'), '');
    await expect(openDataFolder(path, 'local')).rejects.toThrow('is no data folder of labkeeper');
    expect(await readdir(path)).toEqual(['thesis.tex']);
  });

  it('says what to do when a file has its name', async () => {
    await writeFile(path, '');
    await expect(openDataFolder(path, 'local')).rejects.toThrow(
      /cannot use the data folder .*: .*choose another folder with --data/,
    );
  });
});
