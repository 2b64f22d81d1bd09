import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, Connection } from '@temporalio/client';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { outage, outageTestMs } from './chance.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { instancesOf, patienceMs, timelineOf, untilStatus, whoIs } from './lab-view.ts';
import { afterAnswers, useSteadily } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');
const shortIdle = { idleAfterMs: 3_000, disconnectedAfterMs: 3_000, warnBeforeMs: 0 };

describe.runIf(present)('when Temporal is away', { timeout: outageTestMs }, () => {
  let lab: Lab;
  beforeAll(async () => {
    // No gateway ends here: one that is starved on a busy machine must never count as dead.
    lab = await startLab({ LABKEEPER_GATEWAY_VETO_MS: '60000' });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  const succeeded = async (operation: { id: string }) =>
    expect(await lab.client.operations.wait(operation.id)).toMatchObject({ state: 'succeeded' });

  it('apps are served, wishes are accepted, and carried out when it is back', async () => {
    await lab.client.apps.register('used', echoApp({ idle: shortIdle }));
    await lab.client.apps.register('left', echoApp({ idle: shortIdle }));
    await lab.client.apps.register('called', echoApp());
    await lab.client.apps.register('opened', echoApp());
    await lab.client.apps.register('crashes', echoApp());
    await Promise.all(['used', 'left', 'crashes'].map((name) => whoIs(lab, name)));
    const visitor = await useSteadily((path) => lab.appUrl('used', path));

    await lab.temporal.stop();
    const created = await lab.client.apps.register('created', echoApp());
    expect(created.outcome).toBe('created');
    const start = await lab.client.apps.start('created');
    expect(start.state).toBe('accepted');
    const call = whoIs(lab, 'called');
    const page = await visitPage(lab.appUrl('opened'));
    expect(page).toMatchObject({ status: 200 });
    await fetch(lab.appUrl('crashes', '/crash?code=8'));
    await outage();
    expect(visitor.soFar().failures).toEqual([]);
    // Nobody decides to stop anything while nobody can decide.
    expect(await instancesOf(lab, 'left')).toEqual(['app-left-1']);
    await lab.temporal.start();

    await succeeded(start);
    await call;
    await untilStatus(lab, 'opened', 'ready');
    await eventually(
      async () =>
        expect((await timelineOf(lab, 'crashes')).slice(-3)).toEqual([
          'crashed',
          'starting',
          'ready',
        ]),
      { deadlineMs: patienceMs },
    );
    await untilStatus(lab, 'left', 'asleep');
    await afterAnswers(visitor, 60);
    const experience = await visitor.stop();
    // In one look, so that a failure says what happened to the app.
    expect({ ...experience, timeline: await timelineOf(lab, 'used') }).toMatchObject({
      failures: [],
      pids: [expect.any(Number)],
      timeline: ['registered', 'wake asked for', 'starting', 'ready'],
    });
    await untilStatus(lab, 'used', 'asleep');
  });

  it('an API that dies right after it accepted loses nothing: the next one delivers', async () => {
    await lab.client.apps.register('accepted', echoApp());
    await lab.temporal.stop();
    const start = await lab.client.apps.start('accepted');
    const fresh = await lab.client.apps.register('fresh', echoApp());
    const freshStart = await lab.client.apps.start('fresh');
    await lab.api.kill9();
    expect((await lab.store.outbox.backlog()).entries).toBeGreaterThanOrEqual(3);
    await lab.temporal.start();
    await lab.api.start();
    await succeeded(start);
    await succeeded({ id: fresh.operation?.id ?? '' });
    await succeeded(freshStart);
    expect(await instancesOf(lab, 'accepted')).toEqual(['app-accepted-1']);
    await eventually(async () => expect((await lab.store.outbox.backlog()).entries).toBe(0));
  });

  it('an operator’s terminate of its workflow costs an app nothing: the repair gives it back', async () => {
    const connection = await Connection.connect({ address: lab.temporal.address });
    const temporal = new Client({ connection });
    try {
      await lab.client.apps.register('victim', echoApp());
      await lab.client.apps.register('asked', echoApp());
      const [pid] = [await whoIs(lab, 'victim'), await whoIs(lab, 'asked')];
      const visitor = await useSteadily((path) => lab.appUrl('victim', path));
      await eventually(async () => expect((await lab.store.outbox.backlog()).entries).toBe(0));
      // Delivered, and taken by nobody: the worker is gone, then the workflow is.
      await lab.worker.kill9();
      const restart = await lab.client.apps.restart('asked');
      await eventually(async () => expect((await lab.store.outbox.backlog()).entries).toBe(0));
      for (const name of ['victim', 'asked']) {
        await temporal.workflow.getHandle(`app/${name}`).terminate('an operator makes a mistake');
      }
      await lab.worker.start();
      await temporal.schedule.getHandle('labkeeper-repair').trigger();
      await eventually(
        async () => {
          const { status } = await temporal.workflow.getHandle('app/victim').describe();
          expect(status.name).toBe('RUNNING');
        },
        { deadlineMs: patienceMs },
      );
      await succeeded(restart);
      await untilStatus(lab, 'victim', 'ready');
      await afterAnswers(visitor, 20);
      expect(await visitor.stop()).toMatchObject({ failures: [], pids: [pid] });
      expect(await instancesOf(lab, 'victim')).toEqual(['app-victim-1']);
      expect(await instancesOf(lab, 'asked')).toEqual(['app-asked-2']);
      await succeeded(await lab.client.apps.stop('victim'));
      expect(await instancesOf(lab, 'victim')).toEqual([]);
    } finally {
      await connection.close();
    }
  });
});
