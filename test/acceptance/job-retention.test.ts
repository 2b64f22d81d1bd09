import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/model/job-spec.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const script = (text: string): JobSpecInput => ({
  command: [
    process.execPath,
    '-e',
    `require('node:fs').writeFileSync('{output}/kept', ''); ${text}`,
  ],
  limits: { cpus: 0.2, memoryBytes: 128 * 1024 * 1024 },
});

describe.runIf(requirePart('temporal') && requirePart('postgres'))('files of jobs', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ LABKEEPER_JOB_TIDY_MS: '200' });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  const folderOf = (id: string) => join(lab.folder, 'hosts', 'local', 'jobs', id);
  const logs = () => readdirSync(join(lab.folder, 'hosts', 'local', 'apps', '.logs'));

  it('go from their host when the job is removed, and nobody else’s do', async () => {
    const jobs = [];
    for (const code of [0, 1, 0]) {
      const { id } = await lab.client.jobs.submit(
        script(`console.log('x'); process.exit(${code})`),
      );
      await lab.client.jobs.wait(id, { timeoutMs: 30_000 });
      jobs.push({ id, number: (await lab.store.jobs.find(id))?.number });
    }
    const { id: running } = await lab.client.jobs.submit(script('setInterval(() => {}, 1000)'));
    await eventually(
      () => expect(existsSync(join(folderOf(running), 'output', 'kept'))).toBe(true),
      {
        deadlineMs: 30_000,
      },
    );
    const [first, second, kept] = jobs as [(typeof jobs)[0], (typeof jobs)[0], (typeof jobs)[0]];
    for (const { id } of [first, second]) await lab.client.jobs.remove(id);
    await eventually(
      () => {
        for (const { id, number } of [first, second]) {
          expect(existsSync(folderOf(id))).toBe(false);
          expect(logs()).not.toContain(`job-${number}-1`);
        }
      },
      { deadlineMs: 30_000 },
    );
    expect(existsSync(folderOf(kept.id))).toBe(true);
    expect(existsSync(folderOf(running))).toBe(true);
    expect((await lab.client.jobs.log(kept.id)).text).toBe('x\n');
    await lab.client.jobs.cancel(running);
    await lab.client.jobs.wait(running, { timeoutMs: 30_000 });
  });
});
