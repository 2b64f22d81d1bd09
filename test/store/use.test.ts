import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UseReport } from '../../src/store/ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { readyChange, startedApp } from './registration.ts';
import { runSql } from './sql.ts';

describe.runIf(requirePart('postgres'))('use of an app', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
    await bed.store.routes.gatewaySeen({ id: 'one', listener: 'apps', host: 'local' });
    await bed.store.routes.gatewaySeen({ id: 'two', listener: 'apps', host: 'local' });
  });
  afterAll(() => bed.close());

  /** Ready since an hour ago, by the database's clock. */
  const readyApp = async () => {
    const { name, mark } = await startedApp(bed.store);
    await bed.store.apps.advance(name, mark(), readyChange(name, 1));
    await runSql(bed.url, "UPDATE routes SET ready_at = now() - interval '1 h' WHERE app = $1", [
      name,
    ]);
    await runSql(
      bed.url,
      "UPDATE app_use SET last_use_at = now() - interval '1 h' WHERE app = $1",
      [name],
    );
    return { name, mark };
  };
  const report = (app: string, given: Partial<UseReport>): UseReport => ({
    ...{ app, lastUseAgoMs: null, reason: null, inFlight: 0, openSockets: 0 },
    ...given,
  });
  const use = async (name: string) => {
    const read = await bed.store.use.read(name);
    if (read === null) throw new Error(`no use of ${name}`);
    return read;
  };

  it('counts becoming ready as use', async () => {
    const { name, mark } = await readyApp();
    expect((await use(name)).awakeMs).toBeGreaterThanOrEqual(3_600_000);
    await bed.store.apps.advance(name, mark(), readyChange(name, 2));
    const fresh = await use(name);
    expect(fresh.awakeMs).toBeLessThan(3_600_000);
    expect(fresh).toMatchObject({ disconnectedMs: null, inFlight: 0, openSockets: 0 });
    expect(fresh.idleMs).toBeLessThanOrEqual(fresh.awakeMs);
  });

  it('never moves the mark backwards', async () => {
    const { name } = await readyApp();
    await bed.store.use.report('one', [report(name, { lastUseAgoMs: 60_000, reason: 'GET /new' })]);
    await bed.store.use.report('two', [
      report(name, { lastUseAgoMs: 600_000, reason: 'GET /old' }),
    ]);
    const read = await use(name);
    expect(read.reason).toBe('GET /new');
    expect(read.idleMs).toBeGreaterThanOrEqual(60_000);
    expect(read.idleMs).toBeLessThan(600_000);
    expect(await bed.store.use.touch(name, 'kept awake by ana')).toBe(true);
    expect((await use(name)).reason).toBe('kept awake by ana');
    expect(await bed.store.use.touch('nobody', 'kept awake by ana')).toBe(false);
  });

  it('takes a whole batch, passing over apps that are gone and repeated ones', async () => {
    const first = await readyApp();
    const second = await readyApp();
    await bed.store.use.report('one', [
      report(second.name, { inFlight: 2, lastUseAgoMs: 0 }),
      report('nobody', { inFlight: 9 }),
      report(first.name, { openSockets: 1 }),
      report(second.name, { inFlight: 2, lastUseAgoMs: 10 }),
    ]);
    await bed.store.use.report('one', []);
    expect(await use(first.name)).toMatchObject({ openSockets: 1, inFlight: 0 });
    expect(await use(second.name)).toMatchObject({ openSockets: 0, inFlight: 2 });
    expect(await bed.store.use.read('nobody')).toBeNull();
  });

  it('keeps the use a gateway reports that is not registered any more', async () => {
    const { name } = await readyApp();
    await bed.store.use.report('stranger', [
      report(name, { lastUseAgoMs: 1000, inFlight: 5, reason: 'GET /' }),
    ]);
    expect(await use(name)).toMatchObject({ inFlight: 0, reason: 'GET /' });
  });

  it('adds up connections over gateways and knows when the last one ended', async () => {
    const { name } = await readyApp();
    const sockets = (gateway: string, openSockets: number) =>
      bed.store.use.report(gateway, [report(name, { openSockets })]);
    expect((await use(name)).disconnectedMs).toBeNull();
    await Promise.all([sockets('one', 2), sockets('two', 1)]);
    expect(await use(name)).toMatchObject({ openSockets: 3, disconnectedMs: 0 });
    await sockets('one', 0);
    expect(await use(name)).toMatchObject({ openSockets: 1, disconnectedMs: 0 });
    await sockets('two', 0);
    expect(await use(name)).toMatchObject({ openSockets: 0 });
    const { disconnectedMs } = await use(name);
    expect(disconnectedMs).not.toBeNull();
    await sockets('two', 0);
    expect((await use(name)).disconnectedMs).toBeGreaterThanOrEqual(disconnectedMs ?? 0);
  });

  it('forgets no disconnection of two gateways that end at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { name } = await readyApp();
      const both = (openSockets: number) =>
        Promise.all(
          ['one', 'two'].map((id) => bed.store.use.report(id, [report(name, { openSockets })])),
        );
      await both(1);
      await both(0);
      expect((await use(name)).disconnectedMs).not.toBeNull();
    }
  });

  it('does not count a connection that ended before the app became ready', async () => {
    const { name, mark } = await readyApp();
    await bed.store.use.report('one', [report(name, { openSockets: 1 })]);
    await bed.store.use.report('one', [report(name, { openSockets: 0 })]);
    await bed.store.apps.advance(name, mark(), readyChange(name, 2));
    expect((await use(name)).disconnectedMs).toBeNull();
  });

  it('lets the connections of a gateway that fell silent end when it was last seen', async () => {
    const { name } = await readyApp();
    await bed.store.routes.gatewaySeen({ id: 'dying', listener: 'apps', host: 'local' });
    await bed.store.use.report('dying', [report(name, { openSockets: 4, inFlight: 1 })]);
    expect(await use(name)).toMatchObject({ openSockets: 4, inFlight: 1 });
    await runSql(bed.url, "UPDATE gateways SET seen_at = now() - interval '5 min' WHERE id = $1", [
      'dying',
    ]);
    const silent = await use(name);
    expect(silent).toMatchObject({ openSockets: 0, inFlight: 0 });
    expect(silent.disconnectedMs).toBeGreaterThanOrEqual(300_000);
    await bed.store.routes.gatewayGone('dying');
    const gone = await use(name);
    expect(gone.disconnectedMs).not.toBeNull();
    expect(gone.disconnectedMs ?? 0).toBeLessThan(300_000);
  });
});
