import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { withClient } from '../store/sql.ts';
import { echoApp } from './echo-app.ts';
import {
  databaseUrlOf,
  instancesOf,
  patienceMs,
  timelineOf,
  untilStatus,
  whoIs,
} from './lab-view.ts';
import { openLifeLedger, type LifeLedger } from './life-ledger.ts';
import { afterAnswers, useSteadily, type SteadyUse } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');

describe.runIf(present)('when the worker is killed', () => {
  let lab: Lab;
  let ledger: LifeLedger;
  let visitor: SteadyUse;
  beforeAll(async () => {
    ledger = await openLifeLedger();
    lab = await startLab();
    // In use from the first kill to the last: whatever happens to the worker, it notices nothing.
    await lab.client.apps.register('used', app('used'));
    await whoIs(lab, 'used');
    visitor = await useSteadily((path) => lab.appUrl('used', path));
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await ledger?.remove();
  }, 60_000);

  const app = (name: string, changes: Parameters<typeof echoApp>[0] = {}) =>
    echoApp({
      ...changes,
      environment: { ...ledger.environmentFor(name), ...changes.environment },
    });
  const succeeded = async (operation: { id: string }) =>
    expect(await lab.client.operations.wait(operation.id)).toMatchObject({ state: 'succeeded' });
  const pidsOf = async (name: string) =>
    (await ledger.read(name)).filter(({ what }) => what === 'begun').map(({ pid }) => pid);
  const rivals = async () => (await ledger.read()).filter(({ what }) => what === 'rival');

  it('a start goes on where it was: the process that was starting becomes ready', async () => {
    await lab.client.apps.register(
      'starts',
      app('starts', { environment: { BOOT_DELAY_MS: '2500' } }),
    );
    const start = await lab.client.apps.start('starts');
    await eventually(async () => expect(await pidsOf('starts')).toHaveLength(1), {
      deadlineMs: patienceMs,
    });
    await lab.worker.kill9();
    expect(await instancesOf(lab, 'starts')).toEqual(['app-starts-1']);
    await lab.worker.start();
    await untilStatus(lab, 'starts', 'ready');
    await succeeded(start);
    expect(await pidsOf('starts')).toEqual([await whoIs(lab, 'starts')]);
    expect(await instancesOf(lab, 'starts')).toEqual(['app-starts-1']);
  });

  it('a stop goes on: nothing is left, and the stop is over', async () => {
    await lab.client.apps.register(
      'stops',
      app('stops', { environment: { IGNORE_SIGTERM: '1' }, stopGraceMs: 2_000 }),
    );
    await whoIs(lab, 'stops');
    const stop = await lab.client.apps.stop('stops');
    await untilStatus(lab, 'stops', 'stopping');
    await lab.worker.kill9();
    await lab.worker.start();
    await untilStatus(lab, 'stops', 'asleep');
    await succeeded(stop);
    expect(await instancesOf(lab, 'stops')).toEqual([]);
  });

  it('a short step that died with it is done again within seconds', async () => {
    await lab.client.apps.register('held', app('held'));
    await untilStatus(lab, 'held', 'asleep');
    await withClient(await databaseUrlOf(lab), async (client) => {
      // Nobody but the worker writes what shall run: its next step waits for this.
      await client.query('BEGIN; LOCK TABLE instances IN EXCLUSIVE MODE');
      await lab.client.apps.start('held');
      await eventually(async () => {
        const { rows } = await client.query(
          `SELECT FROM pg_stat_activity
           WHERE application_name = 'labkeeper worker' AND wait_event_type = 'Lock'`,
        );
        expect(rows).toHaveLength(1);
      });
      await lab.worker.kill9();
      await client.query('ROLLBACK');
    });
    await lab.worker.start();
    // Its time limit is longer: the silence of the dead worker is what is noticed.
    await untilStatus(lab, 'held', 'ready', 20_000);
    expect(await pidsOf('held')).toEqual([await whoIs(lab, 'held')]);
  });

  it('the wait before a restart goes on: one new instance', async () => {
    await lab.client.apps.register(
      'restarts',
      app('restarts', { restart: { initialDelayMs: 3_000, maxDelayMs: 3_000 } }),
    );
    await whoIs(lab, 'restarts');
    await fetch(lab.appUrl('restarts', '/crash?code=3'));
    await untilStatus(lab, 'restarts', 'restarting');
    await lab.worker.kill9();
    await lab.worker.start();
    await untilStatus(lab, 'restarts', 'ready');
    expect(await instancesOf(lab, 'restarts')).toEqual(['app-restarts-2']);
    expect(await pidsOf('restarts')).toHaveLength(2);
  });

  it('a crash that nobody saw is found when it is back, exit code and all', async () => {
    await lab.client.apps.register('unseen', app('unseen'));
    const before = await whoIs(lab, 'unseen');
    await lab.worker.kill9();
    await fetch(lab.appUrl('unseen', '/crash?code=42'));
    await eventually(async () => expect(await instancesOf(lab, 'unseen')).toEqual([]));
    await lab.worker.start();
    await eventually(
      async () => {
        const shown = await lab.client.apps.show('unseen');
        expect(shown).toMatchObject({ status: 'ready', condition: { generation: 2 } });
      },
      { deadlineMs: patienceMs },
    );
    expect(await whoIs(lab, 'unseen')).not.toBe(before);
    // Whoever reads events stays below what may still be committed: the newest come a little later.
    await eventually(async () => {
      const { items } = await lab.client.apps.events('unseen');
      expect(items.find(({ what }) => what === 'crashed')?.why ?? '').toContain('42');
    });
  });

  it('what was asked for meanwhile is done when it is back', async () => {
    await lab.client.apps.register('asked', app('asked'));
    await lab.worker.kill9();
    const start = await lab.client.apps.start('asked');
    const fresh = await lab.client.apps.register('fresh', app('fresh'));
    expect(fresh.outcome).toBe('created');
    const visit = whoIs(lab, 'asked');
    await lab.worker.start();
    await succeeded(start);
    expect(await visit).toBe((await pidsOf('asked'))[0]);
    expect(await timelineOf(lab, 'fresh')).toContain('registered');
  });

  it('people who use an app all the while notice nothing', async () => {
    await afterAnswers(visitor, 5);
    const experience = await visitor.stop();
    expect(experience.failures).toEqual([]);
    expect(experience.pids).toHaveLength(1);
    expect(experience.echoes).toBeGreaterThan(50);
    expect(await pidsOf('used')).toEqual(experience.pids);
    expect(await rivals()).toEqual([]);
  });
});
