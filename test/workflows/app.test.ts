import { describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { countActions, countEvents, saveHistory } from './histories.ts';
import { finished, phase, useStage } from './stage.ts';
import { createWorld } from './world.ts';

const milliseconds = {
  idle: { idleAfterMs: 60_000, disconnectedAfterMs: 60_000, maxAgeMs: null, warnBeforeMs: 0 },
  restart: { initialDelayMs: 1, maxDelayMs: 4, maxRestarts: 2, windowMs: 60_000 },
};
const person = { actor: 'ada', why: 'a visit' };

describe.runIf(requirePart('temporal'))('the app workflow', () => {
  const { play: scene } = useStage();

  it('registers, wakes, sleeps and is removed, each operation ending with its row', async () => {
    await scene(createWorld(milliseconds), async ({ world, say, handle }) => {
      expect(await finished(world, await say('replace'))).toMatchObject({ state: 'succeeded' });
      expect(await finished(world, await say('wake'))).toEqual({
        state: 'succeeded',
        detail: 'ready as generation 1',
      });
      expect(await finished(world, await say('sleep'))).toMatchObject({ detail: 'asleep' });
      await say('remove');
      await handle.result();
      expect(world.row).toBeNull();
      expect(world.running.size).toBe(0);
      await saveHistory(handle, 'register-wake-sleep-remove');
    });
  });

  it('does a repeated command once', async () => {
    await scene(createWorld(milliseconds), async ({ world, say }) => {
      const id = await say('wake');
      await say('wake', { id });
      await finished(world, id);
      await say('restart', { id });
      expect(await finished(world, await say('sleep'))).toMatchObject({ state: 'succeeded' });
      expect(world.ledger.filter((line) => line.startsWith('start'))).toEqual(['start 1']);
    });
  });

  it('sleeps when its clocks end, and stays awake when use reopens the closing route', async () => {
    const world = createWorld({
      ...milliseconds,
      idle: { ...milliseconds.idle, idleAfterMs: 20, disconnectedAfterMs: 20 },
    });
    world.uses = [30, 0, 30, 0];
    world.reopenings = ['used while it was about to sleep'];
    await scene(world, async ({ say }) => {
      await say('wake');
      await eventually(() => expect(world.ledger).toContain('stop 1'), { deadlineMs: 20_000 });
      expect(world.ledger).toContain('reopened: used while it was about to sleep');
      expect(world.ledger.filter((line) => line === 'route closed')).toHaveLength(1);
      expect(world.running.size).toBe(0);
    });
  });

  it('restarts after a crash and gives up with the reason when the budget is spent', async () => {
    await scene(createWorld(milliseconds), async ({ world, say, exited, handle }) => {
      await finished(world, await say('wake'));
      for (const generation of [1, 2, 3]) {
        await eventually(() => expect(world.row).toMatchObject({ phase: 'ready', generation }));
        await exited(generation);
        await eventually(() =>
          expect(world.ledger.some((line) => line.includes(`ed ${generation}: `))).toBe(true),
        );
      }
      await phase(world, 'failed');
      expect(world.ledger).toContain('failed 3: exited with code 3; gave up after 2 restarts');
      expect(await finished(world, await say('wake'))).toMatchObject({ state: 'succeeded' });
      await saveHistory(handle, 'crash-loop');
    });
  });

  it('carries out, once, what an earlier life was told and did not end', async () => {
    const world = createWorld(milliseconds);
    const cause = person;
    world.unfinished = [
      { operationId: 'lost-wake', command: 'wake', cause, needsNewInstance: false },
    ];
    await scene(world, async ({ say }) => {
      await say('wake', { id: 'lost-wake' });
      expect(await finished(world, 'lost-wake')).toMatchObject({ state: 'succeeded' });
      expect(world.ledger.filter((line) => line.startsWith('start'))).toEqual(['start 1']);
    });
  });

  it('drops the late exit of an earlier generation', async () => {
    await scene(createWorld(milliseconds), async ({ world, say, exited }) => {
      await finished(world, await say('wake'));
      await finished(world, await say('restart'));
      await exited(1);
      await finished(world, await say('sleep'));
      expect(world.ledger.some((line) => line.startsWith('crashed'))).toBe(false);
    });
  });

  it('adopts the running instance when a wake overtakes its stop', async () => {
    const world = createWorld(milliseconds);
    await scene(world, async ({ say, handle }) => {
      await finished(world, await say('wake'));
      let open = () => {};
      const reached = new Promise<void>((done) => {
        world.closeGate = { reached: done, open: new Promise((resolve) => (open = resolve)) };
      });
      const stop = await say('sleep');
      await reached;
      const wake = await say('wake');
      await eventually(async () => {
        const history = await handle.fetchHistory();
        expect(countEvents(history, 'signaled')).toBe(3);
      });
      open();
      expect(await finished(world, wake)).toMatchObject({ state: 'succeeded' });
      expect(await finished(world, stop)).toMatchObject({ state: 'failed' });
      expect([...world.running]).toEqual([1]);
      expect(world.ledger).not.toContain('stop 1');
      await saveHistory(handle, 'stop-wake-race');
    });
  });

  it("carries out a person's stop although an idle stop still waits for a silent gateway", async () => {
    const world = createWorld({
      ...milliseconds,
      idle: { ...milliseconds.idle, idleAfterMs: 1, disconnectedAfterMs: 1 },
    });
    await scene(world, async ({ say }) => {
      const reached = new Promise<void>((done) => {
        world.closeGate = { reached: done, open: new Promise(() => undefined) };
      });
      await finished(world, await say('wake'));
      await reached;
      world.closeGate = null;
      expect(await finished(world, await say('sleep'))).toMatchObject({ detail: 'asleep' });
    });
  });

  it('publishes the instance again when a wake cuts its idle stop short', async () => {
    const world = createWorld({
      ...milliseconds,
      idle: { ...milliseconds.idle, idleAfterMs: 1, disconnectedAfterMs: 1 },
    });
    await scene(world, async ({ say }) => {
      const reached = new Promise<void>((done) => {
        world.closeGate = { reached: done, open: new Promise(() => undefined) };
      });
      await finished(world, await say('wake'));
      await reached;
      expect(await finished(world, await say('wake'))).toEqual({
        state: 'succeeded',
        detail: 'ready as generation 1',
      });
      await eventually(() =>
        expect(world.ledger.filter((line) => line.startsWith('start'))).toEqual([
          'start 1',
          'start 1',
        ]),
      );
      expect(world.ledger).not.toContain('stop 1');
    });
  });

  it('undoes a start that a stop overtakes', async () => {
    const world = createWorld(milliseconds);
    await scene(world, async ({ say }) => {
      let open = () => {};
      const reached = new Promise<void>((done) => {
        world.gate = { reached: done, open: new Promise((resolve) => (open = resolve)) };
      });
      const wake = await say('wake');
      await reached;
      const stop = await say('sleep');
      open();
      expect(await finished(world, stop)).toMatchObject({ state: 'succeeded' });
      expect(await finished(world, wake)).toMatchObject({ state: expect.any(String) });
      expect(world.running.size).toBe(0);
      expect(world.row).toMatchObject({ phase: 'none' });
    });
  });

  it('removes an app that is starting, and leaves nothing behind', async () => {
    const world = createWorld(milliseconds);
    await scene(world, async ({ say, handle }) => {
      let open = () => {};
      const reached = new Promise<void>((done) => {
        world.gate = { reached: done, open: new Promise((resolve) => (open = resolve)) };
      });
      await say('wake');
      await reached;
      const removal = await say('remove');
      open();
      await handle.result();
      expect(world.finished.get(removal)).toMatchObject({ state: 'succeeded' });
      expect(world.row).toBeNull();
      expect(world.running.size).toBe(0);
    });
  });

  it('removes at once what no host would take: there are no logs to forget', async () => {
    const world = createWorld(milliseconds);
    world.refusal = 'no host runs containers';
    await scene(world, async ({ say, handle }) => {
      expect(await finished(world, await say('wake'))).toMatchObject({ state: 'failed' });
      await say('remove');
      await handle.result();
      expect(world.row).toBeNull();
      expect(world.ledger.some((line) => line.startsWith('forget'))).toBe(false);
      await saveHistory(handle, 'refused-removed');
    });
  });

  it('continues as new at each falling asleep and takes everything along', async () => {
    const world = createWorld(milliseconds);
    await scene(world, async ({ say, handle }) => {
      const runs = new Set<string>();
      for (const generation of [1, 2, 3]) {
        expect(await finished(world, await say('wake'))).toMatchObject({
          detail: `ready as generation ${generation}`,
        });
        runs.add((await handle.describe()).runId);
        await finished(world, await say('sleep'));
        await eventually(async () => expect(runs).not.toContain((await handle.describe()).runId));
      }
      expect(runs.size).toBe(3);
      await say('wake');
      await phase(world, 'ready');
      await saveHistory(handle, 'continue-as-new');
    });
  });

  it('spends at most 2 actions and 11 events on an idle window: 74 actions on a working day of 32', async () => {
    const world = createWorld({
      ...milliseconds,
      idle: { ...milliseconds.idle, idleAfterMs: 1, disconnectedAfterMs: 1 },
    });
    const windows = 6;
    world.uses = [...Array.from({ length: windows }, () => 1), null];
    await scene(world, async ({ say, handle }) => {
      await finished(world, await say('wake'));
      await eventually(() => expect(world.uses).toEqual([]), { deadlineMs: 20_000 });
      const history = await handle.fetchHistory();
      // Besides: start, one signal, three activities, two changes of what is shown, and the first and
      // the last timer.
      expect(countActions(history)).toBeLessThanOrEqual(10 + 2 * windows);
      expect(history.events?.length).toBeLessThanOrEqual(50 + 11 * windows);
    });
  });

  it('says what it waits for in its current details', async () => {
    await scene(createWorld(milliseconds), async ({ world, say, handle }) => {
      await finished(world, await say('wake'));
      await eventually(async () => {
        const details = await handle.query<string>('__temporal_workflow_metadata');
        expect(JSON.stringify(details)).toMatch(/is ready on .* woken by ada \(a visit\)/);
      });
    });
  });
});
