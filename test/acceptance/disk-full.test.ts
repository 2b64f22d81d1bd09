import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { instancesOf, patienceMs, untilStatus, whoIs } from './lab-view.ts';
import { afterAnswers, useSteadily } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');

describe.runIf(present)('when the disk of the data folder is full', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  /** The same as a full disk, as far as labkeeper can tell: it wants more free space than there is. */
  const refuseBelow = async (bytes: number, state: string) => {
    lab.environment['LABKEEPER_STORAGE_REFUSE_BYTES'] = String(bytes);
    lab.environment['LABKEEPER_STORAGE_WARN_BYTES'] = String(bytes + 1);
    await lab.worker.kill9();
    await lab.worker.start();
    await eventually(
      async () => expect((await lab.client.hosts.list())[0]?.storage.state).toBe(state),
      { deadlineMs: patienceMs },
    );
  };
  const refusal = { status: 507, message: expect.stringContaining('the disk is full on local') };

  it('new work is refused with the reason, what runs goes on, and room brings everything back', async () => {
    await lab.client.apps.register('runs', echoApp());
    await lab.client.apps.register('sleeps', echoApp({ apiHoldMs: 300 }));
    const pid = await whoIs(lab, 'runs');
    const visitor = await useSteadily((path) => lab.appUrl('runs', path));
    await refuseBelow(Number.MAX_SAFE_INTEGER - 1, 'full');

    await eventually(async () => {
      await expect(lab.client.apps.start('sleeps')).rejects.toMatchObject(refusal);
    });
    await expect(lab.client.apps.register('newcomer', echoApp())).rejects.toMatchObject(refusal);
    await eventually(async () => {
      const page = await visitPage(lab.appUrl('sleeps'));
      expect(page.status).toBe(200);
      expect(page.body).toContain('the disk is full on local');
    });
    expect((await fetch(lab.appUrl('sleeps', '/who'))).status).toBe(503);
    expect(await instancesOf(lab, 'sleeps')).toEqual([]);
    expect(await whoIs(lab, 'runs')).toBe(pid);
    // What frees room or is already there is still allowed.
    await lab.client.apps.keepAwake('runs');
    const removal = await lab.client.apps.remove('sleeps');
    expect(await lab.client.operations.wait(removal.id)).toMatchObject({ state: 'succeeded' });

    await refuseBelow(1, 'ok');
    await eventually(
      async () => {
        await lab.client.apps.register('newcomer', echoApp());
      },
      { deadlineMs: patienceMs },
    );
    await whoIs(lab, 'newcomer');
    await untilStatus(lab, 'newcomer', 'ready');
    await afterAnswers(visitor, 10);
    expect(await visitor.stop()).toMatchObject({ failures: [], pids: [pid] });
  });
});
