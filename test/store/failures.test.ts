import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { isLabError } from '../../src/model/failures.ts';
import { openDatabase } from '../../src/store/postgres/database.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, readyChange, registration } from './registration.ts';
import { runSql, withClient } from './sql.ts';

describe.runIf(requirePart('postgres'))('a database that fails', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  const log = createLog({ process: 'test', level: 'silent' });
  const storeAt = (url: string) =>
    openPostgresStore({ url, poolSize: 2, applicationName: 'test', log });
  const failureOf = async (attempt: Promise<unknown>): Promise<Error> => {
    const failure = await attempt.then(
      () => null,
      (error: unknown) => error,
    );
    if (!(failure instanceof Error)) throw new Error('it did not fail');
    return failure;
  };

  it('says that it does not answer when nothing listens, and opens all the same', async () => {
    const store = await storeAt('postgres://nobody@127.0.0.1:1/none');
    const failure = await failureOf(store.apps.find('plot'));
    expect(isLabError(failure)).toBe(false);
    expect(failure.message).toMatch(/^cannot find app\/plot: the database does not answer/);
    expect(failure.cause).toBeInstanceOf(Error);
    await store.close();
  });

  it('fails a transaction whose connection is cut between two statements, and nothing else', async () => {
    const database = openDatabase({ url: bed.url, poolSize: 1, applicationName: 'test', log });
    const failure = await failureOf(
      database.transaction('hold on', async (query) => {
        const [row] = await query<{ pid: number }>('ask', 'SELECT pg_backend_pid() AS pid');
        const pid = row?.pid;
        await runSql(bed.url, 'SELECT pg_terminate_backend($1)', [pid]);
        await eventually(async () =>
          expect(
            await runSql(bed.url, 'SELECT pid FROM pg_stat_activity WHERE pid = $1', [pid]),
          ).toEqual([]),
        );
        await query('go on', 'SELECT 1');
      }),
    );
    expect(isLabError(failure)).toBe(false);
    expect(await database.query('ask again', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  });

  it('gives up on a server that accepts and says nothing', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as AddressInfo;
    const store = await storeAt(`postgres://nobody@127.0.0.1:${port}/none`);
    const failure = await failureOf(store.ping());
    expect(failure.message).toMatch(/the database does not answer/);
    await store.close();
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  it('goes on after its connections were cut', async () => {
    await bed.store.apps.register(registration('before'));
    await Promise.all(Array.from({ length: 5 }, () => bed.store.ping()));
    await runSql(
      bed.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await eventually(async () => {
      expect((await bed.store.apps.find('before'))?.name).toBe('before');
    });
    await bed.store.apps.register(registration('after'));
  });

  it('leaves nothing behind of a registration that was cut off', async () => {
    await withClient(bed.url, async (blocker) => {
      await blocker.query('BEGIN');
      // Registrations of new apps wait for this lock: cut one there.
      await blocker.query('LOCK TABLE operations IN EXCLUSIVE MODE');
      const cut = failureOf(
        bed.store.apps.register(registration('cut', { operationId: 'op-cut' })),
      );
      await eventually(async () => {
        const ended = await runSql(
          bed.url,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        expect(ended).toHaveLength(1);
      });
      expect((await cut).message).toMatch(/the database does not answer/);
      await blocker.query('ROLLBACK');
    });
    expect(await bed.store.apps.find('cut')).toBeNull();
    expect(await bed.store.operations.find('op-cut')).toBeNull();
    expect(await bed.store.events.list({ entity: 'app/cut', limit: 1 })).toEqual([]);
  });

  it('does not wait for ever for a lock that another process holds', async () => {
    const own = await openTestStore();
    await own.store.apps.register(registration('held'));
    await withClient(own.url, async (blocker) => {
      await blocker.query('BEGIN');
      await blocker.query('SELECT FROM apps FOR UPDATE');
      const failure = await failureOf(
        own.store.apps.register(registration('held', { spec: { title: 'New' } })),
      );
      expect(failure.message).toMatch(/register app\/held: the database does not answer/);
      await blocker.query('ROLLBACK');
    });
    await own.close();
  });

  it('passes over an app whose removal it meets, without a deadlock', async () => {
    const own = await openTestStore();
    const { routes, use, apps } = own.store;
    await routes.gatewaySeen({ id: 'g', listener: 'apps', host: 'local' });
    const seen = { app: 'met', reason: 'GET /', inFlight: 0, openSockets: 1 };
    const meanwhile = [
      // Its row of use is new, that of its connections is not.
      () => use.report('g', [{ ...seen, lastUseAgoMs: 0 }]),
      () => routes.gatewayGone('g'),
    ];
    for (const meet of meanwhile) {
      await apps.register(registration('met'));
      await use.report('g', [{ ...seen, lastUseAgoMs: null }]);
      await withClient(own.url, async (remover) => {
        await remover.query('BEGIN');
        // Whoever looks first loses a deadlock: the removal, which nobody repeats here.
        await remover.query("SET LOCAL deadlock_timeout = '10ms'");
        await remover.query("SELECT FROM apps WHERE name = 'met' FOR UPDATE");
        const met = meet();
        await eventually(async () => {
          const waiting = await runSql(
            own.url,
            `SELECT FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          );
          expect(waiting).toHaveLength(1);
        });
        await remover.query("DELETE FROM apps WHERE name = 'met'");
        await remover.query('COMMIT');
        await met;
      });
      expect(await apps.find('met')).toBeNull();
    }
    await own.close();
  });

  it('gets through a storm of steps, reports, registrations and removals of the same apps', async () => {
    const own = await openTestStore({ poolSize: 20 });
    const { store } = own;
    await store.routes.gatewaySeen({ id: 'g', listener: 'apps', host: 'local' });
    const names = ['a', 'b', 'c', 'd'];
    const report = (app: string) => ({ app, lastUseAgoMs: 0, reason: 'GET /', openSockets: 1 });
    const storm = async (name: string) => {
      for (let round = 0; round < 15; round += 1) {
        await store.apps.register(registration(name));
        const life = (await store.apps.beginLife(name))?.mark.life ?? 0;
        await Promise.all([
          store.apps.advance(name, { life, revision: 1 }, readyChange(name, round + 1)),
          store.routes.beginClosing(name, round + 1, `${name}-${round}`),
          command(store, name, 'wake'),
          command(store, name, 'remove'),
        ]);
        expect(await store.apps.remove(name, { life, revision: 2 }, {})).toBe(true);
      }
    };
    let isOver = false;
    const reports = async () => {
      while (!isOver) {
        const batch = names.map((name) => ({ ...report(name), inFlight: 0 }));
        // An app may go while its line is written: then the gateway sends the batch again.
        await store.use.report('g', batch).catch((error: unknown) => {
          if (!isLabError(error)) throw error;
        });
      }
    };
    const reporting = Promise.all([reports(), reports()]);
    await Promise.all(names.map(storm));
    isOver = true;
    await reporting;
    expect(await store.apps.list({ limit: 10 })).toEqual([]);
    expect(await store.apps.listLive({ limit: 10 })).toEqual([]);
    await own.close();
  });

  it('names what it refuses for good, with the cause', async () => {
    const refused = registration('Not-A-Label');
    const failure = await failureOf(bed.store.apps.register(refused));
    expect(failure).toMatchObject({ name: 'LabError', type: 'invalid' });
    expect(failure.message).toContain('register app/Not-A-Label');
    expect(failure.cause).toBeInstanceOf(Error);
  });
});
