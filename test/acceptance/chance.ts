import { setTimeout as pause } from 'node:timers/promises';
import { randomNumbers } from '../beds/chances.ts';

/** Numbers that look random and are the same at each run with the same seed. */
export interface Chance {
  /** A whole number from 0 to below `end`. */
  below(end: number): number;
  pick<T>(from: readonly T[]): T;
  /** Lets a random while between the two pass, to meet other moments each round. */
  moment(leastMs: number, mostMs: number): Promise<void>;
}

/** Under LABKEEPER_LONG=1 outages last as long as in the field, and loops go on for longer. */
export const isLong = process.env['LABKEEPER_LONG'] === '1';
export const outageMs = isLong ? 30_000 : 8_000;
/** So often the storm kills the worker in each state: `LABKEEPER_KILLS`, else 3, or 300 under LABKEEPER_LONG=1. */
export const killsPerState = Number(process.env['LABKEEPER_KILLS'] ?? (isLong ? 300 : 3));
/** For a test with an outage: Temporal's own pollers look up to 12 s apart after a long one. */
export const outageTestMs = outageMs + 90_000;

export function chance(seed: number): Chance {
  const next = randomNumbers(seed);
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    pick(from) {
      const one = from[below(from.length)];
      if (one === undefined) throw new Error('there is nothing to pick from');
      return one;
    },
    moment: (leastMs, mostMs) => pause(leastMs + below(mostMs - leastMs + 1)),
  };
}

/** Lets an outage last: the one thing in these tests that is made of time alone. */
export const outage = (ms = outageMs): Promise<void> => pause(ms);
