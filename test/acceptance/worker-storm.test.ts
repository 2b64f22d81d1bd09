import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { chance, isLong, killsPerState, type Chance } from './chance.ts';
import { echoApp } from './echo-app.ts';
import { instancesOf, untilStatus, whoIs } from './lab-view.ts';
import { openLifeLedger, type LifeLedger } from './life-ledger.ts';
import { fallAsleep, goRound, isStarved, type RoundTrips, type Weather } from './round-trips.ts';
import { afterAnswers, useSteadily } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');
const seed = Number(process.env['LABKEEPER_SEED'] ?? 1);
const states = ['asleep', 'starting', 'ready', 'stopping', 'restarting'] as const;
/** After the storm: what was cut off in a step goes on when its heartbeat is missed. */
const patienceMs = 420_000;

/**
 * Behind a "never" stand trials (DESIGN 10): the worker dies again and again at moments by chance, while
 * apps are in every state. `LABKEEPER_LONG=1` makes 300 kills a state of it, `LABKEEPER_KILLS` any number,
 * `LABKEEPER_SEED` other moments. A kill counts for every state that some app is in.
 */
describe.runIf(present)('when the worker dies again and again', () => {
  let lab: Lab;
  let ledger: LifeLedger;
  beforeAll(async () => {
    ledger = await openLifeLedger();
    lab = await startLab({ LABKEEPER_GATEWAY_VETO_MS: '60000' });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await ledger?.remove();
  }, 60_000);

  it(
    `${killsPerState} kills a state, seed ${seed}: what was asked happens once, every command ends, nobody who uses an app notices`,
    { timeout: 180_000 + killsPerState * 60_000 },
    async () => {
      await lab.client.apps.register(
        'used',
        echoApp({ environment: ledger.environmentFor('used') }),
      );
      await whoIs(lab, 'used');
      const visitor = await useSteadily((path) => lab.appUrl('used', path), { everyMs: 250 });
      const weather: Weather = { isOver: false, waiting: new Map() };
      const around = { lab, ledger, weather };
      const rounds = Promise.all([
        ...['a', 'b', 'c', 'd', 'e', 'f'].map((letter, at) =>
          goRound(around, `round-${letter}`, chance(seed * 100 + at)),
        ),
        ...['a', 'b'].map((letter, at) =>
          fallAsleep(around, `left-${letter}`, chance(seed * 100 + 10 + at)),
        ),
      ]);
      rounds.catch(() => undefined);
      const wild = wildApps(chance(seed * 100 + 50));
      const random = chance(seed);
      const hits = new Map<string, number>();
      const hitsOf = (state: string) => hits.get(state) ?? 0;
      let kills = 0;
      let lulls = 0;
      const soFar = () =>
        `${kills} kills, seed ${seed}, ${lulls} lulls; while apps were: ${states.map((state) => `${state} ${hitsOf(state)}`).join(', ')}`;
      const storm = async () => {
        await wild.register();
        while (!weather.isOver) {
          await wild.wish();
          await random.moment(0, 1_500);
          const rarest = states.toSorted((one, other) => hitsOf(one) - hitsOf(other))[0];
          await someAppIs(rarest ?? 'ready');
          await random.moment(0, 200);
          if (isStarved(weather)) {
            lulls += 1;
            await eventually(() => expect(isStarved(weather) && !weather.isOver).toBe(false), {
              ...{ deadlineMs: patienceMs, intervalMs: 250 },
            });
          }
          for (const state of await statesNow()) hits.set(state, hitsOf(state) + 1);
          await lab.worker.kill9();
          kills += 1;
          if (kills % 25 === 0) say(soFar());
          await random.moment(0, 300);
          await lab.worker.start();
          if (states.every((state) => hitsOf(state) >= killsPerState)) weather.isOver = true;
        }
      };
      // A fault ends the storm; what is under way then ends before the test does.
      const [stormed, trips] = await Promise.allSettled([storm(), rounds]);
      say(soFar());
      if (trips.status === 'rejected') throw trips.reason;
      if (stormed.status === 'rejected') throw stormed.reason;
      const count = (of: keyof RoundTrips) => trips.value.reduce((sum, one) => sum + one[of], 0);
      const wishes = await wild.settled();
      await afterAnswers(visitor, 5);
      const experience = await visitor.stop();
      const doubles = await ledger.doubles();
      say(
        `in order: ${count('starts')} starts, ${count('crashes')} crashes, ${count('stops')} stops, ${count('sleeps')} times asleep of itself; ` +
          `at random: ${wishes.accepted} commands accepted, ${wishes.ended} ended; ` +
          `${doubles.length} doubled processes; ${experience.answers} answers and ${experience.echoes} echoes to a visitor, ${experience.failures.length} failures`,
      );
      expect(doubles).toEqual([]);
      expect(wishes.ended).toBe(wishes.accepted);
      expect(experience).toMatchObject({ failures: [], pids: [expect.any(Number)] });
      expect(await orphansRemoved()).toEqual([]);
    },
  );

  it(
    'a stop that overtakes a start at any moment leaves nothing for the reconciler to find',
    { timeout: isLong ? 900_000 : 120_000 },
    async () => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `late-${letter}`);
      await Promise.all(
        names.map(async (name, at) => {
          const random = chance(seed * 1_000 + at);
          const environment = ledger.environmentFor(name);
          await lab.client.apps.register(name, echoApp({ environment, stopGraceMs: 100 }));
          for (let round = 0; round < (isLong ? 75 : 8); round += 1) {
            const start = await lab.client.apps.start(name);
            await random.moment(0, 120);
            const stop = await lab.client.apps.stop(name);
            await lab.client.operations.wait(start.id);
            expect(await lab.client.operations.wait(stop.id)).toMatchObject({
              state: 'succeeded',
            });
          }
        }),
      );
      await passes(3);
      for (const name of names) expect(await ledger.alive(name)).toEqual([]);
      expect(await orphansRemoved()).toEqual([]);
      expect(await ledger.doubles()).toEqual([]);
    },
  );

  /** Apps of which anything is wished at any moment, also against a wish that is not carried out yet. */
  function wildApps(random: Chance) {
    const names = ['wild-a', 'wild-b', 'wild-c'];
    const accepted: string[] = [];
    const wanted = new Map<string, 'awake' | 'asleep'>();
    return {
      async register() {
        for (const name of names) {
          const environment = { ...ledger.environmentFor(name), BOOT_DELAY_MS: '150' };
          const restart = { initialDelayMs: 50, maxDelayMs: 300, maxRestarts: 1_000 };
          await lab.client.apps.register(name, echoApp({ environment, restart }));
        }
      },
      async wish() {
        const wishes = ['start', 'start', 'stop', 'restart', 'crash', 'nothing'] as const;
        for (const name of names) {
          const wish = random.pick(wishes);
          if (wish === 'nothing') continue;
          if (wish === 'crash') {
            // Dies when it runs; who calls a sleeping app does not wake it here.
            const headers = { 'user-agent': 'uptime' };
            await fetch(lab.appUrl(name, '/crash'), { headers }).catch(() => undefined);
            continue;
          }
          accepted.push((await lab.client.apps[wish](name)).id);
          wanted.set(name, wish === 'stop' ? 'asleep' : 'awake');
        }
      },
      /** Every command is over and the last wish stands; tells how many there were, and how many have an end. */
      async settled(): Promise<{ accepted: number; ended: number }> {
        const wait = { timeoutMs: patienceMs };
        const ends = await Promise.all(accepted.map((id) => lab.client.operations.wait(id, wait)));
        for (const name of names) {
          const awake = wanted.get(name) === 'awake';
          const shown = await untilStatus(lab, name, awake ? 'ready' : 'asleep', patienceMs);
          const expected = awake ? [`app-${name}-${shown.condition.generation}`] : [];
          await eventually(
            async () => {
              expect(await instancesOf(lab, name)).toEqual(expected);
              const alive = await ledger.alive(name);
              expect(alive.map(({ instance }) => instance)).toEqual(expected);
            },
            { deadlineMs: patienceMs },
          );
        }
        const ended = ends.filter(({ finishedAt }) => finishedAt !== null).length;
        return { accepted: accepted.length, ended };
      },
    };
  }

  const statesNow = async () =>
    new Set((await lab.client.apps.list()).items.map(({ status }) => status));

  /** Waits for a state to kill in, for a bounded time: the storm goes on in any. */
  async function someAppIs(state: (typeof states)[number]): Promise<void> {
    await eventually(async () => expect(await statesNow()).toContain(state), {
      ...{ deadlineMs: 10_000, intervalMs: 100 },
    }).catch(() => undefined);
  }

  const say = (text: string) => process.stdout.write(`storm: ${text}\n`);

  /** What ran although nobody wanted it, so that only the net below everything else caught it. */
  const orphansRemoved = async () =>
    lab.worker
      .output()
      .split('\n')
      .filter((line) => line.includes('"orphan removed"'));

  /** Lets the reconciler look `count` times from now on. */
  async function passes(count: number): Promise<void> {
    const looks = async () => {
      const text = await (await fetch(`${lab.agentUrl}/metrics`)).text();
      return Number(/labkeeper_agent_reconciles_total\{outcome="done"\} (\d+)/.exec(text)?.[1]);
    };
    const before = await looks();
    await eventually(async () => expect(await looks()).toBeGreaterThanOrEqual(before + count), {
      deadlineMs: 60_000,
    });
  }
});
