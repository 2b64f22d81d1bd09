import { describe, expect, it } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { countEvents, saveHistory } from './histories.ts';
import { finished, phase, useStage } from './stage.ts';
import { createWorld, hostOf } from './world.ts';

const milliseconds = {
  idle: { idleAfterMs: 60_000, disconnectedAfterMs: 60_000, maxAgeMs: null, warnBeforeMs: 0 },
  restart: { initialDelayMs: 1, maxDelayMs: 4, maxRestarts: 0, windowMs: 60_000 },
};

describe.runIf(requirePart('temporal'))('what Temporal shows of an app', () => {
  const stage = useStage();

  /** As an operator reads it; Temporal's own attributes left out. */
  async function shownOf(handle: WorkflowHandle): Promise<Record<string, unknown>> {
    const { typedSearchAttributes } = await handle.describe();
    const ours = typedSearchAttributes
      .getAll()
      .filter(({ key }) => !/^(Build|Temporal)/.test(key.name));
    return Object.fromEntries(ours.map(({ key, value }) => [key.name, value]));
  }
  const shows = (handle: WorkflowHandle, expected: Record<string, string>) =>
    eventually(async () => expect(await shownOf(handle)).toEqual(expected), {
      deadlineMs: 20_000,
    });

  it('is what people see, whose it is and where it runs; four changes from wake to sleep', async () => {
    await stage.play(createWorld(milliseconds), async ({ world, name, say, handle }) => {
      const always = { Kind: 'app', Owner: 'ada' };
      await finished(world, await say('replace'));
      await shows(handle, { ...always, AppState: 'asleep' });
      await finished(world, await say('wake'));
      const awake = { ...always, AppState: 'ready', Host: hostOf(name) };
      await shows(handle, awake);
      const { client } = stage.bed();
      await eventually(async () => {
        const query = `AppState = 'ready' AND Host = '${hostOf(name)}'`;
        expect((await client.workflow.count(query)).count).toBe(1);
      });
      const { runId } = await handle.describe();
      await finished(world, await say('sleep'));
      // Continued as new: what is shown comes along, and is not said again.
      await eventually(async () => expect((await handle.describe()).runId).not.toBe(runId));
      await shows(handle, { ...awake, AppState: 'asleep' });
      expect(countEvents(await handle.fetchHistory(), 'upserts')).toBe(0);
      const before = await client.workflow.getHandle(handle.workflowId, runId).fetchHistory();
      // The first word and then starting, ready, stopping, asleep.
      expect(countEvents(before, 'upserts')).toBe(1 + 4);
      expect(countEvents(before, 'markers')).toBe(0);
    });
  });

  it('is marked while it has failed, and no longer', async () => {
    await stage.play(createWorld(milliseconds), async ({ world, name, say, exited, handle }) => {
      await finished(world, await say('wake'));
      await exited(1);
      await phase(world, 'failed');
      const always = { Kind: 'app', Owner: 'ada', Host: hostOf(name) };
      await shows(handle, { ...always, AppState: 'failed', NeedsAttention: 'failed' });
      await finished(world, await say('wake'));
      await shows(handle, { ...always, AppState: 'ready' });
    });
  });

  it('stays ready while an idle stop is not decided, and costs nothing then', async () => {
    const world = createWorld({
      ...milliseconds,
      idle: { ...milliseconds.idle, idleAfterMs: 1, disconnectedAfterMs: 1 },
    });
    world.uses = [0, 0, 0, null];
    world.reopenings = ['used', 'used', 'used'];
    await stage.play(world, async ({ say, handle }) => {
      await finished(world, await say('wake'));
      await eventually(() => expect(world.uses).toEqual([]), { deadlineMs: 20_000 });
      expect(world.ledger.filter((line) => line.startsWith('reopened'))).toHaveLength(3);
      expect(countEvents(await handle.fetchHistory(), 'upserts')).toBe(2);
    });
  });

  it('is told, too, by a workflow that an older version or another client started', async () => {
    await stage.play(createWorld(milliseconds), async ({ world, name, say, handle }) => {
      await finished(world, await say('wake', { byOthers: true }));
      const shown = { Kind: 'app', Owner: 'ada', AppState: 'ready', Host: hostOf(name) };
      await shows(handle, shown);
      const { runId } = await handle.describe();
      expect(countEvents(await handle.fetchHistory(), 'markers')).toBe(1);
      await saveHistory(handle, 'started-by-others');
      await finished(world, await say('sleep'));
      await eventually(async () => expect((await handle.describe()).runId).not.toBe(runId));
      await finished(world, await say('wake'));
      // The mark of the version is needed once; the next run knows its kind from the start.
      expect(countEvents(await handle.fetchHistory(), 'markers')).toBe(0);
    });
  });
});
