import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '../../src/cli/collect.ts';
import { labkeeperClient } from '../../src/client/index.ts';
import { readAddresses } from '../../src/supervisor/addresses.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { openEmptyDatabase } from '../store/content.ts';
import { runSql } from '../store/sql.ts';
import { echoApp } from './echo-app.ts';
import { untilStatus } from './lab-view.ts';
import { afterAnswers, useSteadily } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');
const program = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const startDeadlineMs = 90_000;

/** Counts visits in its volume, and tells the secret that it was given. */
const keeper = {
  command: [
    process.execPath,
    '-e',
    `const { appendFileSync, statSync } = require('fs');
     const file = process.env.LABKEEPER_VOLUME_HOME + '/visits';
     require('http').createServer((request, answer) => {
       appendFileSync(file, request.url === '/visit' ? '.' : '');
       answer.end(process.env.KEY + ', visit ' + statSync(file).size);
     }).listen(process.env.PORT, '127.0.0.1');`,
  ],
  secrets: { KEY: 'api-key' },
  volumes: [{ volume: 'home' }],
};

/** The program as people start it. */
function labkeeper(args: string[], settings: Record<string, string>) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...settings },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (text += piece));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, ended, said: () => text };
}

describe.runIf(present)('a lab that is backed up, wiped and restored on an empty machine', () => {
  let folder: string;
  let machine: ReturnType<typeof labkeeper> | null = null;
  const settingsOf = (data: string): Record<string, string> => ({
    ...{ LABKEEPER_DATA: data, LABKEEPER_DOCKER: 'off', LABKEEPER_GATEWAY_VETO_MS: '3000' },
    ...{ LABKEEPER_CONSOLE_PORT: '0', LABKEEPER_APPS_PORT: '0', LABKEEPER_API_PORT: '0' },
    ...{ LABKEEPER_AGENT_PORT: '0', LABKEEPER_GATEWAY_METRICS_PORT: '0' },
    LABKEEPER_WORKER_METRICS_PORT: '0',
  });
  const up = async (data: string) => {
    machine = labkeeper(['up', '--no-example', '--stop-all'], settingsOf(data));
    const { said, child } = machine;
    await eventually(
      () => expect(said() + (child.exitCode ?? '')).toMatch(/Ctrl-C ends it|labkeeper: /),
      {
        deadlineMs: startDeadlineMs,
      },
    );
    expect(said()).toContain('Ctrl-C ends it');
    const addresses = await readAddresses(join(data, 'run'));
    if (addresses === null) throw new Error('no addresses were written');
    return {
      client: labkeeperClient({ baseUrl: addresses.consoleUrl }),
      consoleUrl: addresses.consoleUrl,
      appsUrl: addresses.appsUrl,
    };
  };
  const down = async () => {
    machine?.child.kill('SIGINT');
    await machine?.ended;
    machine = null;
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-backup-'));
    await chmod(folder, 0o755);
  });
  afterAll(async () => {
    await down();
    await rm(folder, { recursive: true, force: true });
  }, startDeadlineMs);

  it('has the same apps, volumes, people and timelines, and its sleeping apps wake', async () => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    const archive = join(folder, 'lab.tar.gz');
    const before = await up(first);
    const { client } = before;
    await client.apps.register('plot', echoApp({ title: 'Live plot' }));
    await client.apps.register('notes', echoApp());
    await client.secrets.set('api-key', 'known to few');
    await client.apps.register('keeper', keeper);
    await client.apps.register('service', echoApp({ alwaysOn: true }));
    await client.people.set('ada@uni.example', { title: 'Ada' });
    await client.spaces.set('ml101', { title: 'Machine Learning', maxApps: 3 });
    await client.spaces.setRole('ml101', 'ada@uni.example', 'instructor');
    const { token } = await client.tokens.create({ label: 'pipeline', person: 'ada@uni.example' });
    const peopleOf = async (of: typeof client) => ({
      people: await collect(of.people.all()),
      spaces: await collect(of.spaces.all()),
      members: await collect(of.spaces.members('ml101')),
    });
    const hadPeople = await peopleOf(client);
    const who = async (appsUrl: string, name: string) => {
      const answer = await fetch(`${appsUrl}/app/${name}/who`, {
        signal: AbortSignal.timeout(40_000),
      });
      expect(answer.status).toBe(200);
    };
    await who(before.appsUrl, 'plot');
    await who(before.appsUrl, 'notes');
    const stop = await client.apps.stop('notes');
    await client.operations.wait(stop.id);
    await eventually(async () => expect((await client.apps.show('service')).status).toBe('ready'), {
      deadlineMs: 40_000,
    });
    const visit = async (appsUrl: string) => (await fetch(`${appsUrl}/app/keeper/visit`)).text();
    expect(await visit(before.appsUrl)).toBe('known to few, visit 1');
    expect(await visit(before.appsUrl)).toBe('known to few, visit 2');
    const timeline = async (of: typeof client, name: string) =>
      (await of.apps.events(name, { limit: 200 })).items.toReversed();
    const told = { plot: await timeline(client, 'plot'), notes: await timeline(client, 'notes') };
    const wasReady = await client.apps.show('plot');

    const backup = labkeeper(['backup', archive], settingsOf(first));
    expect(await backup.ended, backup.said()).toBe(0);
    const busy = labkeeper(['restore', archive], settingsOf(first));
    expect(await busy.ended).toBe(1);
    expect(busy.said()).toContain('labkeeper runs on it');
    await down();
    await rm(first, { recursive: true });

    const restore = labkeeper(['restore', archive], settingsOf(second));
    expect(await restore.ended, restore.said()).toBe(0);
    const after = await up(second);
    const apps = await after.client.apps.list({ limit: 50 });
    expect(apps.items.map(({ name }) => name).sort()).toEqual([
      'keeper',
      'notes',
      'plot',
      'service',
    ]);
    expect(await peopleOf(after.client)).toEqual(hadPeople);
    const asAda = labkeeperClient({ baseUrl: after.consoleUrl, token });
    expect(await asAda.tokens.list()).toMatchObject([{ label: 'pipeline' }]);
    const plot = await after.client.apps.show('plot');
    expect(plot.spec).toEqual(wasReady.spec);
    expect(plot).toMatchObject({
      status: 'asleep',
      explanation: expect.stringContaining('restored from the backup of'),
    });
    for (const name of ['plot', 'notes'] as const) {
      const now = await timeline(after.client, name);
      const facts = (events: typeof now) =>
        events.map(({ at, actor, what, why }) => ({ at, actor, what, why }));
      expect(facts(now).slice(0, told[name].length)).toEqual(facts(told[name]));
    }
    await eventually(
      async () => expect((await after.client.apps.show('service')).status).toBe('ready'),
      {
        deadlineMs: 60_000,
      },
    );
    await who(after.appsUrl, 'notes');
    await who(after.appsUrl, 'plot');
    expect(await visit(after.appsUrl)).toBe('known to few, visit 3');
    const awake = await after.client.apps.show('plot');
    expect(awake.condition.generation).toBeGreaterThan(wasReady.condition.generation);
  }, 300_000);
});

