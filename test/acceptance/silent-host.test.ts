import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../beds/child.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { openJobLedger, type JobLedger } from './job-ledger.ts';

const silentMs = 2_500;
const patience = { deadlineMs: 60_000, intervalMs: 100 };

/** Two hosts on one database, one of which falls silent with jobs running (DESIGN 7). */
describe.runIf(requirePart('temporal') && requirePart('postgres'))(
  'a host that falls silent',
  () => {
    let lab: Lab;
    let other: Child;
    let ledger: JobLedger;
    beforeAll(async () => {
      ledger = await openJobLedger();
      lab = await startLab({
        LABKEEPER_HOST_SILENT_MS: String(silentMs),
        LABKEEPER_QUEUE_LOOK_MS: '300',
        LABKEEPER_JOB_CPUS: '1',
      });
      other = await lab.anotherHost('other');
    }, 120_000);
    afterAll(async () => {
      await lab?.close();
      await ledger?.remove();
    }, 60_000);

    const show = (id: string) => lab.client.jobs.show(id);
    const submit = async (seconds: number, more: Parameters<JobLedger['spec']>[1] = {}) =>
      (await lab.client.jobs.submit(ledger.spec(seconds, more))).id;
    const onOther = { host: 'other' };
    const has = (id: string, state: string) =>
      eventually(async () => expect((await show(id)).state).toBe(state), patience);
    /** It runs by its own word and by its row's. */
    const begun = async (id: string) => {
      await eventually(
        async () => expect(await ledger.read(id)).toMatchObject([{ what: 'begun', attempt: 1 }]),
        patience,
      );
      await has(id, 'running');
    };
    const isSilent = () =>
      eventually(async () => {
        const hosts = await lab.store.hosts.silent();
        expect([...hosts.keys()]).toEqual(['other']);
      }, patience);
    const whats = async (id: string) =>
      (await lab.client.jobs.events(id)).items.map(({ what }) => what).toReversed();

    it('keeps its jobs running and says since when it is not heard of; they are collected when it is back', async () => {
      const short = await submit(1, onOther);
      const long = await submit(12, onOther);
      await begun(short);
      await begun(long);
      await other.kill9();
      await isSilent();
      const elsewhere = await submit(0);
      await has(elsewhere, 'succeeded');
      for (const id of [short, long]) {
        const { state, attempt, explanation, hostSilentSince } = await show(id);
        expect({ state, attempt }).toEqual({ state: 'running', attempt: 1 });
        expect(explanation).toMatch(/host unreachable since \d{4}-/);
        expect(hostSilentSince).toMatch(/^\d{4}-/);
      }
      await other.start();
      await has(short, 'succeeded');
      expect((await show(long)).explanation).not.toContain('unreachable');
      await has(long, 'succeeded');
      for (const id of [short, long]) {
        expect((await show(id)).attempt).toBe(1);
        expect((await ledger.read(id)).map(({ what }) => what)).toEqual(['begun', 'ended']);
      }
      expect(await ledger.doubles()).toEqual([]);
    }, 120_000);

    it('gives back what it was granted and never began with, which then begins once', async () => {
      await other.kill9();
      const pinned = await submit(0, onOther);
      await has(pinned, 'preparing');
      await isSilent();
      await has(pinned, 'queued');
      expect((await show(pinned)).explanation).toContain('the host other is not heard of');
      expect(await ledger.read(pinned)).toEqual([]);
      await other.start();
      await has(pinned, 'succeeded');
      expect(await show(pinned)).toMatchObject({ attempt: 2 });
      expect((await ledger.read(pinned)).map(({ what, attempt }) => [what, attempt])).toEqual([
        ['begun', 2],
        ['ended', 2],
      ]);
    }, 120_000);

    it('is declared dead by an operator, only while it is silent: its jobs begin elsewhere', async () => {
      // The first host is full, so that the next goes to the other.
      const blocker = await submit(300, {
        host: 'local',
        limits: { cpus: 1, memoryBytes: 1 << 25 },
      });
      await begun(blocker);
      const id = await submit(300);
      await begun(id);
      expect((await show(id)).host).toBe('other');
      await expect(lab.client.hosts.declareDead('other')).rejects.toMatchObject({ status: 409 });
      await other.kill9();
      await isSilent();
      expect(await lab.client.hosts.declareDead('other', { why: 'it burned' })).toEqual([id]);
      await has(id, 'queued');
      expect(await show(id)).toMatchObject({ cause: 'host_lost' });
      await lab.client.jobs.cancel(blocker);
      await eventually(
        async () =>
          expect(await show(id)).toMatchObject({ host: 'local', attempt: 2, state: 'running' }),
        patience,
      );
      expect(await whats(id)).toEqual([
        ...['submitted', 'granted', 'started', 'host given up', 'attempt lost'],
        ...['granted', 'started'],
      ]);
      expect(await lab.client.hosts.declareDead('other')).toEqual([]);
      await expect(lab.client.hosts.declareDead('nowhere')).rejects.toMatchObject({ status: 404 });

      // The operator was wrong: it comes back with the old attempt running, and gets no work before that has ended.
      const old = (await lab.runningInstances()).filter((name) => name.endsWith('-1'));
      expect(old).toHaveLength(1);
      const next = await submit(0, onOther);
      await other.start();
      await has(next, 'succeeded');
      const running = await lab.runningInstances();
      expect(running).not.toContain(old[0]);
      expect(running.filter((name) => name.endsWith('-2'))).toHaveLength(1);
      expect(await whats(id)).toContain('old attempt ended');
      const ofNext = await lab.client.jobs.events(next);
      const ended = (await lab.client.jobs.events(id)).items.find(
        ({ what }) => what === 'old attempt ended',
      );
      const granted = ofNext.items.find(({ what }) => what === 'granted');
      expect(Date.parse(granted?.at ?? '')).toBeGreaterThan(Date.parse(ended?.at ?? ''));
      await lab.client.jobs.cancel(id);
      await has(id, 'canceled');
    }, 120_000);
  },
);
