import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labkeeperClient, type LabkeeperClient } from '../../src/client/index.ts';
import { identify } from '../../src/supervisor/process-identity.ts';
import { echoApp } from '../acceptance/echo-app.ts';
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

const parts = ['temporal', 'temporal-server', 'postgres'] as const;

/**
 * One data folder's life, in order: begun in the development way, moved to production, killed,
 * adopted, ended.
 */
describe.runIf(parts.every(requirePart))('labkeeper up --production', () => {
  let folder: string;
  let settings: Record<string, string>;
  let development: Up;
  let first: Up;
  let second: Up;
  let before: Record<string, number>;
  let awake: { pid: number; url: string };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-production-'));
    await chmod(folder, 0o755);
    settings = { ...upSettings(folder), LABKEEPER_TEMPORAL_RETENTION_DAYS: '3' };
    development = startUp(settings, '--no-example');
    await untilReady(development);
    const client = await api();
    for (const name of ['awake', 'asleep']) await client.apps.register(name, echoApp());
    awake = await whoIs('awake');
    // Killed, as by a power cut: the development server is left at work.
    development.child.kill('SIGKILL');
    await development.ended;
    first = startUp(settings, '--production', '--no-example');
    await untilReady(first);
  }, 2 * startDeadlineMs);
  afterAll(async () => {
    for (const one of [development, first, second]) one?.child.kill('SIGTERM');
    await Promise.all([development?.ended, first?.ended, second?.ended]);
    await endLeftovers(folder);
    await rm(folder, { recursive: true, force: true });
  }, startDeadlineMs);

  const api = async (): Promise<LabkeeperClient> =>
    labkeeperClient({ baseUrl: (await knownAddresses(folder)).consoleUrl });

  async function whoIs(name: string): Promise<{ pid: number; url: string }> {
    const url = `${(await knownAddresses(folder)).appsUrl}/app/${name}/who`;
    const answer = await fetch(url);
    expect(answer.status, await answer.clone().text()).toBe(200);
    return { ...((await answer.json()) as { pid: number }), url };
  }

  async function pids(): Promise<Record<string, number>> {
    const text = (path: string) => readFile(join(folder, 'data', path), 'utf8');
    const record = async (path: string) =>
      (JSON.parse(await text(path)) as { process: { pid: number } }).process.pid;
    return {
      postgres: Number((await text('postgres/postmaster.pid')).split('\n', 1)[0]),
      temporal: await record('temporal/production/server.json'),
      temporalUi: await record('temporal/production/ui.json'),
      worker: await record('run/worker.json'),
    };
  }

  const untilEveryWorkflowIsOpen = async (client: Client, name: string) =>
    eventually(
      async () => {
        const { status } = await client.workflow.getHandle(`app/${name}`).describe();
        expect(status.name).toBe('RUNNING');
      },
      { deadlineMs: 45_000 },
    );

  it('takes a data folder over that was begun without it: apps go on and lose nothing', async () => {
    expect(first.output()).toContain('moving to the production set-up');
    expect(first.output()).toContain('Temporal on PostgreSQL started in');
    expect((await fetch(awake.url)).status).toBe(200);
    expect((await whoIs('awake')).pid).toBe(awake.pid);
    const { apps, operations } = await api();
    const stop = await apps.stop('awake');
    expect(await operations.wait(stop.id)).toMatchObject({ state: 'succeeded' });
    expect((await whoIs('asleep')).pid).not.toBe(awake.pid);
    expect((await whoIs('awake')).pid).not.toBe(awake.pid);
    const events = await apps.events('awake');
    expect(events.items.filter(({ what }) => what === 'registered')).toHaveLength(1);
  });

  it('registers the namespace, keeps what is over as long as the setting says, and filters apps', async () => {
    const { temporalAddress } = await knownAddresses(folder);
    const connection = await Connection.connect({ address: temporalAddress });
    try {
      const namespace = 'default';
      const { config } = await connection.workflowService.describeNamespace({ namespace });
      expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(3 * 86_400);
      const client = new Client({ connection });
      await untilEveryWorkflowIsOpen(client, 'awake');
      await eventually(async () => {
        const found = await client.workflow.count('AppState = "ready" AND Host = "local"');
        expect(found.count).toBe(2);
      });
    } finally {
      await connection.close();
    }
  });

  it('is found well by the doctor, server and Web UI too', () => {
    const { status, ok, checks } = askDoctor(settings);
    const unwell = checks.filter(({ state }) => state === 'failed' || state === 'warning');
    // How many files may be open is the machine's.
    expect(unwell.filter(({ name }) => name !== 'process limits')).toEqual([]);
    expect({ ok, status }).toEqual({ ok: true, status: 0 });
    const well = checks.filter(({ state }) => state === 'ok').map(({ name }) => name);
    expect(well).toEqual(
      expect.arrayContaining(['Temporal server', 'Temporal', 'Temporal Web UI', 'PostgreSQL']),
    );
  });

  it('starts server and Web UI again when they are killed', async () => {
    before = await pids();
    process.kill(before['temporal'] ?? 0, 'SIGKILL');
    process.kill(before['temporalUi'] ?? 0, 'SIGKILL');
    await eventually(
      () => {
        expect(first.output()).toContain('Temporal runs again');
        expect(first.output()).toContain('the Temporal Web UI runs again');
      },
      { deadlineMs: 30_000 },
    );
    const after = await pids();
    expect(after['temporal']).not.toBe(before['temporal']);
    expect(after['temporalUi']).not.toBe(before['temporalUi']);
    const { temporalUiUrl } = await knownAddresses(folder);
    expect((await fetch(temporalUiUrl ?? '')).status).toBe(200);
  });

  it('adopts them after a kill -9 and finds everything as it was', async () => {
    before = await pids();
    const { pid } = await whoIs('awake');
    first.child.kill('SIGKILL');
    await first.ended;
    expect((await fetch(awake.url)).status).toBe(200);
    second = startUp(settings, '--production', '--no-example');
    await untilReady(second);
    const { worker, ...engines } = before;
    expect(await pids()).toMatchObject(engines);
    expect((await pids())['worker']).not.toBe(worker);
    expect(second.output()).toContain('Temporal on PostgreSQL runs already');
    expect((await whoIs('awake')).pid).toBe(pid);
  }, 120_000);

  it('ends everything in order', async () => {
    const { apps, operations } = await api();
    for (const name of ['awake', 'asleep']) {
      await operations.wait((await apps.stop(name)).id);
    }
    before = await pids();
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(Object.entries(before).filter(([, pid]) => identify(pid) !== null)).toEqual([]);
  }, 60_000);

  it('does not fall back to the development server: a start without the word is refused', async () => {
    const without = startUp(settings, '--no-example');
    expect(await without.ended).toBe(1);
    expect(without.output()).toContain('add --production, or choose another folder with --data');
  });

  it('names the ways to have the programs where there are none, and leaves nothing running', async () => {
    const bare = {
      ...settings,
      ...{ LABKEEPER_DATA: join(folder, 'other'), PATH: '/usr/bin:/bin' },
      XDG_CACHE_HOME: join(folder, 'empty'),
    };
    const without = startUp(bare, '--production', '--no-example');
    expect(await without.ended).toBe(1);
    const ways = [
      'LABKEEPER_TEMPORAL_SERVER',
      'on PATH',
      'setup.mjs --production',
      'TEMPORAL_ADDRESS',
    ];
    for (const way of ways) expect(without.output()).toContain(way);
    const postmaster = join(folder, 'other', 'postgres', 'postmaster.pid');
    await expect(readFile(postmaster)).rejects.toThrow('ENOENT');
  });
});