describe.runIf(present)('a backup while apps wake and sleep', () => {
  let lab: Lab;
  let folder: string;
  beforeAll(async () => {
    lab = await startLab();
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-backup-'));
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  it('is of one moment each time, and nobody notices', async () => {
    const names = ['one', 'two', 'three', 'four'];
    await lab.client.apps.register('used', echoApp());
    for (const name of names) await lab.client.apps.register(name, echoApp());
    await fetch(lab.appUrl('used', '/who'));
    await untilStatus(lab, 'used', 'ready');
    const visitor = await useSteadily((path) => lab.appUrl('used', path));
    let turning = true;
    let turns = 0;
    const turn = async (name: string) => {
      while (turning) {
        const wake = await lab.client.apps.start(name);
        await lab.client.operations.wait(wake.id);
        const sleep = await lab.client.apps.stop(name);
        await lab.client.operations.wait(sleep.id);
        turns += 1;
      }
    };
    const all = Promise.all(names.map(turn));
    all.catch(() => (turning = false));
    const archives = [1, 2, 3].map((count) => join(folder, `${count}.tar.gz`));
    for (const archive of archives) {
      const seen = turns;
      const backup = labkeeper(['backup', archive], lab.environment);
      expect(await backup.ended, backup.said()).toBe(0);
      await eventually(() => expect(turns).toBeGreaterThan(seen), { deadlineMs: 60_000 });
    }
    await afterAnswers(visitor, 101);
    turning = false;
    await all;
    const experience = await visitor.stop();
    expect(experience.failures).toEqual([]);
    expect(experience.pids).toHaveLength(1);
    expect(experience.answers).toBeGreaterThan(100);
    // What still runs here would be in the way of a restore.
    const { id } = await lab.client.apps.stop('used');
    await lab.client.operations.wait(id);
    for (const archive of archives) await expectWhole(archive, `${archive}.restored`);
  }, 300_000);
});

/** Restores it elsewhere, and looks for halves: what one statement wrote is there together or not at all. */
async function expectWhole(archive: string, data: string): Promise<void> {
  const { url, drop } = await openEmptyDatabase();
  const settings = { LABKEEPER_DATA: data, LABKEEPER_DATABASE_URL: url };
  const restored = labkeeper(['restore', archive], settings);
  expect(await restored.ended, restored.said()).toBe(0);
  const [halves] = await runSql(
    url,
    `SELECT (SELECT count(*)::integer FROM operations) AS operations,
       (SELECT count(*)::integer FROM operations WHERE NOT EXISTS (
         SELECT FROM events WHERE data ->> 'operation' = operations.id)) AS without_event,
       (SELECT count(*)::integer FROM events WHERE data ->> 'operation' IS NOT NULL
         AND data ->> 'operation' NOT IN (SELECT id FROM operations)) AS without_operation`,
  );
  expect(halves).toMatchObject({ without_event: 0, without_operation: 0 });
  expect(Number(halves?.['operations'])).toBeGreaterThan(4);
  await drop();
}
