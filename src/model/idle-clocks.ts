import type { AppSpec } from './app-spec.ts';
import { ageActor, idleActor } from './app-state.ts';

/** What is known of an app's use, all ages by one clock. */
export interface Use {
  /** Since the last use, or since it became ready when that is later. */
  idleMs: number;
  /** Since the last socket or stream ended; 0 while one is open, null when there was none. */
  disconnectedMs: number | null;
  /** Since it became ready. */
  awakeMs: number;
  inFlight: number;
}

/**
 * When the first of the three clocks ends if nobody uses the app from now on: 0 or less is now.
 * The disconnected clock runs only for apps that had a connection: a page without sockets says
 * nothing about whether its reader left.
 */
export function readClocks(
  use: Use,
  idle: AppSpec['idle'],
): { sleepInMs: number; sleepActor: string; sleepCause: string } {
  const idleMs = use.inFlight > 0 ? 0 : use.idleMs;
  const clocks = [
    {
      leftMs: idle.idleAfterMs - idleMs,
      actor: idleActor,
      cause: `not used for ${inWords(idle.idleAfterMs)}`,
    },
  ];
  if (use.disconnectedMs !== null && use.inFlight === 0) {
    // Use after the last socket closed starts this clock again.
    const goneMs = Math.min(use.disconnectedMs, idleMs);
    clocks.push({
      leftMs: idle.disconnectedAfterMs - goneMs,
      actor: idleActor,
      cause: `nobody connected for ${inWords(idle.disconnectedAfterMs)}`,
    });
  }
  if (idle.maxAgeMs !== null) {
    clocks.push({
      leftMs: idle.maxAgeMs - use.awakeMs,
      actor: ageActor,
      cause: `awake for ${inWords(idle.maxAgeMs)}, the most it may be`,
    });
  }
  const first = clocks.reduce((left, right) => (right.leftMs < left.leftMs ? right : left));
  return {
    sleepInMs: Math.ceil(first.leftMs),
    sleepActor: first.actor,
    sleepCause: first.cause,
  };
}

/**
 * In how long it falls asleep if nobody uses it and whoever is connected stays: what people are
 * told. The clocks are read again sooner, since a connection may end meanwhile.
 */
export function fallsAsleepInMs(use: Use, idle: AppSpec['idle']): number {
  const isConnected = use.disconnectedMs === 0;
  const { sleepInMs } = readClocks(isConnected ? { ...use, disconnectedMs: null } : use, idle);
  return Math.max(0, sleepInMs);
}

/** 90000 → `1.5 min`. For sentences, not for programs. */
export function inWords(durationMs: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const;
  for (const [unit, sizeMs] of units) {
    if (durationMs >= sizeMs) return `${Math.round((durationMs / sizeMs) * 10) / 10} ${unit}`;
  }
  return `${durationMs} ms`;
}
