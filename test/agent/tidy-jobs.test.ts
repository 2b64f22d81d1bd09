import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentPorts } from '../../src/agent/ports.ts';
import { jobTidier } from '../../src/agent/tidy-jobs.ts';
import { jobFolders } from '../../src/runtime/job-folders/index.ts';
import type { JobFolders } from '../../src/runtime/job-folders.ts';
import { processContainers } from '../../src/runtime/process/index.ts';
import type { Store } from '../../src/store/ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { addHost, queueLimits, submission } from '../store/job-bed.ts';
import { runSql } from '../store/sql.ts';

const dayMs = 24 * 3_600_000;

describe.runIf(requirePart('postgres'))('what jobs left on a host', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  let folder: string;
  let folders: JobFolders;
  beforeAll(async () => {
    bed = await openTestStore();
    folder = mkdtempSync(join(tmpdir(), 'labkeeper-tidy-'));
    folders = jobFolders({ folder: join(folder, 'jobs'), installation: 'ours' });
    await addHost(bed.store, 'lab-1', { cpus: 100, memoryBytes: 1e12 });
  });
  afterAll(async () => {
    await bed.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const logFolder = (name: string) => join(folder, 'apps', '.logs', name);
  const ports = (store: Store = bed.store) =>
    ({
      host: 'lab-1',
      store,
      runtimes: {
        process: processContainers({ installation: 'ours', folder: join(folder, 'apps') }),
      },
      jobs: { folders, keepFiles: { succeededMs: 10 * dayMs, otherMs: 20 * dayMs } },
      log: pino({ level: 'silent' }),
    }) as unknown as AgentPorts;

  /** A job with folder and log; `end` days ago, or not over. */
  async function left(
    id: string,
    end: { state: 'succeeded' | 'failed'; days: number } | null,
  ): Promise<{ log: string }> {
    await bed.store.jobs.submit(submission(id));
    await bed.store.jobs.grant(queueLimits);
    if (end !== null) {
      await runSql(
        bed.url,
        `UPDATE jobs SET state = $2, finished_at = now() - $3 * interval '1 day' WHERE id = $1`,
        [id, end.state, end.days],
      );
    }
    await folders.prepare(id, { config: null });
    const number = (await bed.store.jobs.find(id))?.number ?? 0;
    const log = `job-${number}-1`;
    await mkdir(logFolder(log), { recursive: true });
    await writeFile(join(logFolder(log), '000000000000000.log'), 'x');
    return { log };
  }
  const isThere = (id: string, { log }: { log: string }) => [
    existsSync(join(folder, 'jobs', id)),
    existsSync(logFolder(log)),
  ];

  it('goes when its time is over, by outcome, and never that of a job which is not over', async () => {
    const made = {
      'young-success': await left('young-success', { state: 'succeeded', days: 9 }),
      'old-success': await left('old-success', { state: 'succeeded', days: 11 }),
      'young-failure': await left('young-failure', { state: 'failed', days: 19 }),
      'old-failure': await left('old-failure', { state: 'failed', days: 21 }),
      running: await left('running', null),
    };
    await runSql(bed.url, `UPDATE jobs SET submitted_at = now() - interval '1 year'`);
    const tidy = jobTidier(ports());
    const there = () =>
      Object.fromEntries(Object.entries(made).map(([id, one]) => [id, isThere(id, one)]));
    const all = [true, true];
    await tidy();
    expect(there()).toEqual(Object.fromEntries(Object.keys(made).map((id) => [id, all])));
    await tidy();
    expect(there()).toEqual({
      ...{ 'young-success': all, 'young-failure': all, running: all },
      ...{ 'old-success': [false, false], 'old-failure': [false, false] },
    });
    const [event] = await bed.store.events.list({ entity: 'job/old-success', limit: 1 });
    expect(event).toMatchObject({ actor: 'agent of lab-1', what: 'files removed' });
  });

  it('goes with its row, at the second look in a row', async () => {
    const gone = await left('gone', { state: 'failed', days: 0 });
    const tidy = jobTidier(ports());
    await tidy();
    await tidy();
    expect(isThere('gone', gone)).toEqual([true, true]);
    await bed.store.jobs.remove('gone', { actor: 'ada', why: 'test' });
    await tidy();
    expect(isThere('gone', gone)).toEqual([true, true]);
    await tidy();
    expect(isThere('gone', gone)).toEqual([false, false]);
  });

  it('stays while rows cannot be read', async () => {
    const safe = await left('safe', { state: 'failed', days: 30 });
    const away = async () => {
      throw new Error('the database is away');
    };
    const jobs = { ...bed.store.jobs, keepsFiles: away, keepsLogs: away };
    const tidy = jobTidier(ports({ ...bed.store, jobs }));
    for (let look = 0; look < 3; look += 1) await expect(tidy()).rejects.toThrow(/away/);
    expect(isThere('safe', safe)).toEqual([true, true]);
  });

  it('stays when it belongs to another installation: rows of a new database know nothing of it', async () => {
    const other = jobFolders({ folder: join(folder, 'jobs'), installation: 'theirs' });
    await other.prepare('foreign', { config: null });
    const tidy = jobTidier(ports());
    await tidy();
    await tidy();
    expect(existsSync(join(folder, 'jobs', 'foreign'))).toBe(true);
    expect(await folders.list()).not.toContain('foreign');
  });

  it('is forgotten with rows that are older than they are kept, and never one that is not over', async () => {
    await left('ancient', { state: 'succeeded', days: 100 });
    await left('ancient-failure', { state: 'failed', days: 100 });
    const keep = { succeededMs: 90 * dayMs, otherMs: 200 * dayMs };
    expect(await bed.store.jobs.forget(keep, 100)).toBe(1);
    expect(await bed.store.jobs.forget(keep, 100)).toBe(0);
    expect(await bed.store.jobs.find('ancient')).toBe(null);
    expect(await bed.store.jobs.find('ancient-failure')).not.toBe(null);
    expect(await bed.store.jobs.find('running')).not.toBe(null);
  });
});
