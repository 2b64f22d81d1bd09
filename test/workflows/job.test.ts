import { describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { countActions, countEvents, saveHistory } from './histories.ts';
import { useJobStage, type JobScene } from './job-stage.ts';
import { createJobWorld, gate } from './job-world.ts';

const person = { actor: 'ada', why: 'wrong seed' };
const retries = { max: 2, causes: ['exit_code' as const], delayMs: 0, afterHostLoss: 1 };
/** What a job may cost on a hosted Temporal, in billable actions. */
const budget = 15;

describe.runIf(requirePart('temporal'))('the job workflow', () => {
  const scene = useJobStage();
  const submitted = { kind: 'submitted' } as const;

  /** Submitted and granted, as most are: the second word may come before the first was read. */
  async function isGranted({ world, tell }: JobScene): Promise<void> {
    await tell(submitted);
    await tell(world.grant());
  }
  async function runs(stage: JobScene): Promise<void> {
    await isGranted(stage);
    await stage.state('running');
  }

  it('carries a job from its submission to its end, within its budget of actions', async () => {
    await scene(createJobWorld(), async (stage) => {
      const { world, handle, tell, exits, state } = stage;
      await tell(submitted);
      await eventually(async () =>
        expect(countEvents(await handle.fetchHistory(), 'timers')).toBe(1),
      );
      await tell(world.grant());
      await state('running');
      await exits(1, 0);
      await handle.result();
      expect(world.ledger).toEqual(['start 1', 'row running', 'end 1', 'row succeeded']);
      const actions = countActions(await handle.fetchHistory());
      process.stdout.write(`job: ${actions} actions from submission to success\n`);
      expect(actions).toBeLessThanOrEqual(budget);
      await saveHistory(handle, 'job-succeeded');
    });
  });

  it('ends with the failure of its command', async () => {
    await scene(createJobWorld(), async (stage) => {
      await runs(stage);
      await stage.exits(1, 3);
      await stage.handle.result();
      expect(stage.world.row).toMatchObject({ state: 'failed', detail: 'ended with exit code 3' });
    });
  });

  it('ends with the reason why it could not be started', async () => {
    const world = createJobWorld();
    world.failures = [{ cause: 'image_not_found', detail: 'there is no such image' }];
    await scene(world, async (stage) => {
      await isGranted(stage);
      await stage.handle.result();
      expect(world.row).toMatchObject({ state: 'failed', detail: 'there is no such image' });
      expect(world.ledger).toEqual(['start 1', 'row failed']);
    });
  });

  it('tries again after a failure, as often as it may, within the budget', async () => {
    await scene(createJobWorld({ retries }), async (stage) => {
      const { world, handle, tell, exits, state } = stage;
      await runs(stage);
      await exits(1, 1);
      await state('queued');
      await tell(world.grant());
      await state('running');
      await exits(2, 0);
      await handle.result();
      expect(world.row).toMatchObject({ state: 'succeeded', attempt: 2 });
      const actions = countActions(await handle.fetchHistory());
      process.stdout.write(`job: ${actions} actions with a second attempt\n`);
      expect(actions).toBeLessThanOrEqual(budget);
      await saveHistory(handle, 'job-tried-again');
    });
  });

  it('hears of its next grant before the answer to its end, and starts after that', async () => {
    const world = createJobWorld({ retries });
    await scene(world, async (stage) => {
      const { handle, tell, exits, state } = stage;
      await runs(stage);
      const door = gate();
      world.endGate = door;
      await exits(1, 1);
      await door.isReached;
      // The queue is faster than the answer: told while the end still runs.
      await tell({ kind: 'granted', attempt: 2, host: world.host });
      await eventually(async () =>
        expect(countEvents(await handle.fetchHistory(), 'signaled')).toBe(4),
      );
      world.endGate = null;
      door.letGo();
      await state('queued');
      world.grant();
      await state('running');
      await exits(2, 0);
      await handle.result();
      expect(world.row).toMatchObject({ state: 'succeeded', attempt: 2 });
    });
  });

  it('that is canceled in the queue is over', async () => {
    await scene(createJobWorld(), async ({ world, tell, handle }) => {
      await tell(submitted);
      await tell(world.cancel(person));
      await handle.result();
      expect(world.ledger).toEqual(['row canceled']);
    });
  });

  it('that is canceled while it is prepared is ended where it is', async () => {
    const world = createJobWorld();
    const door = gate();
    world.startGate = door;
    await scene(world, async (stage) => {
      await isGranted(stage);
      await door.isReached;
      await stage.tell(world.cancel(person));
      await stage.handle.result();
      expect(world.row.state).toBe('canceled');
      expect([...world.instances]).toEqual([]);
      expect(world.ledger.at(-1)).toBe('row canceled');
    });
  });

  it('that is canceled while it runs is stopped, within the budget; a second cancel changes nothing', async () => {
    const world = createJobWorld();
    await scene(world, async (stage) => {
      await runs(stage);
      const door = gate();
      world.endGate = door;
      await stage.tell(world.cancel(person));
      await door.isReached;
      expect(world.row.state).toBe('stopping');
      expect(world.cancel(person)).toBeNull();
      await stage.tell({ kind: 'canceled', cause: { actor: 'bob', why: 'me too' } });
      door.letGo();
      await stage.handle.result();
      expect(world.row).toMatchObject({
        state: 'canceled',
        detail: 'canceled by ada: wrong seed',
      });
      expect(countActions(await stage.handle.fetchHistory())).toBeLessThanOrEqual(budget);
      await saveHistory(stage.handle, 'job-canceled-while-it-ran');
    });
  });

  it('that finishes while its cancel is on the way has one end: its own', async () => {
    const world = createJobWorld();
    await scene(world, async (stage) => {
      await runs(stage);
      const door = gate();
      world.endGate = door;
      await stage.exits(1, 0);
      await door.isReached;
      await stage.tell(world.cancel(person));
      door.letGo();
      await stage.handle.result();
      expect(world.row.state).toBe('succeeded');
      expect(world.ledger.filter((line) => line.startsWith('row s'))).toEqual(['row succeeded']);
    });
  });

  it('is stopped at its run deadline', async () => {
    await scene(createJobWorld({ runDeadlineMs: 200 }), async (stage) => {
      await isGranted(stage);
      await stage.handle.result();
      expect(stage.world.row).toMatchObject({ state: 'failed' });
      expect(stage.world.row.detail).toMatch(/longer than 200 ms/);
    });
  });

  it('expires when nothing was granted until its queue deadline', async () => {
    await scene(createJobWorld({}, 200), async ({ world, tell, handle }) => {
      await tell(submitted);
      await handle.result();
      expect(world.ledger).toEqual(['row expired']);
      await saveHistory(handle, 'job-expired-in-the-queue');
    });
  });

  it('that is granted in the moment of its queue deadline goes on from there', async () => {
    const world = createJobWorld({}, 300);
    await scene(world, async ({ tell, exits, state, handle }) => {
      await tell(submitted);
      // The row was granted, and the word is still on its way when the deadline comes.
      world.grant();
      await state('running');
      await exits(1, 0);
      await handle.result();
      expect(world.row.state).toBe('succeeded');
    });
  });

  it('counts an exit that was told before the start was over', async () => {
    const world = createJobWorld();
    const door = gate();
    world.startGate = door;
    await scene(world, async (stage) => {
      await isGranted(stage);
      await door.isReached;
      await stage.sayExited(1);
      world.instances.set(1, { exitCode: 0, signal: null, outOfMemory: false });
      door.letGo();
      await stage.handle.result();
      expect(world.row.state).toBe('succeeded');
    });
  });

  it('notices what was over as soon as it had started', async () => {
    const world = createJobWorld();
    world.shortLived = true;
    await scene(world, async (stage) => {
      await isGranted(stage);
      await stage.handle.result();
      expect(world.ledger).toEqual(['start 1', 'row running', 'end 1', 'row succeeded']);
    });
  });

  it('ends once when its exit is told twice, and drops what is told of an attempt that is over', async () => {
    await scene(createJobWorld({ retries }), async (stage) => {
      const { world, handle, exits, sayExited, state, tell } = stage;
      await runs(stage);
      await exits(1, 1);
      await sayExited(1);
      await state('queued');
      await tell(world.grant());
      await state('running');
      await sayExited(1);
      await exits(2, 0);
      await handle.result();
      expect(world.ledger.filter((line) => line.startsWith('end'))).toEqual(['end 1', 'end 2']);
      expect(world.row.state).toBe('succeeded');
    });
  });

  it('goes on when it was wrongly said to be over', async () => {
    await scene(createJobWorld(), async (stage) => {
      const { world, handle, exits, sayExited } = stage;
      await runs(stage);
      await sayExited(1);
      await eventually(() => expect(world.ledger).toContain('looked at 1'), { deadlineMs: 20_000 });
      // A host says it again as long as nobody collects: one word may cross the look.
      await eventually(
        async () => {
          await exits(1, 0).catch(() => undefined);
          expect(world.row.state).toBe('succeeded');
        },
        { intervalMs: 100 },
      );
      await handle.result();
      expect(world.ledger.slice(-2)).toEqual(['end 1', 'row succeeded']);
    });
  });

  it('begins a new life from its row: what runs is not started again', async () => {
    await scene(createJobWorld(), async (stage) => {
      const { world, handle, terminate, tell, exits } = stage;
      await runs(stage);
      await terminate();
      // The repair schedule, or any later word.
      await tell(submitted);
      await eventually(async () =>
        expect(countEvents(await handle.fetchHistory(), 'timers')).toBe(1),
      );
      await exits(1, 0);
      await handle.result();
      expect(world.ledger).toEqual(['start 1', 'row running', 'end 1', 'row succeeded']);
      await saveHistory(handle, 'job-new-life');
    });
  });

  it('makes up in a new life for a grant and for a cancel that were lost', async () => {
    const world = createJobWorld();
    await scene(world, async ({ tell, terminate, state, handle }) => {
      await tell(submitted);
      world.grant();
      await terminate();
      await tell(submitted);
      await state('running');
      world.cancel(person);
      await terminate();
      await tell(submitted);
      await handle.result();
      expect(world.row.state).toBe('canceled');
      expect([...world.instances]).toEqual([]);
    });
  });

  it('counts its attempts over its lives', async () => {
    const world = createJobWorld({ retries: { ...retries, max: 1 } });
    await scene(world, async (stage) => {
      const { tell, terminate, exits, state, handle } = stage;
      await runs(stage);
      await exits(1, 1);
      await state('queued');
      await terminate();
      await tell(submitted);
      await tell(world.grant());
      await state('running');
      await exits(2, 1);
      await handle.result();
      expect(world.row).toMatchObject({ state: 'failed', attempt: 2 });
    });
  });

  it('goes on when the worker of its host dies in a start and in an end', async () => {
    const world = createJobWorld();
    world.deaths = new Set(['start', 'end']);
    await scene(world, async (stage) => {
      await isGranted(stage);
      // Noticed by the heartbeats that are missing.
      await eventually(() => expect(world.row.state).toBe('running'), { deadlineMs: 30_000 });
      await stage.exits(1, 0);
      await stage.handle.result();
      expect(world.ledger).toEqual(['start 1', 'start 1', 'row running', 'end 1', 'row succeeded']);
    });
  }, 60_000);

  it('that is canceled while it is prepared ends although the worker that prepared it is dead', async () => {
    const world = createJobWorld();
    world.deaths = new Set(['start']);
    await scene(world, async (stage) => {
      await isGranted(stage);
      await eventually(() => expect(world.deaths.size).toBe(0), { deadlineMs: 20_000 });
      await stage.tell(world.cancel(person));
      await stage.handle.result();
      expect(world.row.state).toBe('canceled');
      expect([...world.instances]).toEqual([]);
    });
  }, 60_000);

  it('that runs on a host which is given up begins again elsewhere, and is failed by the second loss', async () => {
    await scene(createJobWorld(), async (stage) => {
      const { world, handle, tell, state } = stage;
      await runs(stage);
      await tell(world.loseHost());
      await state('queued');
      await tell(world.grant());
      await state('running');
      await tell(world.loseHost());
      await handle.result();
      expect(world.row).toMatchObject({ state: 'failed', attempt: 2 });
      expect(world.ledger).toEqual([
        ...['start 1', 'row running', 'lose 1', 'row queued'],
        ...['start 2', 'row running', 'lose 2', 'row failed'],
      ]);
      expect(countActions(await handle.fetchHistory())).toBeLessThanOrEqual(budget);
      await saveHistory(handle, 'job-lost-its-host');
    });
  });

  it('waits for no host that is given up, neither in a start nor in an end', async () => {
    const world = createJobWorld();
    world.deaths = new Set(['start']);
    await scene(world, async (stage) => {
      const { handle, tell, state, exits } = stage;
      await isGranted(stage);
      await eventually(() => expect(world.deaths.size).toBe(0), { deadlineMs: 20_000 });
      await tell(world.loseHost());
      await state('queued');
      world.deaths = new Set(['end']);
      await tell(world.grant());
      await state('running');
      await exits(2, 0);
      await eventually(() => expect(world.deaths.size).toBe(0), { deadlineMs: 20_000 });
      await tell(world.cancel(person));
      await tell(world.loseHost());
      await handle.result();
      expect(world.row.state).toBe('canceled');
    });
  }, 60_000);

  it('hears that its host is given up before it hears that it was granted there', async () => {
    const world = createJobWorld();
    await scene(world, async ({ tell, state, exits, handle }) => {
      await tell(submitted);
      await eventually(async () =>
        expect(countEvents(await handle.fetchHistory(), 'timers')).toBe(1),
      );
      const granted = world.grant();
      await tell(world.loseHost());
      await tell(granted);
      await state('queued');
      await tell(world.grant());
      await state('running');
      await exits(2, 0);
      await handle.result();
      expect(world.ledger).toEqual([
        ...['lose 1', 'row queued', 'start 2', 'row running', 'end 2', 'row succeeded'],
      ]);
    });
  });

  it('learns in a new life that its host is given up', async () => {
    const world = createJobWorld();
    await scene(world, async (stage) => {
      await runs(stage);
      world.loseHost();
      await stage.terminate();
      await stage.tell(submitted);
      await stage.state('queued');
      expect(world.ledger.slice(-2)).toEqual(['lose 1', 'row queued']);
    });
  });

  it('of a job that is over has nothing to do', async () => {
    const world = createJobWorld();
    world.cancel(person);
    await scene(world, async ({ tell, handle }) => {
      await tell(submitted);
      await handle.result();
      expect(world.ledger).toEqual(['row canceled']);
    });
  });
});
