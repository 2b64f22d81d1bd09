import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identify, type ProcessIdentity } from '../../src/supervisor/process-identity.ts';
import { findSupervisor, lockSupervisor } from '../../src/supervisor/supervisor-lock.ts';

describe('the supervisor lock', () => {
  let run: string;
  beforeEach(async () => {
    run = await mkdtemp(join(tmpdir(), 'labkeeper-lock-'));
  });
  afterEach(() => rm(run, { recursive: true, force: true }));

  it('is held by one until it is released', async () => {
    const lock = await lockSupervisor(run);
    await expect(lockSupervisor(run)).rejects.toThrow(
      `labkeeper runs already on this data folder (process ${process.pid})`,
    );
    expect((await findSupervisor(run))?.pid).toBe(process.pid);
    await lock.release();
    expect(await findSupervisor(run)).toBeNull();
    await (await lockSupervisor(run)).release();
    expect(await readdir(run)).toEqual([]);
  });

  it('is taken over from a supervisor that was killed', async () => {
    const dead = await deadProcess();
    await writeFile(join(run, 'supervisor.json'), JSON.stringify(dead));
    const lock = await lockSupervisor(run);
    expect(lock.tookOverFrom).toEqual(dead);
    await lock.release();
  });

  it('is taken over when its number went to a stranger, or the machine was booted', async () => {
    const stranger = spawn('sleep', ['60']);
    const identity = identify(stranger.pid ?? 0);
    for (const change of [{ startedAt: '1' }, { bootId: 'another' }]) {
      await writeFile(join(run, 'supervisor.json'), JSON.stringify({ ...identity, ...change }));
      const lock = await lockSupervisor(run);
      expect(lock.tookOverFrom?.pid).toBe(stranger.pid);
      await lock.release();
    }
    stranger.kill('SIGKILL');
  });

  it('is taken over when it is torn', async () => {
    await writeFile(join(run, 'supervisor.json'), '{"pid":');
    const lock = await lockSupervisor(run);
    await lock.release();
  });

  it('goes to exactly one of many that take it over at once', async () => {
    await writeFile(join(run, 'supervisor.json'), JSON.stringify(await deadProcess()));
    const rivals = Array.from({ length: 6 }, () =>
      fork(join(import.meta.dirname, 'rival.ts'), [run], { execArgv: ['--import', 'tsx'] }),
    );
    await Promise.all(rivals.map((rival) => once(rival, 'message')));
    for (const rival of rivals) rival.send('go');
    const answers = await Promise.all(
      rivals.map(async (rival) => String((await once(rival, 'message'))[0])),
    );
    for (const rival of rivals) rival.kill('SIGKILL');
    expect(answers.filter((answer) => answer === 'mine')).toHaveLength(1);
    expect(answers.filter((answer) => answer.includes('runs already'))).toHaveLength(5);
  });
});

async function deadProcess(): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['60']);
  const identity = identify(child.pid ?? 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  if (identity === null) throw new Error('cannot identify a child');
  return identity;
}
