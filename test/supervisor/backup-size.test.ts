import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { openBackupBed, type BackupBed, type Running } from './backup-bed.ts';

const events = 40_000;
const wordsBytes = 4_000;
const fileBytes = 150_000_000;
/** For buffers on the way: less than the rows, and less than the file, take alone. */
const allowedBytes = 100_000_000;

/** The most memory a process ever had, asked again and again until it is gone; in bytes. */
async function peakBytes({ child, ended }: Running): Promise<number> {
  let peak = 0;
  const look = () => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024);
    } catch (error) {
      // It has ended.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  };
  const looking = setInterval(look, 20);
  const { code, error } = await ended;
  clearInterval(looking);
  expect(code, error).toBe(0);
  return peak;
}

describe.runIf(requirePart('postgres') && process.platform === 'linux')('a large backup', () => {
  let bed: BackupBed;
  beforeAll(async () => {
    bed = await openBackupBed();
  });
  afterAll(async () => {
    await bed?.close();
  });

  it('takes no more memory than a small one, and neither does its restore', async () => {
    const peaks = async (archive: string) => {
      const target = join(bed.folder, `of-${archive}`);
      const file = join(bed.folder, archive);
      const backup = await peakBytes(bed.start(['backup', file]));
      const url = await bed.emptyDatabase();
      const restore = await peakBytes(bed.start(['restore', file, '--data', target], { url }));
      await rm(target, { recursive: true });
      return { backup, restore, url };
    };
    const small = await peaks('small.tar.gz');

    await runSql(
      bed.url,
      `INSERT INTO events (entity, actor, what, why)
       SELECT 'app/plot', 'ana', 'said', string_agg(md5(event::text || word), '')
       FROM generate_series(1, $1) AS event, generate_series(1, $2) AS word GROUP BY event`,
      [events, wordsBytes / 32],
    );
    const volume = await open(join(bed.data, 'volumes', 'large'), 'w');
    for (let at = 0; at < fileBytes; at += 10_000_000) await volume.write(randomBytes(10_000_000));
    await volume.close();
    const large = await peaks('large.tar.gz');

    const [row] = await runSql(
      large.url,
      "SELECT count(*)::integer AS count FROM events WHERE what = 'said'",
    );
    expect(row?.['count']).toBe(events);
    expect(large.backup - small.backup).toBeLessThan(allowedBytes);
    expect(large.restore - small.restore).toBeLessThan(allowedBytes);
  }, 240_000);
});
