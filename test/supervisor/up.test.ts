import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Addresses } from '../../src/supervisor/addresses.ts';
import { findFreePort } from '../../src/supervisor/free-port.ts';
import { identify } from '../../src/supervisor/process-identity.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import {
  askDoctor,
  knownAddresses,
  endLeftovers,
  startDeadlineMs,
  startUp,
  untilReady,
  upSettings,
  type Up,
} from './up-bed.ts';

/** One machine's life, in order: each test goes on where the one before it left. */
describe.runIf(requirePart('temporal') && requirePart('postgres'))('labkeeper up', () => {
  let folder: string;
  let busy: Server;
  let settings: Record<string, string>;
  let first: Up;
  let second: Up;
  let addresses: Addresses;
  let before: Record<string, number>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-up-'));
    await chmod(folder, 0o755);
    busy = createServer().listen(0, '127.0.0.1');
    await once(busy, 'listening');
    settings = {
      ...upSettings(folder),
      LABKEEPER_CONSOLE_PORT: String((busy.address() as { port: number }).port),
      LABKEEPER_APPS_PORT: String(await findFreePort({ wanted: 0, address: '127.0.0.1' })),
    };
    first = up();
    await untilReady(first);
    addresses = await known();
  }, startDeadlineMs);
  afterAll(async () => {
    busy.close();
    for (const one of [first, second]) one?.child.kill('SIGTERM');
    await Promise.all([first?.ended, second?.ended]);
    await endLeftovers(folder);
    await rm(folder, { recursive: true, force: true });
  }, startDeadlineMs);

  const up = (...args: string[]) => startUp(settings, ...args);
  const known = () => knownAddresses(folder);

  async function pids(): Promise<Record<string, number>> {
    const record = async (path: string) =>
      JSON.parse(await readFile(join(folder, 'data', path), 'utf8')) as {
        process: { pid: number };
      };
    const postmaster = await readFile(join(folder, 'data', 'postgres', 'postmaster.pid'), 'utf8');
    return {
      postgres: Number(postmaster.split('\n', 1)[0]),
      temporal: (await record('temporal/server.json')).process.pid,
      worker: (await record('run/worker.json')).process.pid,
      api: (await record('run/api.json')).process.pid,
      gateway: (await record('run/gateway.json')).process.pid,
    };
  }

  interface AppAnswer {
    url: string;
    status: string;
    condition: { generation: number };
  }
  const example = async (): Promise<AppAnswer> => {
    const { consoleUrl } = await known();
    return (await (await fetch(`${consoleUrl}/api/v1/apps/board`)).json()) as AppAnswer;
  };

  it('prints three addresses, and all of them work', async () => {
    const urls = first.output().match(/http:\/\/\S+/g) ?? [];
    expect(urls).toHaveLength(3);
    const answers = await Promise.all(urls.map((url) => fetch(url)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await eventually(async () => expect((await example()).status).toBe('ready'), {
      deadlineMs: 20_000,
    });
  });

  it('takes the next free port for a busy one, and says so', () => {
    const wished = settings['LABKEEPER_CONSOLE_PORT'];
    expect(first.output()).toContain(`port ${wished} is busy, so console is on`);
    expect(addresses.consoleUrl).not.toContain(`:${wished}`);
  });

  it('is found well by the doctor, part by part', () => {
    const { status, ok, checks } = askDoctor(settings);
    const failed = checks.filter(({ state }) => state === 'failed');
    expect(failed).toEqual([]);
    expect({ ok, status }).toEqual({ ok: true, status: 0 });
    const well = checks.filter(({ state }) => state === 'ok').map(({ name }) => name);
    const parts = ['PostgreSQL', 'Temporal', 'host local', 'API', 'gateway', 'worker', 'labkeeper'];
    expect(well).toEqual(expect.arrayContaining(parts));
  });

  it('refuses a second supervisor on the same data', async () => {
    const rival = up();
    expect(await rival.ended).toBe(1);
    expect(rival.output()).toContain('runs already on this data folder');
  });

  it('starts a process again that was killed', async () => {
    before = await pids();
    process.kill(before['api'] ?? 0, 'SIGKILL');
    await eventually(
      async () => {
        expect((await pids())['api']).not.toBe(before['api']);
        expect((await fetch(`${addresses.consoleUrl}/api/v1/apps`)).status).toBe(200);
      },
      { deadlineMs: 30_000 },
    );
    expect(first.output()).toContain('the api process died (SIGKILL)');
  });

  it('starts an engine again that was killed', async () => {
    process.kill(before['temporal'] ?? 0, 'SIGKILL');
    await eventually(() => expect(first.output()).toContain('Temporal runs again'), {
      deadlineMs: 30_000,
    });
    expect((await pids())['temporal']).not.toBe(before['temporal']);
  });

  it('adopts engines and apps after a kill -9 and finds everything as it was', async () => {
    before = await pids();
    const app = await example();
    first.child.kill('SIGKILL');
    await first.ended;
    expect((await fetch(app.url)).status).toBe(200);

    second = up();
    await untilReady(second);
    const after = await pids();
    expect(second.output()).toContain('PostgreSQL runs already');
    expect(second.output()).toContain('Temporal runs already');
    const { postgres, temporal, gateway } = before;
    expect(after).toMatchObject({ postgres, temporal, gateway });
    expect(after['worker']).not.toBe(before['worker']);
    expect(after['api']).not.toBe(before['api']);
    expect((await known()).consoleUrl).toBe(addresses.consoleUrl);
    expect((await fetch(app.url)).status).toBe(200);
    expect((await example()).condition.generation).toBe(app.condition.generation);
  }, 120_000);

  it('ends everything in order and says which apps go on', async () => {
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);
    expect(second.output()).toContain('These apps go on running: board');
    const alive = Object.entries(before).filter(([, pid]) => identify(pid) !== null);
    expect(alive).toEqual([]);
  }, 60_000);

  it('puts every app to sleep at its end with --stop-all', async () => {
    second = up('--stop-all');
    await untilReady(second);
    expect((await example()).status).toBe('ready');
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(second.output()).toContain('Putting to sleep: board');
    expect(second.output()).not.toContain('go on running:');
  }, 120_000);
});
