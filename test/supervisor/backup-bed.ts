import { execFile, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openEmptyDatabase, openFilledDatabase } from '../store/content.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export const isRoot = process.getuid?.() === 0;

/** A disk of one megabyte, mounted on a new folder; for root. */
export async function withSmallDisk(folder: string, act: () => Promise<void>): Promise<void> {
  await mkdir(folder);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  try {
    await act();
  } finally {
    await run('umount', [folder]);
  }
}

export interface Ended {
  code: number | null;
  signal: string | null;
  out: string;
  error: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
}

export interface BackupBed {
  /** For archives and for what is restored. */
  folder: string;
  /** A data folder with a little of everything. */
  data: string;
  /** The database that belongs to it, filled. */
  url: string;
  archive: string;
  /** The program itself, in a process of its own. */
  start(
    args: string[],
    options?: { url?: string; stdio?: StdioOptions; env?: Record<string, string> },
  ): Running;
  backup(...args: string[]): Promise<Ended>;
  /** Into a new folder and a new database. */
  restore(...args: string[]): Promise<Ended & { data: string; url: string }>;
  emptyDatabase(): Promise<string>;
  close(): Promise<void>;
}

/** Backup and restore as people run them, on databases of the run's server: nothing else is started. */
export async function openBackupBed(): Promise<BackupBed> {
  const folder = await mkdtemp(join(tmpdir(), 'labkeeper-backup-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  const database = await openFilledDatabase();
  const drops = [database.drop];
  for (const room of [
    'secrets',
    'volumes',
    'run/logs',
    'hosts/local/apps/app-plot-5',
    'postgres',
  ]) {
    await mkdir(join(data, room), { recursive: true, mode: 0o700 });
  }
  await writeFile(join(data, 'VERSION'), '1\n');
  await writeFile(join(data, 'secrets', 'key'), 'a key\n', { mode: 0o600 });
  let restores = 0;

  const start: BackupBed['start'] = (args, { url = database.url, stdio, env } = {}) => {
    const child = spawn(process.execPath, ['--import', 'tsx', program, ...args], {
      env: {
        PATH: process.env['PATH'] ?? '',
        LABKEEPER_DATABASE_URL: url,
        LABKEEPER_DATA: data,
        ...env,
      },
      stdio: stdio ?? ['ignore', 'pipe', 'pipe'],
    });
    const text = { out: '', error: '' };
    child.stdout?.on('data', (piece) => (text.out += String(piece)));
    child.stderr?.on('data', (piece) => (text.error += String(piece)));
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...text }));
    return { child, ended };
  };
  const emptyDatabase = async () => {
    const { url, drop } = await openEmptyDatabase();
    drops.push(drop);
    return url;
  };
  const archive = join(folder, 'lab.tar.gz');
  return {
    ...{ folder, data, url: database.url, archive, start, emptyDatabase },
    backup: (...args) => start(['backup', ...args]).ended,
    async restore(...args) {
      restores += 1;
      const target = join(folder, `restored-${restores}`);
      const url = await emptyDatabase();
      const ended = await start(['restore', ...args, '--data', target], { url }).ended;
      return { ...ended, data: target, url };
    },
    async close() {
      for (const drop of drops) await drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
