import { randomBytes, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromText, ownEntry, type Entry } from '../../src/supervisor/backup/entry.ts';
import { beginExtraction } from '../../src/supervisor/backup/extract-files.ts';
import type { Manifest } from '../../src/supervisor/backup/manifest.ts';
import { openArchive, verifyArchive } from '../../src/supervisor/backup/read-archive.ts';
import { beginArchive } from '../../src/supervisor/backup/write-archive.ts';
import { openDataFolder } from '../../src/supervisor/data-folder.ts';
import { lockSupervisor } from '../../src/supervisor/supervisor-lock.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { tablesOf } from '../store/content.ts';
import { isRoot, openBackupBed, withSmallDisk, type BackupBed } from './backup-bed.ts';

describe.runIf(requirePart('postgres'))('labkeeper restore', () => {
  let bed: BackupBed;
  let bytes: Buffer;
  beforeAll(async () => {
    bed = await openBackupBed();
    await mkdir(join(bed.data, 'volumes', 'notes'));
    await writeFile(join(bed.data, 'volumes', 'notes', 'page'), 'words');
    // Nothing that packs well: a restore takes long enough to be killed.
    await writeFile(join(bed.data, 'volumes', 'notes', 'photo'), randomBytes(30_000_000));
    expect(await bed.backup(bed.archive)).toMatchObject({ code: 0 });
    bytes = await readFile(bed.archive);
  });
  afterAll(async () => {
    await bed?.close();
  });

  /** Refused: the reason, after a look that nothing was touched. */
  const refusal = async (file: string): Promise<string> => {
    const { code, error, data, url } = await bed.restore(file);
    expect(code, error).toBe(1);
    expect(await stat(data).catch(() => 'absent')).toBe('absent');
    expect(await tablesOf(url)).toEqual([]);
    return error;
  };
  const write = async (name: string, content: Buffer): Promise<string> => {
    const file = join(bed.folder, name);
    await writeFile(file, content);
    return file;
  };

  it('proves an archive without touching anything', async () => {
    const { code, out, data } = await bed.restore(bed.archive, '--check', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ data: null, tables: expect.any(Number), files: 3 });
    expect(await stat(data).catch(() => 'absent')).toBe('absent');
  });

  it('refuses what is no backup, and a file that is not there', async () => {
    expect(await refusal(await write('thesis.pdf', Buffer.from('%PDF-1.7')))).toContain(
      'it is no backup of labkeeper',
    );
    expect(await refusal(await write('empty.tar.gz', Buffer.alloc(0)))).toMatch(
      /no backup|damaged/,
    );
    expect(await refusal(join(bed.folder, 'none.tar.gz'))).toContain('cannot read');
  });

  it('refuses an archive that was cut off, wherever', async () => {
    const half = await write('half.tar.gz', bytes.subarray(0, bytes.length / 2));
    expect(await refusal(half)).toContain('the archive is damaged (its end is missing)');
    for (const length of [
      1,
      20,
      300,
      5_000,
      bytes.length - 600,
      bytes.length - 8,
      bytes.length - 1,
    ]) {
      const cut = await write('cut.tar.gz', bytes.subarray(0, length));
      await expect(verifyArchive(cut), `${length} bytes`).rejects.toMatchObject({
        type: 'invalid',
      });
    }
  });

  it('refuses an archive with a changed byte, wherever', async () => {
    const flipped = (at: number) => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 0x10;
      return copy;
    };
    expect(await refusal(await write('flipped.tar.gz', flipped(bytes.length >> 1)))).toContain(
      'the archive is damaged',
    );
    const step = Math.floor(bytes.length / 12);
    for (let at = 30; at < bytes.length; at += step) {
      const changed = await write('changed.tar.gz', flipped(at));
      await expect(verifyArchive(changed), `byte ${at}`).rejects.toMatchObject({ type: 'invalid' });
    }
  });

  it('refuses a changed byte that its compression does not notice', async () => {
    const tar = gunzipSync(bytes);
    tar.write('lords', tar.indexOf('words'));
    expect(
      await refusal(await write('packed-again.tar.gz', gzipSync(tar, { level: 1 }))),
    ).toContain('the archive is damaged (its checksum is another one)');
  });

  it('refuses rows that are fewer than it promises', async () => {
    const { manifest, close } = await openArchive(bed.archive);
    await close();
    const file = join(bed.folder, 'fewer.tar.gz');
    const signal = new AbortController().signal;
    const archive = await beginArchive(createWriteStream(file), manifest, signal);
    await archive.finish({ rows: { apps: 6 }, sequences: [], files: 0, fileBytes: 0 });
    expect(await refusal(file)).toContain('0 rows of apps instead of 6');
  });

  it('refuses a backup of a newer program with a clear sentence', async () => {
    const { manifest, close } = await openArchive(bed.archive);
    await close();
    const newer = async (change: Partial<Manifest>): Promise<string> => {
      const file = join(bed.folder, `${randomUUID()}.tar.gz`);
      const signal = new AbortController().signal;
      const archive = await beginArchive(
        createWriteStream(file),
        { ...manifest, ...change },
        signal,
      );
      await archive.finish({ rows: {}, sequences: [], files: 0, fileBytes: 0 });
      return refusal(file);
    };
    expect(await newer({ format: 2 })).toContain(
      "its format is newer (version 2) than this program's (version 1); update labkeeper",
    );
    expect(await newer({ dataVersion: 99 })).toContain('its data folder is newer (version 99)');
    const migrations = [...manifest.migrations, '9999-future.sql'];
    expect(await newer({ migrations })).toMatch(
      /newer than the program.*9999-future\.sql; update labkeeper/,
    );
  });

  it('gives a host of another name what the old one had', async () => {
    const target = join(bed.folder, 'renamed');
    const env = { LABKEEPER_HOST_NAME: 'new-lab' };
    const args = ['restore', bed.archive, '--data', target];
    const options = { url: await bed.emptyDatabase(), env };
    expect(await bed.start(args, options).ended).toMatchObject({ code: 0, error: '' });
    expect(await readdir(join(target, 'hosts'))).toEqual(['new-lab']);
    const [notebooks] = await runSql(
      options.url,
      'SELECT host FROM volumes WHERE host IS NOT NULL',
    );
    expect(notebooks).toEqual({ host: 'new-lab' });
  });

  it('takes a backup that the first version made, and brings it forward', async () => {
    const first = join(import.meta.dirname, 'archives', 'format-1-schema-0001.tar.gz');
    const { code, error, data, url } = await bed.restore(first);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(await tablesOf(url)).toEqual(await tablesOf(bed.url));
    const apps = await runSql(url, 'SELECT name, spec_revision FROM apps ORDER BY name LIMIT 2');
    expect(apps).toEqual([
      { name: 'broken', spec_revision: 1 },
      { name: 'going', spec_revision: 1 },
    ]);
    const page = join(data, 'volumes', 'notes', 'page');
    expect(await readFile(page, 'utf8')).toBe('words of 2026\n');
    expect((await stat(page)).mode & 0o777).toBe(0o640);
  });

  it('refuses a folder that is not empty, whatever is in it', async () => {
    const { code, error } = await bed.start(['restore', bed.archive]).ended;
    expect({ code, error }).toEqual({
      code: 1,
      error: expect.stringContaining('it is not empty but holds the data of a labkeeper'),
    });
    const thesis = join(bed.folder, 'theses');
    await mkdir(thesis);
    await writeFile(join(thesis, 'thesis.tex'), '');
    const other = await bed.start(['restore', bed.archive, '--data', thesis]).ended;
    expect(other.error).toContain('it is not empty; choose an empty or a new folder');
    expect(await readdir(thesis)).toEqual(['thesis.tex']);
  });

  it('refuses a folder on which labkeeper runs', async () => {
    const run = join(bed.folder, 'busy', 'run');
    await mkdir(run, { recursive: true });
    const lock = await lockSupervisor(run);
    const { code, error } = await bed.start([
      'restore',
      bed.archive,
      '--data',
      join(bed.folder, 'busy'),
    ]).ended;
    await lock.release();
    expect({ code, error }).toEqual({
      code: 1,
      error: expect.stringContaining(`labkeeper runs on it (process ${process.pid})`),
    });
  });

  it('refuses a database that is not empty and leaves no trace in the folder', async () => {
    const target = join(bed.folder, 'no-room');
    const { code, error } = await bed.start(['restore', bed.archive, '--data', target]).ended;
    expect({ code, error }).toEqual({
      code: 1,
      error: expect.stringContaining('it is not empty; make a new one'),
    });
    expect(await stat(target).catch(() => 'absent')).toBe('absent');
  });

  it('refuses a path that leads out of the data folder, and a link on the way', async () => {
    const folder = join(bed.folder, 'extracted');
    const entry = (path: string, change: Partial<Entry> = {}): Entry => ({
      ...ownEntry(path, 0),
      ...change,
    });
    await mkdir(folder);
    for (const path of [
      '../out',
      '/etc/out',
      'a/../../out',
      'a//b',
      './a',
      'nul\0',
      'nowhere/file',
    ]) {
      const files = beginExtraction('x.tar.gz', folder);
      await expect(files.put(entry(path), one('')), path).rejects.toMatchObject({
        type: 'invalid',
      });
    }
    const files = beginExtraction('x.tar.gz', folder);
    await files.put(entry('door', { type: 'symlink', link: fromText('/etc') }), one(''));
    await expect(files.put(entry('door/passwd'), one(''))).rejects.toThrow(
      'nothing made the folder door',
    );
    await expect(files.put(entry('door'), one(''))).rejects.toMatchObject({ code: 'EEXIST' });
    const room = entry('door', { type: 'directory' });
    await expect(files.put(room, one(''))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readdir(folder)).toEqual(['door']);
  });

  it('is seen to be unfinished when it is killed, and a repeat clears and completes it', async () => {
    const target = join(bed.folder, 'killed');
    const url = await bed.emptyDatabase();
    const args = ['restore', bed.archive, '--data', target];
    const first = bed.start(args, { url });
    const photo = join(target, 'volumes', 'notes', 'photo');
    await eventually(async () => expect((await stat(photo)).size).toBeGreaterThan(1_000_000), {
      ...{ deadlineMs: 30_000, intervalMs: 1 },
    });
    first.child.kill('SIGKILL');
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL' });
    await expect(openDataFolder(target, 'local')).rejects.toThrow(
      'holds a restore that did not come to its end: repeat `labkeeper restore`',
    );
    const backup = await bed.start(['backup', join(bed.folder, 'y'), '--data', target], { url })
      .ended;
    expect(backup.error).toContain('it holds a restore that did not come to its end');
    await writeFile(join(target, 'left-over'), 'of the first try');
    await eventually(async () => expect(await tablesOf(url)).toEqual([]));

    expect(await bed.start(args, { url }).ended).toMatchObject({ code: 0, error: '' });
    expect((await readdir(target)).sort()).toEqual([
      'VERSION',
      'hosts',
      'run',
      'secrets',
      'volumes',
    ]);
    expect((await stat(photo)).size).toBe(30_000_000);
    expect((await openDataFolder(target, 'local')).fresh).toBe(false);
  });

  it('ends in order on a signal: folder and database are as empty as before', async () => {
    const target = join(bed.folder, 'interrupted');
    const url = await bed.emptyDatabase();
    const { child, ended } = bed.start(['restore', bed.archive, '--data', target], { url });
    const marker = join(target, 'RESTORING');
    await eventually(() => stat(marker), { deadlineMs: 30_000, intervalMs: 1 });
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 1, error: 'labkeeper: ended by SIGINT\n' });
    expect(await stat(target).catch(() => 'absent')).toBe('absent');
    await eventually(async () => expect(await tablesOf(url)).toEqual([]));
  });

  it('only puts the seal when it was cut off right after its commit', async () => {
    const target = join(bed.folder, 'sealed');
    const url = await bed.emptyDatabase();
    const args = ['restore', bed.archive, '--data', target];
    expect(await bed.start(args, { url }).ended).toMatchObject({ code: 0 });
    const [event] = await runSql(
      url,
      "SELECT data ->> 'restore' AS id FROM events WHERE entity = 'host/local' AND what = 'restored'",
    );
    const { contents } = await verifyArchive(bed.archive);
    const mark = { id: event?.['id'], sha256: contents.sha256 };
    await writeFile(join(target, 'RESTORING'), JSON.stringify(mark));
    await rm(join(target, 'VERSION'));
    expect(await bed.start(args, { url }).ended).toMatchObject({ code: 0, error: '' });
    expect((await readdir(target)).sort()).toEqual([
      'VERSION',
      'hosts',
      'run',
      'secrets',
      'volumes',
    ]);
  });

  it.runIf(isRoot)(
    'ends when the disk of the data folder is full, and leaves nothing on it',
    async () => {
      const full = join(bed.folder, 'full');
      await withSmallDisk(full, async () => {
        const options = { url: await bed.emptyDatabase() };
        const { code, error } = await bed.start(['restore', bed.archive, '--data', full], options)
          .ended;
        expect({ code, error }).toEqual({
          code: 1,
          error: expect.stringContaining('the disk there is full'),
        });
        expect(await readdir(full)).toEqual([]);
        expect(await tablesOf(options.url)).toEqual([]);
      });
    },
  );
});

async function* one(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
