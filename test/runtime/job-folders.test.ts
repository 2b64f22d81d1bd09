import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobFolders } from '../../src/runtime/job-folders/index.ts';
import type { JobFolders } from '../../src/runtime/job-folders.ts';

const never = new AbortController().signal;

describe('the folder of a job', () => {
  let folder: string;
  let folders: JobFolders;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'labkeeper-jobs-'));
    folders = jobFolders({ folder: join(folder, 'jobs'), installation: 'test' });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function made(id: string, files: Record<string, string>): Promise<string> {
    const { output } = await folders.prepare(id, { config: null });
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(output, path)), { recursive: true });
      await writeFile(join(output, path), content);
    }
    return output;
  }

  const pathsOf = async (id: string, page: { after?: string; limit?: number } = {}) => {
    const { after = null, limit = 100 } = page;
    const { items, ...rest } = await folders.listArtifacts(id, { after, limit });
    return { paths: items.map(({ path }) => path), ...rest };
  };

  const textOf = async (id: string, path: string): Promise<string | null> => {
    const file = await folders.openArtifact(id, path);
    if (file === null) return null;
    try {
      const parts: Uint8Array[] = [];
      for await (const part of file.read(0, file.sizeBytes)) parts.push(part);
      return Buffer.concat(parts).toString();
    } finally {
      await file.close();
    }
  };

  it('lists what was left, but not what the job said of itself', async () => {
    await made('plain', {
      'progress.json': '{}',
      'result.json': '{}',
      'hourly.csv': 'hour\n',
      'deep/result.json': '{}',
      'deep/er/plot.png': 'x',
    });
    const { items } = await folders.listArtifacts('plain', { after: null, limit: 100 });
    expect(items).toEqual([
      { path: 'deep/er/plot.png', sizeBytes: 1, modifiedAtMs: expect.any(Number) },
      { path: 'deep/result.json', sizeBytes: 2, modifiedAtMs: expect.any(Number) },
      { path: 'hourly.csv', sizeBytes: 5, modifiedAtMs: expect.any(Number) },
    ]);
    expect(await pathsOf('never-run')).toEqual({ paths: [], next: null, complete: true });
  });

  it('gives every file once, page by page, whatever the limit', async () => {
    const names = ['a', 'a-b', 'a.d/x', 'a.d/y/z', 'ab/1', 'ab/2', 'ab-c', 'b/c/d/e', 'b/c/f', 'c'];
    await made('paged', Object.fromEntries(names.map((name) => [name, ''])));
    const { paths: all } = await pathsOf('paged');
    expect(new Set(all)).toEqual(new Set(names));
    for (const limit of [1, 2, 3, 7]) {
      const seen: string[] = [];
      for (let after: string | null = ''; after !== null;) {
        const page = await pathsOf('paged', { limit, ...(after === '' ? {} : { after }) });
        expect(page.paths.length).toBeLessThanOrEqual(limit);
        seen.push(...page.paths);
        after = page.next;
      }
      expect(seen).toEqual(all);
    }
    // What was removed between two pages loses nobody else.
    expect((await pathsOf('paged', { after: 'ab/15' })).paths).toContain('ab/2');
  });

  it('says so when there is more than it looks at', async () => {
    await made('many', Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`f${at}`, ''])));
    const few = jobFolders({ folder: join(folder, 'jobs'), installation: 'test', maxEntries: 20 });
    const page = await few.listArtifacts('many', { after: null, limit: 100 });
    expect([page.items.length, page.complete]).toEqual([20, false]);
  });

  it('follows no link, to a file or to a folder, in the middle of a path or at its end', async () => {
    await writeFile(join(folder, 'secret'), 'secret');
    const output = await made('links', { 'real/file': 'mine' });
    await symlink(join(folder, 'secret'), join(output, 'stolen'));
    await symlink(folder, join(output, 'outside'));
    await symlink('real', join(output, 'inside'));
    expect((await pathsOf('links')).paths).toEqual(['real/file']);
    for (const path of ['stolen', 'outside/secret', 'inside/file']) {
      expect([path, await textOf('links', path)]).toEqual([path, null]);
    }
    expect(await textOf('links', 'real/file')).toBe('mine');
    await rename(output, `${output}-away`);
    await symlink(folder, output);
    expect(await textOf('links', 'secret')).toBe(null);
    expect((await pathsOf('links')).paths).toEqual([]);
    expect(await folders.archiveOutput('links', never)).toBe(null);
  });

  it.each([
    '../config.json',
    '/etc/passwd',
    'a/../../config.json',
    '.',
    '',
    'a//b',
    'a\0b',
    'deep',
  ])('has no file %j', async (path) => {
    await made('escape', { 'a/b': '', 'deep/er': '' });
    expect(await textOf('escape', path)).toBe(null);
  });

  it('opens nothing that is no plain file, and waits for none', async () => {
    const output = await made('pipes', {});
    spawnSync('mkfifo', [join(output, 'pipe'), join(output, 'progress.json')]);
    expect(await textOf('pipes', 'pipe')).toBe(null);
    expect((await pathsOf('pipes')).paths).toEqual([]);
    expect(await folders.readProgress('pipes')).toBe(null);
  });

  it('measures what lies in it, links not followed', async () => {
    const output = await made('measured', { big: 'x'.repeat(100_000) });
    await symlink('/usr', join(output, 'system'));
    const bytes = await folders.measureOutput('measured', never);
    expect(bytes).toBeGreaterThanOrEqual(100_000);
    expect(bytes).toBeLessThan(200_000);
    expect(await folders.measureOutput('never-run', never)).toBe(0);
  });

  it('archives all of it', async () => {
    await made('packed', { 'deep/er': 'text', 'result.json': '{}' });
    const pieces = await folders.archiveOutput('packed', never);
    const parts: Uint8Array[] = [];
    for await (const piece of pieces ?? []) parts.push(piece);
    const tar = spawnSync('tar', ['-xO', 'output/deep/er'], { input: Buffer.concat(parts) });
    expect(tar.stdout.toString()).toBe('text');
  });

  it('keeps what an attempt left for the next, but not what it said of itself', async () => {
    await made('again', { checkpoint: 'half', 'progress.json': '{"step": 3}', 'result.json': '1' });
    await folders.prepare('again', { config: { seed: 2 } });
    expect(await textOf('again', 'checkpoint')).toBe('half');
    expect(await folders.collect('again', 1_000)).toEqual({ progress: null, result: null });
    await folders.remove('again');
    await rm(join(folder, 'jobs', 'again')).catch(() => undefined);
    expect((await pathsOf('again')).paths).toEqual([]);
  });

  it.each([
    ['{"step": 3, "reward": NaN, "loss": -Infinity}', { step: 3, reward: null, loss: null }],
    ['{"text": "NaN is no number", "x": "\\\\\\"NaN"}', { text: 'NaN is no number', x: '\\"NaN' }],
    ['{"step": 3', null],
    ['', null],
    ['[1, 2]', null],
    ['"text"', null],
    ['\u0000\u0001', null],
  ])('reads the progress %j as %j', async (text, progress) => {
    await made('said', { 'progress.json': text });
    expect(await folders.readProgress('said')).toEqual(progress);
  });

  it('takes no result that is too large or broken, and says why', async () => {
    await made('large', { 'result.json': `"${'x'.repeat(200)}"` });
    expect((await folders.collect('large', 100)).result).toEqual({
      problem: 'result.json has 202 bytes, and 100 are read at most',
    });
    await made('broken', { 'result.json': '{"a": ' });
    expect((await folders.collect('broken', 100)).result).toEqual({
      problem: 'result.json is not valid JSON',
    });
    await made('fine', { 'result.json': '{"kpi": NaN}' });
    expect((await folders.collect('fine', 100)).result).toEqual({ value: { kpi: null } });
  });
});
