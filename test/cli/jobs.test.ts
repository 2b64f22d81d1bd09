import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobJson } from '../../src/model/job-api.ts';
import type { JobChange } from '../../src/store/job-ports.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('jobs on the command line', () => {
  let bed: CommandLineBed;
  let folder: string;
  const outputs = new Map<string, string>();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-cli-jobs-'));
    bed = await openCommandLine({
      logReader: {
        read: async (_host, instance, { fromByte }) => {
          const whole = Buffer.from(outputs.get(instance) ?? '');
          const bytes = whole.subarray(fromByte ?? 0);
          return { fromByte: fromByte ?? 0, nextByte: whole.length, bytes, complete: true };
        },
        usage: async () => null,
      },
    });
    await bed.api.store.hosts.heartbeat({
      ...{ name: 'lab-1', agentUrl: 'http://127.0.0.1:1', cpus: 64, memoryBytes: 2 ** 40 },
      runtimes: [{ kind: 'process', ready: true, reason: null }],
      storage: { state: 'ok', freeBytes: 1, totalBytes: 1 },
      capacity: { cpus: 64, memoryBytes: 2 ** 40, devices: [], labels: {} },
    });
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  const shown = async (id: string): Promise<JobJson> =>
    JSON.parse((await bed.run('show', `job/${id}`, '--json')).out) as JobJson;
  /** What the workflow and its host would write. */
  const advance = async (id: string, change: JobChange) => {
    const { jobs } = bed.api.store;
    const life = (await jobs.begin(id))?.mark.life ?? 0;
    expect(await jobs.advance(id, { life, revision: 1 }, change)).toBe(true);
  };
  const grantAll = () =>
    bed.api.store.jobs.grant({
      ...{ maxRunningPerPerson: null, maxRunningOfSpace: {}, maxRunningOfType: {} },
      ageMs: 600_000,
    });
  const over = (state: 'succeeded' | 'failed' | 'canceled' | 'expired', more: JobChange = {}) => ({
    ...{ state, now: ['finishedAt'] as const, release: true },
    ...more,
  });

  it('are submitted with all that an option says', async () => {
    const config = join(folder, 'config.json');
    await writeFile(config, '{"seed": 1}');
    const { code, out } = await bed.run(
      ...['submit', '--id', 'options-1', '--config', config, '--cpus', '0.5', '--memory', '1.5G'],
      ...[
        '--gpus',
        '1',
        '--priority',
        '5',
        '--title',
        'Battery',
        '--tag',
        'study=a',
        '--tag',
        'b=c=d',
      ],
      ...['--retries', '2', '--deadline', '90min', '--host', 'lab-1'],
      ...['--', 'python3', 'x.py', '--json', '--flag', '{config}'],
    );
    expect([code, out]).toEqual([0, 'job/options-1\n']);
    expect((await shown('options-1')).spec).toMatchObject({
      command: ['python3', 'x.py', '--json', '--flag', '{config}'],
      config: { seed: 1 },
      limits: { cpus: 0.5, memoryBytes: 1.5 * 2 ** 30 },
      ...{ devices: 1, priority: 5, title: 'Battery', host: 'lab-1', runDeadlineMs: 5_400_000 },
      tags: { study: 'a', b: 'c=d' },
      retries: { max: 2 },
    });
  });

  it('are the same job when the same key is given again, and refused when it means another', async () => {
    const line = ['submit', '--idempotency-key', 'night-1', '--config', '{"a":1}', '--', 'run'];
    const first = await bed.run(...line);
    expect((await bed.run(...line)).out).toBe(first.out);
    const other = await bed.run('submit', '--idempotency-key', 'night-1', '--', 'run', 'other');
    expect(other).toMatchObject({ code: 1, error: expect.stringContaining('night-1') });
  });

  it.each([
    [['submit'], '--image IMAGE, --type NAME, or a command'],
    [['submit', '--memory', 'much', '--', 'x'], 'no size'],
    [['submit', '--cpus', '0', '--', 'x'], '--cpus 0'],
    [['submit', '--config', '[1]', '--', 'x'], '[1]'],
    [['submit', '--config', '{', '--', 'x'], 'no JSON'],
    [['submit', '--tag', 'word', '--', 'x'], 'KEY=VALUE'],
    [['submit', '--deadline', 'soon', '--', 'x'], 'no duration'],
    [['list', 'jobs', '--state', 'busy'], 'states are queued'],
    [['list', 'apps', '--mine'], '--mine is for list jobs'],
    [['show', 'job/a/b'], 'an id is'],
    [['logs', 'job/options-1', '--generation', '1'], '--attempt'],
    [['restart', 'job/options-1'], 'is a job: this verb is for apps'],
    [['cancel', 'options-1'], 'say job/options-1'],
  ])('are refused with a sentence that says what is wrong: %j', async (line, words) => {
    const { code, error } = await bed.run(...line);
    expect([code, error]).toEqual([2, expect.stringContaining(words)]);
  });

  it('name the field that the API refuses', async () => {
    const { code, error } = await bed.run('submit', '--priority', '200', '--json', '--', 'x');
    expect([code, JSON.parse(error)]).toMatchObject([1, { errors: [{ path: 'priority' }] }]);
  });

  it('are called by the beginning of their id where only one begins so', async () => {
    for (const id of ['prefix_one', 'prefix_two', 'prefixXone']) {
      expect((await bed.run('submit', '--id', id, '--', 'x')).code).toBe(0);
    }
    expect((await shown('prefix_o')).id).toBe('prefix_one');
    const unclear = await bed.run('show', 'job/prefix_');
    expect(unclear).toMatchObject({ code: 2, error: expect.stringContaining('prefix_two') });
    expect(unclear.error).not.toContain('prefixXone');
    expect(await bed.run('show', 'job/pre')).toMatchObject({ code: 3 });
    expect(await bed.run('show', 'job/nothing')).toMatchObject({ code: 3 });
  });

  it('are listed from the newest on, by state, space and submitter', async () => {
    await bed.run('submit', '--id', 'listed-1', '--title', 'Of the list', '--', 'x');
    const all = await bed.run('list', 'jobs');
    expect(all.out).toMatch(
      /^NAME +STATE +FOR +PROGRESS +OWNER +HOST +TITLE\njob\/listed-1 +queued/,
    );
    expect((await bed.run('list', 'jobs', '--state', 'running', '--state', 'failed')).out).toBe('');
    const mine = await bed.run('list', 'jobs', '--mine', '--limit', '1', '--json');
    expect((JSON.parse(mine.out) as JobJson[]).map(({ id }) => id)).toEqual(['listed-1']);
    expect((await bed.run('list', 'jobs', '--space', 'other')).error).toContain('no such jobs');
  });

  it('are canceled by cancel and by stop, explained, and removed when they are over', async () => {
    await bed.run('submit', '--id', 'gone-1', '--', 'x');
    await bed.run('submit', '--id', 'gone-2', '--', 'x');
    expect(await bed.run('rm', 'job/gone-1')).toMatchObject({ code: 1 });
    const one = await bed.run('cancel', 'job/gone-1', '--why', 'wrong seed');
    expect(one).toMatchObject({ code: 0, out: expect.stringContaining('wrong seed') });
    const two = await bed.run('stop', 'job/gone-2', '--wait', '--json');
    expect(JSON.parse(two.out)).toMatchObject({ state: 'canceled' });
    expect((await bed.run('explain', 'job/gone-1')).out).toContain('wrong seed');
    expect(await bed.run('rm', 'job/gone-1', 'job/gone-2')).toMatchObject({ code: 0 });
    expect((await bed.run('show', 'job/gone-1')).code).toBe(3);
    expect((await bed.run('events', 'job/gone-1')).out).toMatch(/submitted[^]*canceled[^]*removed/);
  });

  it('are opened as their page', async () => {
    const { out } = await bed.run('open', 'job/options-1', '--print');
    expect(out).toBe(`${bed.url}/manage/job/options-1\n`);
  });

  it.each([
    [
      'succeeded',
      over('succeeded', { exit: { exitCode: 0, signal: null, outOfMemory: false } }),
      0,
    ],
    [
      'failed',
      over('failed', {
        cause: 'exit_code',
        exit: { exitCode: 42, signal: null, outOfMemory: false },
      }),
      42,
    ],
    [
      'killed',
      over('failed', {
        cause: 'signal',
        exit: { exitCode: null, signal: 'SIGKILL', outOfMemory: false },
      }),
      137,
    ],
    ['never-ran', over('failed', { cause: 'start_refused' }), 1],
    [
      'too-long',
      over('failed', {
        cause: 'run_deadline',
        exit: { exitCode: 0, signal: null, outOfMemory: false },
      }),
      124,
    ],
    ['canceled', over('canceled', { cause: 'canceled' }), 6],
    ['expired', over('expired', { cause: 'queue_deadline' }), 7],
  ] satisfies [string, JobChange, number][])(
    'end the command line that waits for them as they ended: %s',
    async (name, change, code) => {
      const waiting = bed.run('submit', '--id', `wait-${name}`, '--wait', '--', 'x');
      await eventually(async () => shown(`wait-${name}`));
      await advance(`wait-${name}`, change);
      const ended = await waiting;
      expect(ended).toMatchObject({ code, out: expect.stringContaining(change.state ?? '') });
      expect(ended.error).toContain(`job/wait-${name}`);
    },
  );

  it('print their output as it comes, and then how they ended', async () => {
    const waiting = bed.run('submit', '--id', 'follow-1', '--follow', '--', 'x');
    await eventually(async () => shown('follow-1'));
    expect(await grantAll()).toContainEqual({ job: 'follow-1', attempt: 1, host: 'lab-1' });
    const number = (await bed.api.store.jobs.find('follow-1'))?.number ?? 0;
    outputs.set(`job-${number}-1`, 'step 1\nstep 2 ü\n');
    await advance(
      'follow-1',
      over('failed', { exit: { exitCode: 3, signal: null, outOfMemory: false } }),
    );
    const ended = await waiting;
    expect(ended).toMatchObject({ code: 3, out: 'step 1\nstep 2 ü\n' });
    expect(ended.error).toMatch(/queued|preparing|failed/);
    expect((await bed.run('logs', 'job/follow')).out).toBe('step 1\nstep 2 ü\n');
    expect((await bed.run('logs', '-f', 'job/follow')).out).toBe('step 1\nstep 2 ü\n');
  });
});
