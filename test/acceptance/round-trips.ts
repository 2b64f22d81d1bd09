import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import type { Lab } from '../beds/lab.ts';
import type { Chance } from './chance.ts';
import { echoApp } from './echo-app.ts';
import { instancesOf, storyOf, whoIs } from './lab-view.ts';
import type { LifeLedger } from './life-ledger.ts';

/** After so long without a quiet point a storm gives way: kills in rows of seconds may starve any step. */
const starvedAfterMs = 120_000;
/** And then it must come: steps that died with a worker are tried again after 10 to 30 s. */
const deadlineMs = 420_000;
/** Many look at once, for long: each looks seldom, so that the storm and the product have the machine. */
const intervalMs = 250;

/** What the apps that go round and the storm around them know of each other. */
export interface Weather {
  isOver: boolean;
  /** Since when each app waits for its next quiet point, in milliseconds of `performance.now`. */
  waiting: Map<string, number>;
}

/** True while some app waits for so long that the storm must give way. */
export const isStarved = ({ waiting }: Weather): boolean =>
  [...waiting.values()].some((sinceMs) => performance.now() - sinceMs > starvedAfterMs);

/** What an app's way round came to. */
export interface RoundTrips {
  starts: number;
  crashes: number;
  stops: number;
  /** Times it fell asleep of itself. */
  sleeps: number;
}

/** What every app that goes round shares with the storm. */
export interface Surroundings {
  lab: Lab;
  ledger: LifeLedger;
  weather: Weather;
}

/**
 * Sends one app round and round until the weather is over: asleep, starting, ready, crashed and restarting, ready,
 * stopping, asleep; each state lasts for a moment by chance. At each quiet point it must be just what
 * was asked for: one command at a time, so every deviation is a fault. Throws at the first, and ends the
 * storm.
 */
export async function goRound(
  { lab, ledger, weather }: Surroundings,
  name: string,
  random: Chance,
): Promise<RoundTrips> {
  const trips: RoundTrips = { starts: 0, crashes: 0, stops: 0, sleeps: 0 };
  await register(lab, ledger, name, random);
  const generation = () => trips.starts + trips.crashes;
  const runs = async () => {
    const instance = `app-${name}-${generation()}`;
    const { condition } = await eventually(
      async () => {
        const shown = await lab.client.apps.show(name);
        expect(shown.status, shown.explanation).toBe('ready');
        // After a crash the row speaks of the instance before it for a moment.
        expect(shown.condition.generation).toBeGreaterThanOrEqual(generation());
        return shown;
      },
      { deadlineMs, intervalMs },
    );
    expect(condition.generation, `${name} has another generation than asked`).toBe(generation());
    expect(await instancesOf(lab, name)).toEqual([instance]);
    const pid = await whoIs(lab, name);
    expect(await ledger.alive(name)).toEqual([{ instance, pid }]);
  };
  const start = async () => {
    trips.starts += 1;
    await succeeds(lab, await lab.client.apps.start(name));
    await runs();
  };
  const crash = async () => {
    trips.crashes += 1;
    await fetch(lab.appUrl(name, '/crash?code=9'), { headers: { 'user-agent': 'uptime' } });
    await runs();
  };
  const stop = async () => {
    trips.stops += 1;
    await succeeds(lab, await lab.client.apps.stop(name));
    await isAsleep(lab, ledger, name, generation());
  };
  return goOn(lab, name, random, weather, [start, crash, stop], trips);
}

/** The same for an app that is started, left alone, and falls asleep of itself. */
export async function fallAsleep(
  { lab, ledger, weather }: Surroundings,
  name: string,
  random: Chance,
): Promise<RoundTrips> {
  const trips: RoundTrips = { starts: 0, crashes: 0, stops: 0, sleeps: 0 };
  const idle = { idleAfterMs: 500, disconnectedAfterMs: 500, warnBeforeMs: 0 };
  await register(lab, ledger, name, random, { idle });
  const startAndLeave = async () => {
    trips.starts += 1;
    await succeeds(lab, await lab.client.apps.start(name));
    await isAsleep(lab, ledger, name, trips.starts);
    trips.sleeps += 1;
  };
  return goOn(lab, name, random, weather, [startAndLeave], trips);
}

async function register(
  lab: Lab,
  ledger: LifeLedger,
  name: string,
  random: Chance,
  changes: Parameters<typeof echoApp>[0] = {},
): Promise<void> {
  const stays = () => String(300 + random.below(1_500));
  await lab.client.apps.register(
    name,
    echoApp({
      environment: {
        ...ledger.environmentFor(name),
        BOOT_DELAY_MS: stays(),
        IGNORE_SIGTERM: '1',
      },
      stopGraceMs: Number(stays()),
      restart: {
        initialDelayMs: Number(stays()),
        maxDelayMs: 2_000,
        maxRestarts: 1_000,
        windowMs: 1_000,
      },
      ...changes,
    }),
  );
}

async function succeeds(lab: Lab, operation: { id: string }): Promise<void> {
  expect(await lab.client.operations.wait(operation.id, { timeoutMs: deadlineMs })).toMatchObject({
    state: 'succeeded',
  });
}

/** Asleep in all words: the row, the runtime, the processes themselves, and as many of them as were asked for. */
async function isAsleep(lab: Lab, ledger: LifeLedger, name: string, made: number): Promise<void> {
  await eventually(
    async () => {
      const shown = await lab.client.apps.show(name);
      expect(shown.status, shown.explanation).toBe('asleep');
    },
    { deadlineMs, intervalMs },
  );
  expect(await instancesOf(lab, name)).toEqual([]);
  expect(await ledger.alive(name)).toEqual([]);
  const begun = (await ledger.read(name)).filter(({ what }) => what === 'begun');
  expect(begun, `${name} was made as often as asked`).toHaveLength(made);
}

/** Takes the steps in turn, with a pause by chance after each, until the weather is over. */
async function goOn(
  lab: Lab,
  name: string,
  random: Chance,
  weather: Weather,
  steps: (() => Promise<void>)[],
  trips: RoundTrips,
): Promise<RoundTrips> {
  try {
    while (!weather.isOver) {
      for (const step of steps) {
        weather.waiting.set(name, performance.now());
        await step();
        weather.waiting.delete(name);
        await pause(random.below(1_500));
      }
    }
    return trips;
  } catch (error) {
    weather.isOver = true;
    throw new Error(`${String(error)}\n${await storyOf(lab, name)}`, { cause: error });
  }
}
