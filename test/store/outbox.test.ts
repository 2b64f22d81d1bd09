import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, registration, startedApp } from './registration.ts';
import { runSql } from './sql.ts';

describe.runIf(requirePart('postgres'))('outbox', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  const makeDue = () => runSql(bed.url, "UPDATE outbox SET due_at = now() - interval '1 s'");
  const deliverAll = async () => {
    await makeDue();
    for (;;) {
      const entries = await bed.store.outbox.claimDue(100, 60_000);
      if (entries.length === 0) return;
      for (const { id } of entries) await bed.store.outbox.delivered(id);
    }
  };

  it('gives an entry to one claimer and not again while it is held', async () => {
    const { outbox, apps } = bed.store;
    await apps.register(registration('held', { operationId: 'op-held' }));
    const claims = await Promise.all(Array.from({ length: 10 }, () => outbox.claim('op-held')));
    expect(claims.filter((entry) => entry !== null)).toHaveLength(1);
    expect(await outbox.claim('op-held')).toBeNull();
    const due = await outbox.claimDue(100, 1000);
    expect(due.map(({ payload }) => payload.operationId)).not.toContain('op-held');
    await makeDue();
    const again = await outbox.claim('op-held');
    expect(again).toMatchObject({ entity: 'app/held', attempts: 0 });
    await outbox.delivered(again?.id ?? '0');
    await outbox.delivered(again?.id ?? '0');
    expect(await outbox.claim('op-held')).toBeNull();
  });

  it('keeps the trace of what was accepted, in the entry and for a life that begins later', async () => {
    const { outbox, apps, operations } = bed.store;
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await apps.register({ ...registration('traced', { operationId: 'op-traced' }), traceparent });
    expect((await outbox.claim('op-traced'))?.payload.cause.traceparent).toBe(traceparent);
    const cause = { actor: 'ben', why: 'a test asked' };
    await apps.command({
      ...{ name: 'traced', verb: 'restart', operationId: 'op-restart' },
      cause: { ...cause, traceparent },
    });
    await apps.command({ name: 'traced', verb: 'restart', operationId: 'op-untraced', cause });
    const causes = (await operations.unfinished('app/traced')).map((one) => one.cause);
    expect(causes).toEqual([
      { actor: 'ana', why: 'definition 1', traceparent },
      { ...cause, traceparent },
      cause,
    ]);
  });

  it('never gives an entry to two sweepers', async () => {
    await deliverAll();
    const { apps, outbox } = bed.store;
    for (let index = 0; index < 60; index += 1) {
      await apps.register(registration(`swept-${index}`));
    }
    const seen: string[] = [];
    const sweep = async () => {
      for (;;) {
        const entries = await outbox.claimDue(7, 60_000);
        if (entries.length === 0) return;
        seen.push(...entries.map(({ id }) => id));
      }
    };
    await Promise.all([sweep(), sweep(), sweep(), sweep()]);
    // A sweeper that finds only locked entries ends; what it left is found by the next sweep.
    await sweep();
    expect(seen).toHaveLength(60);
    expect(new Set(seen).size).toBe(60);
  });

  it('gives the oldest entries first', async () => {
    await deliverAll();
    const { apps, outbox } = bed.store;
    for (const name of ['z', 'm', 'a']) await apps.register(registration(name));
    const first = await outbox.claimDue(2, 60_000);
    expect(first.map(({ entity }) => entity)).toEqual(['app/z', 'app/m']);
    const rest = await outbox.claimDue(2, 60_000);
    expect(rest.map(({ entity }) => entity)).toEqual(['app/a']);
  });

  it('delivers the commands of one app in the order they were accepted', async () => {
    await deliverAll();
    const { store } = bed;
    const { name } = await startedApp(store);
    const sleep = await command(store, name, 'sleep');
    const restart = await command(store, name, 'restart');
    const order: string[] = [];
    for (let sweep = 0; sweep < 3; sweep += 1) {
      const entries = await store.outbox.claimDue(100, 60_000);
      expect(entries).toHaveLength(1);
      for (const { id, payload } of entries) {
        order.push(payload.command);
        await store.outbox.delivered(id);
      }
    }
    expect(order).toEqual(['replace', 'sleep', 'restart']);
    expect(sleep.id).not.toBe(restart.id);
  });

  it('lets a claim wait for the command before it', async () => {
    await deliverAll();
    const { store } = bed;
    const { name } = await startedApp(store);
    const [registered] = await store.outbox.claimDue(1, 60_000);
    const wake = await command(store, name, 'wake');
    const claim = store.outbox.claim(wake.id);
    await store.outbox.delivered(registered?.id ?? '0');
    expect((await claim)?.payload.command).toBe('wake');
  });

  it('leaves a command to the sweeper when the one before it is not delivered', async () => {
    await deliverAll();
    const { store } = bed;
    const { name } = await startedApp(store);
    await store.outbox.claimDue(1, 60_000);
    const wake = await command(store, name, 'wake');
    expect(await store.outbox.claim(wake.id)).toBeNull();
  });

  it('postpones with a doubling wait up to a minute and never gives up', async () => {
    await deliverAll();
    const { apps, outbox } = bed.store;
    await apps.register(registration('late', { operationId: 'op-late' }));
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) {
      await makeDue();
      const entry = await outbox.claim('op-late');
      expect(entry?.attempts).toBe(attempt);
      await outbox.postponed(entry?.id ?? '0', 'Temporal does not answer');
      const [row] = await runSql(
        bed.url,
        'SELECT extract(epoch FROM due_at - now())::float8 AS wait, last_error FROM outbox',
      );
      expect(row?.['last_error']).toBe('Temporal does not answer');
      waits.push(Math.ceil(Number(row?.['wait'])));
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('measures what is undelivered', async () => {
    await deliverAll();
    const { apps, outbox } = bed.store;
    expect(await outbox.backlog()).toEqual({ entries: 0, oldestAgeMs: 0 });
    await apps.register(registration('waiting'));
    await runSql(bed.url, "UPDATE outbox SET created_at = now() - interval '1 min'");
    const backlog = await outbox.backlog();
    expect(backlog.entries).toBe(1);
    expect(backlog.oldestAgeMs).toBeGreaterThanOrEqual(60_000);
  });
});
