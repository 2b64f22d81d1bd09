import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { volumeFolders } from '../../src/runtime/volume-folders/index.ts';
import type { VolumeFolders } from '../../src/runtime/volumes.ts';
import { eventually } from '../beds/eventually.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

describe('the folders of volumes', () => {
  let parent: string;
  let folder: string;
  let volumes: VolumeFolders;
  beforeAll(() => {
    parent = mkdtempSync(join(tmpdir(), 'labkeeper-volumes-'));
    folder = join(parent, 'volumes');
    volumes = volumeFolders({ folder });
  });
  afterAll(() => rmSync(parent, { recursive: true, force: true }));

  const never = new AbortController().signal;
  const made = (name: string, forContainers = false) =>
    volumes.ensure(name, { isNew: true, forContainers });
  const measure = (name: string) => volumes.measure(name, never);

  /** Takes the whole archive into a file, and gives the folder it was unpacked to. */
  const unpacked = async (name: string): Promise<string> => {
    const pieces = await volumes.archive(name, never);
    const chunks: Uint8Array[] = [];
    for await (const chunk of pieces ?? []) chunks.push(chunk);
    const target = mkdtempSync(join(parent, 'unpacked-'));
    const tar = spawnSync('tar', ['-x', '-C', target], { input: Buffer.concat(chunks) });
    expect(tar.stderr.toString()).toBe('');
    return join(target, name);
  };

  describe('are made', () => {
    it('once, for nobody but labkeeper and the containers that are given them', async () => {
      const path = await made('plain');
      writeFileSync(join(path, 'note'), 'kept');
      expect(await made('plain')).toBe(path);
      expect(readFileSync(join(path, 'note'), 'utf8')).toBe('kept');
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect(statSync(path).mode & 0o777).toBe(0o700);
      await made('plain', true);
      expect(statSync(path).mode & 0o777).toBe(0o777);
    });

    it('by many at once without harm', async () => {
      const paths = await Promise.all(Array.from({ length: 10 }, () => made('crowd')));
      expect(new Set(paths)).toEqual(new Set([join(folder, 'crowd')]));
    });

    it('never empty in the place of one that held something', async () => {
      await expect(
        volumes.ensure('lost', { isNew: false, forContainers: false }),
      ).rejects.toMatchObject({
        type: 'start_refused',
        message: expect.stringContaining(join(folder, 'lost')),
      });
      expect(existsSync(join(folder, 'lost'))).toBe(false);
    });

    it.each(['../secrets', '..', '.', '', 'a/b', '/etc', 'UPPER', 'x\0y', '.removed-x'])(
      'not under the name %j',
      async (name) => {
        const invalid = { type: 'invalid' };
        await expect(made(name)).rejects.toMatchObject(invalid);
        await expect(measure(name)).rejects.toMatchObject(invalid);
        await expect(volumes.archive(name, never)).rejects.toMatchObject(invalid);
        await expect(volumes.remove(name)).rejects.toMatchObject(invalid);
      },
    );

    it('not through a link or a file that has their name', async () => {
      const secrets = join(parent, 'secrets');
      mkdirSync(secrets);
      writeFileSync(join(secrets, 'token'), 'secret');
      symlinkSync(secrets, join(folder, 'linked'));
      writeFileSync(join(folder, 'filed'), '');
      for (const name of ['linked', 'filed']) {
        await expect(made(name)).rejects.toMatchObject({ type: 'start_refused' });
        await expect(volumes.archive(name, never)).rejects.toThrow(/is no folder/);
        await expect(volumes.remove(name)).rejects.toThrow(/is no folder/);
      }
      expect(existsSync(join(secrets, 'token'))).toBe(true);
    });
  });

  describe('are measured', () => {
    it('as the disk gives room out, each file once, links as links', async () => {
      const path = await made('measured');
      mkdirSync(join(path, 'deep', 'er'), { recursive: true });
      writeFileSync(join(path, 'deep', 'er', 'big'), Buffer.alloc(MiB, 1));
      linkSync(join(path, 'deep', 'er', 'big'), join(path, 'same'));
      symlinkSync('/usr', join(path, 'elsewhere'));
      writeFileSync(join(path, 'sparse'), '');
      truncateSync(join(path, 'sparse'), 100 * MiB);
      const { sizeBytes, fileCount, whole } = (await measure('measured')) ?? {};
      expect({ fileCount, whole }).toEqual({ fileCount: 4, whole: true });
      expect(sizeBytes).toBeGreaterThanOrEqual(MiB);
      expect(sizeBytes).toBeLessThan(MiB + 100 * KiB);
    });

    it('up to a bound, and say that there is more', async () => {
      const path = await made('crowded');
      for (let at = 0; at < 30; at += 1) writeFileSync(join(path, String(at)), 'x');
      const bounded = volumeFolders({ folder, maxEntries: 10 });
      expect(await bounded.measure('crowded', never)).toMatchObject({
        fileCount: 10,
        whole: false,
      });
      expect(await measure('crowded')).toMatchObject({ fileCount: 30, whole: true });
    });

    it('not when there is none, and not further when nobody wants to know any more', async () => {
      expect(await measure('absent')).toBeNull();
      await expect(volumes.measure('crowded', AbortSignal.abort())).rejects.toThrow(/abort/);
    });

    it('while files come and go', async () => {
      const path = await made('restless');
      let goesOn = true;
      const churn = (async () => {
        for (let at = 0; goesOn; at += 1) {
          const sub = join(path, `d${at % 7}`);
          mkdirSync(sub, { recursive: true });
          writeFileSync(join(sub, 'f'), 'x');
          rmSync(sub, { recursive: true });
          await new Promise((done) => setImmediate(done));
        }
      })();
      for (let at = 0; at < 50; at += 1) await measure('restless');
      goesOn = false;
      await churn;
    });
  });

  describe('are archived', () => {
    it('whole: names, modes, times, empty folders, and links as links that are never followed', async () => {
      const path = await made('archived');
      const long = 'n'.repeat(200);
      mkdirSync(join(path, 'empty'));
      mkdirSync(join(path, 'Übung ü'));
      writeFileSync(join(path, 'Übung ü', long), Buffer.alloc(300 * KiB, 7), { mode: 0o640 });
      writeFileSync(join(parent, 'outside'), 'not yours');
      symlinkSync('../../outside', join(path, 'escape'));
      symlinkSync(parent, join(path, 'folder-link'));
      const server = createServer().listen(join(path, 'socket'));
      await eventually(async () => expect(existsSync(join(path, 'socket'))).toBe(true));
      try {
        const copy = await unpacked('archived');
        expect(readdirSync(copy).sort()).toEqual(
          ['empty', 'escape', 'folder-link', 'Übung ü'].sort(),
        );
        const file = join(copy, 'Übung ü', long);
        expect(readFileSync(file).equals(Buffer.alloc(300 * KiB, 7))).toBe(true);
        expect(statSync(file).mode & 0o777).toBe(0o640);
        const listed = spawnSync('ls', ['-l', copy], { encoding: 'utf8' }).stdout;
        expect(listed).toContain('escape -> ../../outside');
        expect(listed).toContain(`folder-link -> ${parent}`);
      } finally {
        server.close();
      }
    });

    it('never with what lies outside, however folders turn into links meanwhile', async () => {
      const path = await made('hostile');
      const outside = join(parent, 'treasure');
      mkdirSync(outside);
      writeFileSync(join(outside, 'crown'), 'the crown jewels'.repeat(1000));
      const real = join(path, 'turns');
      mkdirSync(real);
      for (let at = 0; at < 20; at += 1) writeFileSync(join(real, `f${at}`), 'x'.repeat(1000));
      let goesOn = true;
      const swap = (async () => {
        symlinkSync(outside, join(path, 'link'));
        for (; goesOn; await new Promise((done) => setImmediate(done))) {
          renameSync(real, join(path, 'hidden'));
          renameSync(join(path, 'link'), real);
          renameSync(real, join(path, 'link'));
          renameSync(join(path, 'hidden'), real);
        }
      })();
      for (let round = 0; round < 20; round += 1) {
        const chunks: Uint8Array[] = [];
        try {
          for await (const chunk of (await volumes.archive('hostile', never)) ?? []) {
            chunks.push(chunk);
          }
        } catch {
          // What vanished in the middle may spoil an archive; nothing foreign may be in it.
        }
        expect(Buffer.concat(chunks).includes('the crown jewels')).toBe(false);
      }
      goesOn = false;
      await swap;
    });

    it('as fast as somebody takes, and not further when nobody does', async () => {
      const path = await made('large');
      writeFileSync(join(path, 'zeros'), '');
      truncateSync(join(path, 'zeros'), 8 * 1024 * MiB);
      const stop = new AbortController();
      const before = process.memoryUsage().rss;
      let taken = 0;
      const take = async () => {
        for await (const chunk of (await volumes.archive('large', stop.signal)) ?? []) {
          taken += chunk.length;
          if (taken > 64 * MiB) stop.abort();
        }
      };
      await expect(take()).rejects.toThrow(/abort/);
      expect(taken).toBeLessThan(80 * MiB);
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * MiB);
      await eventually(async () => {
        const running = spawnSync('pgrep', ['-f', `directory=${folder} large`]).stdout.toString();
        expect(running).toBe('');
      });
    });

    it('not when there is none', async () => {
      expect(await volumes.archive('absent', never)).toBeNull();
    });
  });

  describe('are removed', () => {
    it('with everything in them, and nothing that links point to', async () => {
      const path = await made('gone');
      mkdirSync(join(path, 'deep'));
      symlinkSync(join(parent, 'outside'), join(path, 'deep', 'link'));
      symlinkSync(parent, join(path, 'up'));
      await volumes.remove('gone');
      await volumes.remove('gone');
      expect(readdirSync(folder).filter((name) => name.includes('gone'))).toEqual([]);
      expect(readFileSync(join(parent, 'outside'), 'utf8')).toBe('not yours');
    });

    it('also when an earlier try left a part of them', async () => {
      mkdirSync(join(folder, '.removed-half', 'rest'), { recursive: true });
      await volumes.remove('half');
      expect(existsSync(join(folder, '.removed-half'))).toBe(false);
    });
  });
});
