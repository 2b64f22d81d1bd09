import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/model/job-spec.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const graceMs = 400;
const shell = (script: string, more: Partial<JobSpecInput> = {}): JobSpecInput => ({
  command: ['sh', '-c', script],
  limits: { cpus: 0.1, memoryBytes: 64 * 1024 * 1024 },
  stopGraceMs: graceMs,
  ...more,
});

/** How attempts end that do not want to, and what is said of it. */
describe.runIf(requirePart('temporal') && requirePart('postgres'))('the end of a job', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  const wait = (id: string) => lab.client.jobs.wait(id, { timeoutMs: 60_000 });
  const submit = async (spec: JobSpecInput) => (await lab.client.jobs.submit(spec)).id;
  const says = (id: string, text: string) =>
    eventually(async () => expect((await lab.client.jobs.log(id)).text).toContain(text), {
      deadlineMs: 30_000,
    });

  it('tells when each signal was sent to one that ignores SIGTERM, also to what it left in other sessions', async () => {
    const mark = randomInt(1_000_000_000, 2_000_000_000);
    const stubborn = `trap "" TERM HUP; sleep ${mark}; sleep ${mark}`;
    const id = await submit(
      shell(`(setsid sh -c '${stubborn}' &) & ${stubborn.replace(';', '; echo up;')}`),
    );
    await says(id, 'up');
    await eventually(() => expect(running(mark).length).toBeGreaterThan(1));
    await lab.client.jobs.cancel(id);
    const { cancel, state, exit } = await wait(id);
    expect({ state, exit }).toMatchObject({ state: 'canceled', exit: { signal: 'SIGKILL' } });
    expect(running(mark)).toEqual([]);
    const at = (time?: string | null) => Date.parse(time ?? '');
    // The grace lies between the two, and the kill before the end was seen.
    expect(at(cancel?.killedAt) - at(cancel?.signalledAt)).toBeGreaterThanOrEqual(graceMs - 50);
    expect(at(cancel?.goneAt)).toBeGreaterThanOrEqual(at(cancel?.killedAt));
    expect(at(cancel?.signalledAt)).toBeGreaterThanOrEqual(at(cancel?.requestedAt));
  });

  it('names no kill where SIGTERM was enough', async () => {
    const id = await submit(
      shell("trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done", { stopGraceMs: 30_000 }),
    );
    await says(id, 'up');
    await lab.client.jobs.cancel(id);
    const { cancel, state } = await wait(id);
    expect(state).toBe('canceled');
    expect(cancel).toMatchObject({ killedAt: null, goneAt: expect.any(String) as string });
  });

  it('is known of commands that are over before anybody looks, whatever they ended with', async () => {
    const codes = Array.from({ length: 12 }, (_value, at) => at % 4);
    const ids = await Promise.all(codes.map((code) => submit(shell(`exit ${code}`))));
    const ends = await Promise.all(ids.map(wait));
    expect(ends.map(({ exit }) => exit?.exitCode)).toEqual(codes);
    expect(ends.map(({ state }) => state)).toEqual(
      codes.map((code) => (code === 0 ? 'succeeded' : 'failed')),
    );
    const ended = ['succeeded', 'failed', 'canceled', 'expired'];
    for (const id of ids) {
      const whats = (await lab.client.jobs.events(id)).items.map(({ what }) => what);
      expect(whats.filter((what) => ended.includes(what))).toHaveLength(1);
    }
  });

  it('takes along what a command left behind', async () => {
    const mark = randomInt(1_000_000_000, 2_000_000_000);
    const id = await submit(shell(`(setsid sleep ${mark} &); echo left; exit 5`));
    expect(await wait(id)).toMatchObject({ state: 'failed', exit: { exitCode: 5 } });
    expect(running(mark)).toEqual([]);
  });
});

/** Command lines of running processes that name the marker. */
function running(mark: number): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      return line.includes(`sleep ${mark}`) ? [line] : [];
    } catch {
      return [];
    }
  });
}
