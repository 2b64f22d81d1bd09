import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { outboxDelivery } from '../../src/api/outbox-delivery.ts';
import { sweepOutbox } from '../../src/api/outbox-sweeper.ts';
import type { Deliver } from '../../src/api/dependencies.ts';
import { appSpecSchema } from '../../src/model/app-spec.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { openApi, spec, type ApiBed } from './bed.ts';

const silent = pino({ level: 'silent' });

describe.runIf(requirePart('postgres'))('the outbox', () => {
  it('accepts commands while Temporal is down, and tells how many wait', async () => {
    const api = await openApi({ deliver: () => Promise.reject(new Error('UNAVAILABLE')) });
    const answer = await api.send('PUT', '/api/v1/apps/plot', { body: spec });
    expect(answer.status).toBe(201);
    await api.deps.delivery.idle();
    expect(api.delivered).toEqual([]);
    expect((await api.store.outbox.backlog()).entries).toBe(1);
    expect(await (await api.send('GET', '/metrics')).text()).toContain(
      'labkeeper_outbox_entries 1',
    );
    await api.close();
  });

  it('answers before a slow delivery is over', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const api = await openApi({ deliver: () => held });
    const answer = await api.send('PUT', '/api/v1/apps/plot', { body: spec });
    expect(answer.status).toBe(201);
    expect(api.delivered).toEqual([]);
    release();
    await api.deps.delivery.idle();
    expect(api.delivered).toHaveLength(1);
    await api.close();
  });

  it('delivers everything later, in the order of each app, once Temporal is back', async () => {
    let up = false;
    const api = await openApi({
      deliver: async () => {
        if (!up) throw new Error('UNAVAILABLE');
      },
    });
    const names = ['a', 'b', 'c'];
    for (const name of names) {
      await api.send('PUT', `/api/v1/apps/${name}`, { body: spec });
      await api.send('POST', `/api/v1/apps/${name}/start`);
      await api.send('POST', `/api/v1/apps/${name}/stop`);
      await api.send('POST', `/api/v1/apps/${name}/start`);
    }
    await api.deps.delivery.idle();
    expect(api.delivered).toEqual([]);
    up = true;
    const sweeper = sweep(api);
    await eventually(async () => expect((await api.store.outbox.backlog()).entries).toBe(0), {
      deadlineMs: 30_000,
    });
    await sweeper.stop();
    for (const name of names) {
      const told = api.delivered.filter(({ entity }) => entity === `app/${name}`);
      const commands = told.map(({ payload }) => payload.command);
      expect(commands).toEqual(['replace', 'wake', 'sleep', 'wake']);
    }
    await api.close();
  });

  it('delivers what a process that died had accepted', async () => {
    const api = await openApi();
    await api.store.apps.register({
      ...{ name: 'orphan', space: 'default', owner: 'ben', actor: 'ben', operationId: 'left' },
      spec: appSpecSchema.parse(spec),
    });
    const sweeper = sweep(api);
    await eventually(() => {
      expect(api.delivered.map(({ payload }) => payload.operationId)).toEqual(['left']);
    });
    await sweeper.stop();
    await api.close();
  });

  it('loses nothing and repeats nothing with two sweepers and a flapping Temporal', async () => {
    let call = 0;
    const flaky: Deliver = async () => {
      call += 1;
      if (call % 3 === 0) throw new Error('UNAVAILABLE');
    };
    const api = await openApi({ deliver: flaky });
    const second: string[] = [];
    const other = outboxDelivery({
      outbox: api.store.outbox,
      metrics: api.deps.metrics,
      tracing: api.deps.tracing,
      log: silent,
      deliver: async (entry) => {
        await flaky(entry);
        second.push(entry.payload.operationId ?? '');
      },
    });
    const sweepers = [sweep(api), sweep({ ...api, deps: { ...api.deps, delivery: other } })];
    const asked = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const operationId = `register-${index}`;
        await api.send('PUT', `/api/v1/apps/app-${index}`, {
          body: spec,
          headers: { 'idempotency-key': operationId },
        });
        return operationId;
      }),
    );
    await eventually(async () => expect((await api.store.outbox.backlog()).entries).toBe(0), {
      deadlineMs: 30_000,
    });
    await Promise.all(sweepers.map((sweeper) => sweeper.stop()));
    const told = [...api.delivered.map(({ payload }) => payload.operationId ?? ''), ...second];
    expect(told.toSorted()).toEqual(asked.toSorted());
    await api.close();
  });

  it('goes on sweeping after the database was away', async () => {
    const api = await openApi();
    const { claimDue } = api.store.outbox;
    let failures = 0;
    api.store.outbox.claimDue = async (...request) => {
      failures += 1;
      if (failures <= 3) throw new Error('cannot claim: the database does not answer');
      return claimDue(...request);
    };
    await api.store.apps.register({
      ...{ name: 'later', space: 'default', owner: 'ben', actor: 'ben', operationId: 'later' },
      spec: appSpecSchema.parse(spec),
    });
    const sweeper = sweep(api);
    await eventually(() => expect(api.delivered).toHaveLength(1));
    await sweeper.stop();
    const told = api.logged.filter(({ msg }) => msg === 'outbox not reached; trying again');
    expect(told).toHaveLength(1);
    await api.close();
  });
});

function sweep(api: Pick<ApiBed, 'store' | 'deps'>): { stop(): Promise<void> } {
  const ending = new AbortController();
  const over = sweepOutbox({
    outbox: api.store.outbox,
    delivery: api.deps.delivery,
    log: api.deps.log,
    signal: ending.signal,
    intervalMs: 20,
    batch: 10,
    holdMs: 15_000,
  });
  return {
    stop: async () => {
      ending.abort();
      await over;
    },
  };
}
