import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import { labels } from '../../src/model/instance-labels.ts';
import { startDockerEngine, type DockerEngine } from '../beds/docker.ts';
import { eventually } from '../beds/eventually.ts';
import { busyboxImage, nodeImage } from '../beds/images.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { openSocket } from '../beds/socket.ts';
import { patienceMs, timelineOf, untilStatus } from './lab-view.ts';

const present =
  requirePart('temporal') &&
  requirePart('postgres') &&
  requirePart('docker') &&
  requirePart('busybox');

describe.runIf(present)('an app in a container', () => {
  let engine: DockerEngine;
  let lab: Lab;
  let node: string;
  let busybox: string;
  beforeAll(async () => {
    engine = await startDockerEngine();
    [node, busybox] = await Promise.all([nodeImage(engine.docker), busyboxImage(engine.docker)]);
    lab = await startLab({
      LABKEEPER_DOCKER: 'on',
      LABKEEPER_DOCKER_SOCKET: engine.socketPath,
      LABKEEPER_PROCESS: 'off',
      LABKEEPER_RECONCILE_MS: '700',
    });
  }, 180_000);
  afterAll(async () => {
    await lab?.close();
    await engine?.stop();
  }, 90_000);

  const container = (changes: Partial<AppSpecInput> = {}): AppSpecInput => ({
    image: node,
    port: 8080,
    health: { path: '/health', startDeadlineMs: 30_000 },
    stopGraceMs: 1_000,
    restart: { initialDelayMs: 50, maxDelayMs: 200, maxRestarts: 3, windowMs: 60_000 },
    ...changes,
  });
  const containersOf = async (name: string) =>
    await engine.docker.listContainers({
      all: true,
      filters: { label: [`${labels.entity}=app/${name}`] },
    });
  const untilDocker = (ready: boolean) =>
    eventually(
      async () => {
        const [host] = await lab.client.hosts.list();
        expect(host?.runtimes.find(({ kind }) => kind === 'docker')?.ready).toBe(ready);
      },
      { deadlineMs: patienceMs },
    );
  const visit = async (name: string, path = '/') => {
    const answer = await fetch(lab.appUrl(name, path));
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    return text;
  };

  it('wakes for a visit, serves HTTP and WebSocket, and sleeps without a trace', async () => {
    await lab.client.apps.register(
      'boxed',
      container({ idle: { idleAfterMs: 1_500, disconnectedAfterMs: 1_500, warnBeforeMs: 0 } }),
    );
    expect(JSON.parse(await visit('boxed', '/hello'))).toMatchObject({ path: '/hello' });
    const { socket, received } = await openSocket(lab.appUrl('boxed', '/socket'));
    socket.send('through the wall');
    await eventually(() => expect(received).toEqual(['through the wall']));
    expect(await containersOf('boxed')).toHaveLength(1);
    socket.close();
    await untilStatus(lab, 'boxed', 'asleep');
    expect(await containersOf('boxed')).toEqual([]);
    await visit('boxed');
  });

  it('says why it cannot start: no image, nobody on its port, too little memory', async () => {
    const cases: [string, Partial<AppSpecInput>, RegExp][] = [
      ['no-image', { image: 'labkeeper-test/never-made:7' }, /never-made:7/],
      [
        'no-port',
        { port: 9999, environment: { PORT: '8080' }, health: { startDeadlineMs: 2_000 } },
        /not healthy within 2000 ms.*port 9999/,
      ],
      [
        'no-room',
        {
          image: busybox,
          command: ['sh', '-c', 'x=a; while true; do x=$x$x; done'],
          limits: { memoryBytes: 32 * 1024 * 1024 },
          restart: { maxRestarts: 0 },
        },
        /more memory than its limit/,
      ],
    ];
    for (const [name, changes] of cases) {
      await lab.client.apps.register(name, container(changes));
      await lab.client.apps.start(name);
    }
    for (const [name, , reason] of cases) {
      expect((await untilStatus(lab, name, 'failed')).explanation).toMatch(reason);
      expect(await containersOf(name)).toEqual([]);
    }
  });

  it('is told as out of memory when that ends it in use, and starts again', async () => {
    await lab.client.apps.register(
      'hungry',
      container({ limits: { memoryBytes: 128 * 1024 * 1024 } }),
    );
    await visit('hungry');
    const hog = fetch(lab.appUrl('hungry', '/hog?bytes=400000000'));
    await eventually(
      async () => {
        const { items } = await lab.client.apps.events('hungry');
        const crash = items.find(({ what }) => what === 'crashed');
        expect(crash?.why).toContain('more memory than its limit');
        expect(crash?.data).toMatchObject({ exit: { outOfMemory: true } });
      },
      { deadlineMs: patienceMs },
    );
    // The gateway may try it once more on the next instance, and then no further one dies of it.
    await untilStatus(lab, 'hungry', 'ready');
    expect((await hog).status).toBe(502);
    await untilStatus(lab, 'hungry', 'ready');
    await visit('hungry');
    expect((await lab.client.apps.show('hungry')).condition.generation).toBeLessThanOrEqual(3);
    expect(await containersOf('hungry')).toHaveLength(1);
  });

  it('is made once although the worker dies while it starts', async () => {
    await lab.client.apps.register(
      'begun',
      container({
        command: ['/bin/node', '-e', 'setTimeout(() => import("/app.mjs"), 2500)'],
      }),
    );
    const start = await lab.client.apps.start('begun');
    const made = await eventually(
      async () => {
        const [one] = await containersOf('begun');
        expect(one?.State).toBe('running');
        return one?.Id;
      },
      { deadlineMs: patienceMs },
    );
    await lab.worker.kill9();
    await lab.worker.start();
    await untilStatus(lab, 'begun', 'ready');
    expect(await lab.client.operations.wait(start.id)).toMatchObject({ state: 'succeeded' });
    expect((await containersOf('begun')).map(({ Id }) => Id)).toEqual([made]);
  });

  it('that nobody wants is removed at the second look, unless a person protects it', async () => {
    const installation = await lab.store.installation();
    // Names as our own have them; only the labels tell whose they are.
    const make = async (name: string, more: Record<string, string> = {}) => {
      const made = await engine.docker.createContainer({
        name: `labkeeper-${installation.slice(0, 8)}-app-${name}-1`,
        Image: busybox,
        Cmd: ['sleep', '600'],
        HostConfig: { Init: true },
        Labels: {
          [labels.installation]: installation,
          [labels.entity]: `app/${name}`,
          [labels.generation]: '1',
          'labkeeper.instance': `app-${name}-1`,
          ...more,
        },
      });
      await made.start();
      return made;
    };
    await lab.worker.kill9();
    await make('stray');
    const kept = await make('precious', { [labels.protect]: 'true' });
    const stranger = await make('stranger', { [labels.installation]: 'another' });
    await lab.worker.start();
    await eventually(async () => expect(await containersOf('stray')).toEqual([]), {
      deadlineMs: patienceMs,
    });
    expect(lab.worker.output()).toContain('orphan removed');
    for (const one of [kept, stranger]) {
      expect((await one.inspect()).State.Running).toBe(true);
      await one.remove({ force: true });
    }
  });

  it('is started again after the engine was restarted, once', async () => {
    await lab.client.apps.register('endures', container());
    await visit('endures');
    const [before] = await containersOf('endures');
    await engine.halt();
    // Down for so long that everybody knows it.
    await untilDocker(false);
    await engine.start();
    await eventually(
      async () => {
        const shown = await lab.client.apps.show('endures');
        expect(shown.status, shown.explanation).toBe('ready');
        expect(shown.condition.generation).toBeGreaterThan(1);
      },
      { deadlineMs: patienceMs },
    );
    await visit('endures');
    const after = await containersOf('endures');
    expect(after.map(({ State }) => State)).toEqual(['running']);
    expect(after[0]?.Id).not.toBe(before?.Id);
    expect(await timelineOf(lab, 'endures')).toContain('crashed');
  });

  it('that an empty host cannot run is refused at once, not waited for', async () => {
    await lab.client.apps.register('plain', { command: ['/bin/true'] });
    await lab.client.apps.start('plain');
    expect((await untilStatus(lab, 'plain', 'failed')).explanation).toContain(
      'no host runs commands (local: LABKEEPER_PROCESS is off)',
    );
  });

  it('waits for an engine that is away, says so, and starts when it is back', async () => {
    await lab.client.apps.register('patient', container());
    await engine.halt();
    await untilDocker(false);
    const start = await lab.client.apps.start('patient');
    try {
      await eventually(
        async () => {
          const { explanation } = await lab.client.apps.show('patient');
          expect(explanation).toMatch(/Docker/);
        },
        { deadlineMs: patienceMs },
      );
    } finally {
      await engine.start();
    }
    await untilStatus(lab, 'patient', 'ready');
    expect(await lab.client.operations.wait(start.id)).toMatchObject({ state: 'succeeded' });
    expect(await containersOf('patient')).toHaveLength(1);
  });
});
