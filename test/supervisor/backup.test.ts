import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmod,
  chown,
  lstat,
  lutimes,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { isRoot, openBackupBed, withSmallDisk, type BackupBed } from './backup-bed.ts';

const run = promisify(execFile);

describe.runIf(requirePart('postgres'))('labkeeper backup', () => {
  let bed: BackupBed;
  const volume = (...names: string[]) => join(bed.data, 'volumes', ...names);
  beforeAll(async () => {
    bed = await openBackupBed();
  });
  afterAll(async () => {
    await bed?.close();
  });
  const partials = async () =>
    (await readdir(bed.folder)).filter((name) => name.includes('partial'));

  it('takes rows and files, and a restore into an empty folder gives them back as they were', async () => {
    const latin = Buffer.from([0x66, 0xfc, 0x72]);
    const longName = `${'ein-langer-name-'.repeat(14)}.txt`;
    await mkdir(volume('notes', 'leer'), { recursive: true });
    await writeFile(volume('notes', 'run.sh'), '#!/bin/sh\n', { mode: 0o750 });
    await writeFile(volume('notes', longName), 'long');
    await writeFile(volume('notes', '二つ\nの行'), 'two lines');
    await writeFile(Buffer.concat([Buffer.from(`${volume('notes')}/`), latin]), 'no UTF-8');
    await symlink('../../secrets/key', volume('notes', 'link'));
    await symlink(latin, volume('notes', 'odd-link'));
    await writeFile(volume('notes', 'sparse'), 'begin');
    await truncate(volume('notes', 'sparse'), 300_000_000);
    await chmod(volume('notes', 'leer'), 0o3770);
    if (isRoot) {
      await chown(volume('notes', 'run.sh'), 1_234_567_890, 2_234_567);
      await chown(volume('notes', 'leer'), 1000, 1001);
      await chmod(volume('notes', 'leer'), 0o3770);
    }
    const then = new Date('2020-01-02T03:04:05Z');
    await utimes(volume('notes', 'run.sh'), then, then);
    await lutimes(volume('notes', 'link'), then, then);
    await utimes(volume('notes', 'leer'), then, then);
    await utimes(volume('notes'), then, then);

    const made = await bed.backup(bed.archive, '--json');
    expect(made).toMatchObject({ code: 0, error: '' });
    expect((await stat(bed.archive)).mode & 0o777).toBe(0o600);
    expect(await partials()).toEqual([]);
    const restored = await bed.restore(bed.archive);
    expect(restored).toMatchObject({ code: 0, error: '' });

    const there = (...names: string[]) => join(restored.data, 'volumes', ...names);
    expect(
      (await readdir(there('notes'), 'buffer')).map((name) => name.toString('hex')).sort(),
    ).toEqual(
      (await readdir(volume('notes'), 'buffer')).map((name) => name.toString('hex')).sort(),
    );
    for (const name of ['run.sh', 'leer', 'link', longName, '.']) {
      const [before, after] = [
        await lstat(volume('notes', name)),
        await lstat(there('notes', name)),
      ];
      for (const fact of ['mode', 'uid', 'gid'] as const)
        expect(after[fact], name).toBe(before[fact]);
      expect(Math.floor(after.mtimeMs / 1000), name).toBe(Math.floor(before.mtimeMs / 1000));
    }
    expect(await readFile(Buffer.concat([Buffer.from(`${there('notes')}/`), latin]), 'utf8')).toBe(
      'no UTF-8',
    );
    expect(await readlink(there('notes', 'odd-link'), 'buffer')).toEqual(latin);
    expect(await readFile(join(restored.data, 'secrets', 'key'), 'utf8')).toBe('a key\n');
    const sparse = await stat(there('notes', 'sparse'));
    expect(sparse.size).toBe(300_000_000);
    expect(sparse.blocks * 512).toBeLessThan(1_000_000);
    expect((await readFile(there('notes', 'sparse'))).subarray(0, 6).toString()).toBe('begin\0');

    expect((await readdir(restored.data)).sort()).toEqual([
      'VERSION',
      'hosts',
      'run',
      'secrets',
      'volumes',
    ]);
    expect(await readdir(join(restored.data, 'hosts', 'local'))).toEqual([]);
    const counted = JSON.parse(made.out) as { rows: number; files: number };
    expect(counted.files).toBeGreaterThanOrEqual(6);
    const apps = await runSql(restored.url, 'SELECT count(*)::integer AS count FROM apps');
    expect(apps).toEqual([{ count: 6 }]);
  });

  it('is an archive that ordinary tools read', async () => {
    const file = join(bed.folder, 'ordinary.tar.gz');
    expect(await bed.backup(file)).toMatchObject({ code: 0 });
    const { stdout } = await run('tar', ['tzf', file]);
    const names = stdout.trim().split('\n');
    expect(names[0]).toBe('backup.json');
    expect(names.at(-1)).toBe('contents.json');
    expect(names).toContain('rows/apps/000001.copy');
    expect(names).toContain('files/secrets/key');
  });

  it('writes to standard output with its words beside', async () => {
    const file = join(bed.folder, 'piped.tar.gz');
    const handle = await open(file, 'w');
    const { code, error } = await bed.start(['backup', '-'], {
      stdio: ['ignore', handle.fd, 'pipe'],
    }).ended;
    await handle.close();
    expect({ code, error }).toEqual({ code: 0, error: expect.stringContaining('Backed up') });
    expect(await bed.restore(file, '--check')).toMatchObject({ code: 0 });
  });

  it('fails when nobody reads the pipe that it writes to', async () => {
    await writeFile(volume('filling'), randomBytes(4_000_000));
    const { child, ended } = bed.start(['backup', '-']);
    child.stdout?.destroy();
    expect(await ended).toMatchObject({
      code: 1,
      error: expect.stringContaining('whoever read it has ended'),
    });
  });

  it('never touches what has its name already', async () => {
    const file = join(bed.folder, 'thesis.tar.gz');
    await writeFile(file, 'three years of work');
    const { code, error } = await bed.backup(file);
    expect({ code, error }).toEqual({
      code: 1,
      error: expect.stringContaining('something has that name already'),
    });
    expect(await readFile(file, 'utf8')).toBe('three years of work');
  });

  it('refuses a place in the data folder, one that does not exist, and a folder without data', async () => {
    const refused = async (file: string, ...more: string[]) => {
      const { code, error } = await bed.backup(file, ...more);
      expect(code).toBe(1);
      return error;
    };
    expect(await refused(join(bed.data, 'shared.tar.gz'))).toContain('it lies in the data folder');
    expect(await refused(join(bed.folder, 'none', 'lab.tar.gz'))).toContain(
      'its folder does not exist',
    );
    const nothing = join(bed.folder, 'nothing');
    expect(await refused(join(bed.folder, 'x'), '--data', nothing)).toContain(
      'there is nothing in it',
    );
  });

  it('does not copy itself when it is sent into the data folder', async () => {
    const handle = await open(volume('self.tar.gz'), 'w');
    const { code } = await bed.start(['backup', '-'], { stdio: ['ignore', handle.fd, 'pipe'] })
      .ended;
    await handle.close();
    expect(code).toBe(0);
    const { stdout } = await run('tar', ['tzf', volume('self.tar.gz')]);
    expect(stdout).not.toContain('self.tar.gz');
    await rm(volume('self.tar.gz'));
  });

  it('says what it left out, and what became shorter while it was read', async () => {
    const server = createServer().listen(volume('socket'));
    await once(server, 'listening');
    const { code, out } = await bed.backup(join(bed.folder, 'noted.tar.gz'));
    server.close();
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringContaining('1 sockets, pipes and devices were left out'),
    });
  });

  it('names files of the settings that lie elsewhere, since they are not in it', async () => {
    const env = {
      LABKEEPER_ENCRYPTION_KEY_FILE: '/etc/lab/key',
      LABKEEPER_INTERNAL_TOKEN_FILE: join(bed.data, 'secrets', 'internal-token'),
    };
    const args = ['backup', join(bed.folder, 'elsewhere.tar.gz'), '--json'];
    const { out } = await bed.start(args, { env }).ended;
    expect((JSON.parse(out) as { notes: string[] }).notes).toEqual([
      '/etc/lab/key, which LABKEEPER_ENCRYPTION_KEY_FILE names, lies outside of the data folder: keep a copy of it too',
    ]);
  });

  it.runIf(isRoot)('leaves nothing behind when the disk is full', async () => {
    const small = join(bed.folder, 'small');
    await withSmallDisk(small, async () => {
      const { code, error } = await bed.backup(join(small, 'lab.tar.gz'));
      expect({ code, error }).toEqual({
        code: 1,
        error: expect.stringMatching(/the disk there is full; free some space/),
      });
      expect(await readdir(small)).toEqual([]);
    });
  });

  it('leaves no half file under its name when it is killed, and a repeat clears what is left', async () => {
    const file = join(bed.folder, 'killed.tar.gz');
    await writeFile(volume('large'), randomBytes(200_000_000));
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const { child, ended } = bed.start(['backup', file]);
      const partial = join(bed.folder, `.killed.tar.gz.${child.pid}.partial`);
      await eventually(async () => expect((await stat(partial)).size).toBeGreaterThan(100_000), {
        deadlineMs: 30_000,
        intervalMs: 2,
      });
      child.kill(signal);
      const end = await ended;
      expect(await readdir(bed.folder)).not.toContain('killed.tar.gz');
      expect(await partials()).toHaveLength(signal === 'SIGKILL' ? 1 : 0);
      if (signal === 'SIGTERM')
        expect(end).toMatchObject({ code: 1, error: 'labkeeper: ended by SIGTERM\n' });
    }
    await rm(volume('large'));
    expect(await bed.backup(file)).toMatchObject({ code: 0 });
    expect(await partials()).toEqual([]);
  });
});
