import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/model/job-spec.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const node = process.execPath;
const script = (text: string, more: Partial<JobSpecInput> = {}): JobSpecInput => ({
  command: [node, '-e', text, '{config}', '{output}'],
  limits: { cpus: 0.2, memoryBytes: 128 * 1024 * 1024 },
  ...more,
});

describe.runIf(requirePart('temporal') && requirePart('postgres'))('a job', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);
  const whats = async (id: string) =>
    (await lab.client.jobs.events(id)).items.map(({ what }) => what).toReversed();

  it('runs, tells its progress, and leaves result, output and timeline', async () => {
    const { id } = await lab.client.jobs.submit(
      script(
        `const [config, output] = process.argv.slice(1);
         const fs = require('node:fs');
         const { factor } = JSON.parse(fs.readFileSync(config, 'utf8'));
         fs.writeFileSync(output + '/progress.json', '{"step": 1, "reward": NaN}');
         console.log('factor', factor);
         fs.writeFileSync(output + '/result.json', JSON.stringify({ product: 6 * factor }));`,
        { config: { factor: 7 } },
      ),
    );
    const job = await lab.client.jobs.wait(id, { timeoutMs: 30_000 });
    expect(job, job.explanation).toMatchObject({
      state: 'succeeded',
      terminal: true,
      attempt: 1,
      exit: { exitCode: 0 },
      result: { value: { product: 42 } },
      progress: { step: 1, reward: null },
      lastLogLines: ['factor 7'],
    });
    expect((await lab.client.jobs.log(id)).text).toBe('factor 7\n');
    expect(await whats(id)).toEqual(['submitted', 'granted', 'started', 'succeeded']);
    expect(await lab.store.jobs.isWaiting()).toBe(false);
  });

  it('tells how it failed', async () => {
    const { id } = await lab.client.jobs.submit(script('console.log("no"); process.exit(3)'));
    expect(await lab.client.jobs.wait(id, { timeoutMs: 30_000 })).toMatchObject({
      state: 'failed',
      cause: 'exit_code',
      exit: { exitCode: 3 },
      detail: 'ended with exit code 3',
    });
  });

  it('is canceled while it runs, with what was seen of its end', async () => {
    const { id } = await lab.client.jobs.submit(
      script("console.log('up'); process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)", {
        stopGraceMs: 300,
      }),
    );
    await eventually(async () => expect((await lab.client.jobs.log(id)).text).toContain('up'), {
      deadlineMs: 30_000,
    });
    const asked = await lab.client.jobs.cancel(id, { why: 'wrong seed' });
    expect(asked).toMatchObject({ state: 'stopping', cancel: { why: 'wrong seed' } });
    const job = await lab.client.jobs.wait(id, { timeoutMs: 30_000 });
    expect(job).toMatchObject({
      state: 'canceled',
      cause: 'canceled',
      exit: { signal: 'SIGKILL' },
    });
    const { requestedAt, signalledAt, killedAt, goneAt } = job.cancel ?? {};
    const times = [requestedAt, signalledAt, killedAt, goneAt];
    const atMs = times.map((time) => Date.parse(time ?? ''));
    expect(atMs).toEqual(atMs.toSorted((one, other) => one - other));
    expect(atMs).not.toContain(Number.NaN);
  });

  it('waits for room, says so, and is over at once when it is canceled there', async () => {
    const { id } = await lab.client.jobs.submit(script('0', { limits: { cpus: 200 } }));
    await eventually(async () =>
      expect((await lab.client.jobs.show(id)).queue?.reason).toMatch(/no host has 200 cores/),
    );
    expect(await lab.client.jobs.cancel(id)).toMatchObject({ state: 'canceled', terminal: true });
    expect(await whats(id)).toEqual(['submitted', 'cancel asked for', 'canceled']);
  });

  it('is tried again after a failure that allows it, and keeps what it has learned', async () => {
    const { id } = await lab.client.jobs.submit(
      script(
        `const output = process.argv[2]; const fs = require('node:fs');
         const file = output + '/checkpoint';
         if (fs.existsSync(file)) { console.log('second'); process.exit(0); }
         fs.writeFileSync(file, 'half'); console.log('first'); process.exit(1);`,
        { retries: { max: 1, delayMs: 0 } },
      ),
    );
    expect(await lab.client.jobs.wait(id, { timeoutMs: 30_000 })).toMatchObject({
      state: 'succeeded',
      attempt: 2,
    });
    expect((await lab.client.jobs.log(id, { attempt: 1 })).text).toBe('first\n');
    expect((await lab.client.jobs.log(id)).text).toBe('second\n');
  });

  it('is stopped at its run deadline', async () => {
    const { id } = await lab.client.jobs.submit(
      script('setInterval(() => {}, 1000)', { runDeadlineMs: 300, stopGraceMs: 300 }),
    );
    expect(await lab.client.jobs.wait(id, { timeoutMs: 30_000 })).toMatchObject({
      state: 'failed',
      cause: 'run_deadline',
    });
  });

  it('goes on when its worker is killed, and is collected by the next one', async () => {
    const { id } = await lab.client.jobs.submit(
      script("console.log('up'); setTimeout(() => console.log('done'), 4000)"),
    );
    await eventually(async () => expect((await lab.client.jobs.log(id)).text).toContain('up'), {
      deadlineMs: 30_000,
    });
    await lab.worker.kill9();
    await lab.worker.start();
    const job = await lab.client.jobs.wait(id, { timeoutMs: 60_000 });
    expect(job).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect((await lab.client.jobs.log(id)).text).toBe('up\ndone\n');
  });

  it('is one job for a repeated submission, and refuses another body', async () => {
    const spec = script('0');
    const options = { idempotencyKey: 'once-only' };
    const all = await Promise.all(
      Array.from({ length: 50 }, () => lab.client.jobs.submit(spec, options)),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    await expect(lab.client.jobs.submit({ ...spec, priority: 1 }, options)).rejects.toMatchObject({
      status: 409,
    });
  });
});
