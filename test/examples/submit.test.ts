import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const present = requirePart('temporal') && requirePart('postgres') && requirePart('python');

describe.runIf(present)('a job in one command', { timeout: 120_000 }, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  /** A process of its own, as somebody types it; its code is part of the answer. */
  const labkeeper = async (...args: string[]) => {
    const words = ['--import', 'tsx', `${root}src/cli/main.ts`, ...args];
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: lab.folder,
      LABKEEPER_CONSOLE_URL: lab.consoleUrl,
    };
    try {
      const { stdout, stderr } = await run(process.execPath, words, {
        env,
        cwd: root,
        timeout: 90_000,
      });
      return { code: 0, stdout, stderr };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  };

  it('runs the simulation of the README, tells its progress, and shows its result', async () => {
    const config = JSON.stringify({ seed: 1, households: 10, days: 60 });
    const done = await labkeeper(
      ...['submit', '--id', 'community-1', '--wait', '--cpus', '0.5', '--memory', '256M'],
      ...['--config', config, '--', 'python3', `${root}examples/community/community.py`],
    );
    expect(done, done.stderr).toMatchObject({ code: 0 });
    expect(done.stdout).toMatch(/^job\/community-1 {2}succeeded/);
    expect(done.stderr).toMatch(/running/);
    const shown = await labkeeper('show', 'job/comm');
    expect(shown.stdout).toMatch(/progress: +100 %/);
    expect(shown.stdout).toMatch(/result: +\{/);
  });

  it('prints the output as it comes, and ends with the code of the program', async () => {
    const program = 'import sys; print("one"); sys.exit(3)';
    const failed = await labkeeper(
      'submit',
      '-f',
      '--cpus',
      '0.2',
      '--',
      'python3',
      '-u',
      '-c',
      program,
    );
    expect(failed).toMatchObject({ code: 3, stdout: 'one\n' });
    expect(failed.stderr).toContain('ended with exit code 3');
  });
});
