import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { outage } from './chance.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { instancesOf, patienceMs, timelineOf, untilStatus, whoIs } from './lab-view.ts';
import { afterAnswers, useSteadily } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');
const shortIdle = { idleAfterMs: 3_000, disconnectedAfterMs: 3_000, warnBeforeMs: 0 };

describe.runIf(present)('when the API is away', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  it('apps are served and sleep as ever; a visitor of a sleeping one is told, and served later', async () => {
    await lab.client.apps.register('used', echoApp({ idle: shortIdle }));
    await lab.client.apps.register('left', echoApp({ idle: shortIdle }));
    await lab.client.apps.register('opened', echoApp());
    await lab.client.apps.register('called', echoApp());
    await lab.client.apps.register('impatient', echoApp({ apiHoldMs: 300 }));
    await Promise.all([whoIs(lab, 'used'), whoIs(lab, 'left')]);
    const visitor = await useSteadily((path) => lab.appUrl('used', path));

    await lab.api.kill9();
    const called = whoIs(lab, 'called');
    await eventually(async () => {
      const page = await visitPage(lab.appUrl('opened'));
      expect(page.status).toBe(200);
      expect(page.body).toContain('The control plane does not answer.');
    });
    const call = await fetch(lab.appUrl('impatient', '/who'));
    expect(call.status).toBe(503);
    expect(Number(call.headers.get('retry-after'))).toBeGreaterThan(0);
    const console = await fetch(`${lab.consoleUrl}/api/v1/apps`);
    expect([502, 503]).toContain(console.status);
    await eventually(async () => expect(await instancesOf(lab, 'left')).toEqual([]), {
      deadlineMs: patienceMs,
    });
    await outage(2_000);
    expect(visitor.soFar().failures).toEqual([]);
    await lab.api.start();

    await called;
    await untilStatus(lab, 'left', 'asleep');
    await eventually(
      async () => expect((await visitPage(lab.appUrl('opened'))).body).toContain('echo /'),
      { deadlineMs: patienceMs },
    );
    await afterAnswers(visitor, 60);
    const experience = await visitor.stop();
    expect(experience.failures).toEqual([]);
    expect(experience.pids).toHaveLength(1);
    expect(await timelineOf(lab, 'used')).not.toContain('stopped');
  });
});
