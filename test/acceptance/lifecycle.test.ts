import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { openSocket } from '../beds/socket.ts';
import { echoApp, visitPage } from './echo-app.ts';

const present = requirePart('temporal') && requirePart('postgres');

describe.runIf(present)('an app on the whole product', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  const status = async (name: string) => (await lab.client.apps.show(name)).status;
  const until = (name: string, expected: string, deadlineMs = 20_000) =>
    eventually(async () => expect(await status(name)).toBe(expected), { deadlineMs });
  const instancesOf = async (name: string) =>
    (await lab.runningInstances()).filter((instance) => instance.startsWith(`app-${name}-`));

  it('is registered asleep, wakes for an API call, serves it, stops and is removed', async () => {
    await lab.client.apps.register('walk', echoApp());
    expect(await status('walk')).toBe('asleep');
    const answer = await fetch(lab.appUrl('walk', '/who'));
    expect(answer.status).toBe(200);
    await until('walk', 'ready');
    expect(await instancesOf('walk')).toEqual(['app-walk-1']);
    await lab.client.apps.stop('walk');
    await until('walk', 'asleep');
    expect(await instancesOf('walk')).toEqual([]);
    await lab.client.apps.remove('walk');
    await eventually(async () => {
      await expect(lab.client.apps.show('walk')).rejects.toMatchObject({ status: 404 });
    });
    const events = await lab.store.events.list({ entity: 'app/walk', limit: 50 });
    expect(events.map(({ what }) => what).toReversed()).toEqual(
      expect.arrayContaining(['registered', 'starting', 'ready', 'stopped', 'removed']),
    );
  });

  it('shows a browser the waiting page and then the app', async () => {
    await lab.client.apps.register('page', echoApp({ environment: { BOOT_DELAY_MS: '500' } }));
    const first = await visitPage(lab.appUrl('page'));
    expect(first.status).toBe(200);
    expect(first.headers['cache-control']).toContain('no-store');
    expect(first.body).toContain('page');
    expect(first.body).not.toContain('echo /');
    await until('page', 'ready');
    expect((await visitPage(lab.appUrl('page'))).body).toContain('echo /');
  });

  it('starts one instance for two hundred first visits at once and answers them all', async () => {
    await lab.client.apps.register('storm', echoApp({ environment: { BOOT_DELAY_MS: '300' } }));
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => fetch(lab.appUrl('storm', '/who'))),
    );
    expect(answers.every(({ status: code }) => code === 200)).toBe(true);
    const pids = new Set(
      await Promise.all(
        answers.map(async (answer) => ((await answer.json()) as { pid: number }).pid),
      ),
    );
    expect(pids.size).toBe(1);
    expect(await instancesOf('storm')).toEqual(['app-storm-1']);
  });

  it('falls asleep although a tab stays open that only pings', async () => {
    await lab.client.apps.register(
      'pinged',
      echoApp({ idle: { idleAfterMs: 1_500, disconnectedAfterMs: 1_500, warnBeforeMs: 0 } }),
    );
    await fetch(lab.appUrl('pinged', '/who'));
    const { socket, closed } = await openSocket(lab.appUrl('pinged', '/socket'));
    const pinging = setInterval(() => socket.ping(), 100);
    expect(await closed).toBe(1001);
    clearInterval(pinging);
    await until('pinged', 'asleep');
  });

  it('stays awake while data frames come, and says why', async () => {
    await lab.client.apps.register(
      'chatty',
      echoApp({ idle: { idleAfterMs: 1_000, disconnectedAfterMs: 1_000, warnBeforeMs: 0 } }),
    );
    await fetch(lab.appUrl('chatty', '/who'));
    const { socket, received } = await openSocket(lab.appUrl('chatty', '/socket'));
    // Ten frames, each just before the idle time: in all many idle times long.
    for (let frame = 1; frame <= 5; frame += 1) {
      socket.send(`frame ${frame}`);
      await eventually(async () => {
        expect(received).toContain(`frame ${frame}`);
        const use = await lab.store.use.read('chatty');
        expect(use?.reason).toContain('WebSocket');
        expect(use?.idleMs).toBeGreaterThan(700);
      });
    }
    expect(await instancesOf('chatty')).toEqual(['app-chatty-1']);
    socket.close();
    await until('chatty', 'asleep');
  });

  it('does not sleep during a download that is longer than the idle time', async () => {
    await lab.client.apps.register(
      'download',
      echoApp({ idle: { idleAfterMs: 500, disconnectedAfterMs: 500, warnBeforeMs: 0 } }),
    );
    const answer = await fetch(lab.appUrl('download', '/slow?ms=3000'));
    expect(await answer.text()).toBe('begin\nend\n');
    await until('download', 'asleep');
  });

  it('restarts after a crash and gives up with exit code and last log lines', async () => {
    await lab.client.apps.register('crashy', echoApp());
    await fetch(lab.appUrl('crashy', '/who'));
    for (let crash = 1; crash <= 4; crash += 1) {
      await eventually(async () => {
        const shown = await lab.client.apps.show('crashy');
        expect(shown).toMatchObject({ status: 'ready', condition: { generation: crash } });
      });
      await fetch(lab.appUrl('crashy', '/crash?code=7'));
    }
    await until('crashy', 'failed');
    const { condition, explanation } = await lab.client.apps.show('crashy');
    expect(condition.exit).toEqual({ exitCode: 7, signal: null, outOfMemory: false });
    expect(condition.lastLogLines).toContain('crashing because somebody asked');
    expect(explanation).toContain('exited with code 7; gave up after 3 restarts');
    const again = await fetch(lab.appUrl('crashy', '/who'));
    expect(again.status).toBe(200);
  });

  it('says in plain words why a start failed', async () => {
    const cases = [
      ['absent', { command: ['/no/such/program'] }, /no\/such\/program/],
      ['quits', { command: [process.execPath, '-e', 'process.exit(9)'] }, /exited with code 9/],
      [
        'hangs',
        {
          environment: { BOOT_DELAY_MS: '60000' },
          health: { path: '/health', startDeadlineMs: 500 },
        },
        /not healthy within 500 ms/,
      ],
      [
        'unwell',
        {
          environment: { HEALTH_STATUS: '500' },
          health: { path: '/health', startDeadlineMs: 800 },
        },
        /\/health answered 500/,
      ],
    ] as const;
    for (const [name, changes] of cases) {
      await lab.client.apps.register(name, echoApp(changes as Parameters<typeof echoApp>[0]));
      await lab.client.apps.start(name);
    }
    for (const [name, , reason] of cases) {
      await until(name, 'failed');
      const shown = await lab.client.apps.show(name);
      expect(shown.explanation).toMatch(reason);
      expect(await instancesOf(name)).toEqual([]);
    }
  });

  it('ends where the last wish points when wake, stop and remove race', async () => {
    await lab.client.apps.register('race', echoApp({ environment: { BOOT_DELAY_MS: '200' } }));
    await lab.client.apps.start('race');
    await until('race', 'starting');
    await lab.client.apps.stop('race');
    await lab.client.apps.start('race');
    await until('race', 'ready');
    await lab.client.apps.stop('race');
    const answer = await fetch(lab.appUrl('race', '/who'));
    expect(answer.status).toBe(200);
    await until('race', 'ready');
    expect(await instancesOf('race')).toHaveLength(1);
    await lab.client.apps.restart('race');
    await lab.client.apps.remove('race');
    await eventually(async () => {
      await expect(lab.client.apps.show('race')).rejects.toMatchObject({ status: 404 });
      expect(await instancesOf('race')).toEqual([]);
    });
  });
});
