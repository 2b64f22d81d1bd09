import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { openSocket } from '../beds/socket.ts';
import { outage, outageTestMs } from './chance.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { instancesOf, patienceMs, timelineOf, untilStatus, whoIs } from './lab-view.ts';
import { afterAnswers, useSteadily } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');
/** Shorter than an outage, so that one that is not counted as use would end the app. */
const shortIdle = { idleAfterMs: 3_000, disconnectedAfterMs: 3_000, warnBeforeMs: 0 };

describe.runIf(present)('when the database is away', { timeout: outageTestMs }, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.postgres.thaw();
    await lab?.close();
  }, 60_000);

  const use = (name: string, options: Parameters<typeof useSteadily>[1] = {}) =>
    useSteadily((path) => lab.appUrl(name, path), options);
  const askApi = (path: string, init: RequestInit = {}) =>
    fetch(`${lab.consoleUrl}/api/v1${path}`, { ...init, signal: AbortSignal.timeout(40_000) });
  const works = async (name: string) => {
    await lab.client.apps.register(name, echoApp());
    await whoIs(lab, name);
    await lab.client.operations.wait((await lab.client.apps.stop(name)).id);
    await untilStatus(lab, name, 'asleep');
  };

  it('apps in use are served, everything else says so, and all goes on when it is back', async () => {
    await lab.client.apps.register('used', echoApp({ idle: shortIdle }));
    await lab.client.apps.register('quiet', echoApp({ apiHoldMs: 300 }));
    await lab.client.apps.register('crashes', echoApp());
    await lab.client.apps.register('begins', echoApp({ environment: { BOOT_DELAY_MS: '2000' } }));
    await Promise.all([whoIs(lab, 'used'), whoIs(lab, 'crashes')]);
    const visitor = await use('used');
    const begins = await lab.client.apps.start('begins');
    await untilStatus(lab, 'begins', 'starting');

    await lab.postgres.stop();
    await fetch(lab.appUrl('crashes', '/crash?code=5'));
    for (const [path, method] of [
      ['/apps', 'GET'],
      ['/apps/used', 'GET'],
      ['/apps/quiet/start', 'POST'],
      ['/apps/quiet', 'DELETE'],
    ] as const) {
      const answer = await askApi(path, { method });
      expect(answer.status, `${method} ${path}`).toBe(503);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await answer.text()).toContain('database does not answer');
    }
    await eventually(async () => {
      const page = await visitPage(lab.appUrl('quiet'));
      expect(page.status).toBe(200);
      expect(page.body).toMatch(/database does not answer/);
    });
    const call = await fetch(lab.appUrl('quiet', '/who'));
    expect(call.status).toBe(503);
    expect(Number(call.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await call.text()).toContain('could not be woken yet');
    expect((await fetch(lab.appUrl('never-heard-of'))).status).toBeGreaterThanOrEqual(404);
    await outage();
    expect(visitor.soFar().failures).toEqual([]);
    await lab.postgres.start();

    await eventually(async () => expect((await askApi('/apps')).status).toBe(200), {
      deadlineMs: patienceMs,
    });
    expect(await lab.client.operations.wait(begins.id)).toMatchObject({ state: 'succeeded' });
    await eventually(
      async () =>
        expect(await timelineOf(lab, 'crashes')).toEqual([
          'registered',
          'wake asked for',
          'starting',
          'ready',
          'crashed',
          'starting',
          'ready',
        ]),
      { deadlineMs: patienceMs },
    );
    await works('after-outage');
    // Use went on all the time, and beyond the idle time after the return.
    await afterAnswers(visitor, 60);
    const experience = await visitor.stop();
    expect(experience.failures).toEqual([]);
    expect(experience.pids).toHaveLength(1);
    expect(await timelineOf(lab, 'used')).toEqual([
      'registered',
      'wake asked for',
      'starting',
      'ready',
    ]);
    await untilStatus(lab, 'used', 'asleep');
  });

  it('a gateway that starts then serves what it knew, and catches up later', async () => {
    await lab.client.apps.register('known', echoApp({ idle: shortIdle }));
    const pid = await whoIs(lab, 'known');
    await lab.client.apps.register('dozing', echoApp());
    // The snapshot of routes is written soon after a change, not with it.
    await eventually(async () => {
      const text = await readFile(join(lab.folder, 'run', 'gateway-routes.json'), 'utf8');
      const routes = JSON.parse(text) as { app: string; target: unknown }[];
      expect(routes.find(({ app }) => app === 'known')?.target).not.toBeNull();
      expect(routes.some(({ app }) => app === 'dozing')).toBe(true);
      await whoIs(lab, 'known');
    });
    await lab.postgres.stop();
    await lab.gateway.kill9();
    await lab.gateway.start();
    expect(await whoIs(lab, 'known')).toBe(pid);
    const { socket, received } = await openSocket(lab.appUrl('known', '/socket'));
    const visitor = await use('known');
    socket.send('hello');
    await eventually(() => expect(received).toEqual(['hello']));
    expect((await visitPage(lab.appUrl('dozing'))).status).toBe(200);
    await outage(shortIdle.idleAfterMs * 2);
    await lab.postgres.start();
    await eventually(
      async () => expect((await visitPage(lab.appUrl('dozing'))).body).toContain('echo /'),
      { deadlineMs: patienceMs },
    );
    await afterAnswers(visitor, 60);
    const experience = await visitor.stop();
    expect(experience).toMatchObject({ failures: [], pids: [pid] });
    expect(await timelineOf(lab, 'known')).not.toContain('stopped');
    socket.terminate();
    await untilStatus(lab, 'known', 'asleep');
  });

  it('a database that hangs is as good as away: apps are served, the API answers', async () => {
    await lab.client.apps.register('flows', echoApp({ idle: shortIdle }));
    await lab.client.apps.register('waits', echoApp({ apiHoldMs: 200 }));
    const pid = await whoIs(lab, 'flows');
    const visitor = await use('flows');
    await lab.postgres.freeze();
    const [list, start, page, call] = await Promise.all([
      askApi('/apps'),
      askApi('/apps/waits/start', { method: 'POST' }),
      visitPage(lab.appUrl('waits')),
      fetch(lab.appUrl('waits', '/who')),
    ]);
    expect(list.status).toBe(503);
    expect(Number(list.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(start.status).toBe(503);
    expect(page.status).toBe(200);
    expect(call.status).toBe(503);
    expect(visitor.soFar().failures).toEqual([]);
    await lab.postgres.thaw();
    await eventually(async () => expect((await askApi('/apps')).status).toBe(200), {
      deadlineMs: patienceMs,
    });
    await works('after-freeze');
    await afterAnswers(visitor, 60);
    expect(await visitor.stop()).toMatchObject({ failures: [], pids: [pid] });
    expect(await instancesOf(lab, 'flows')).toEqual(['app-flows-1']);
    await untilStatus(lab, 'flows', 'asleep');
  });
});
