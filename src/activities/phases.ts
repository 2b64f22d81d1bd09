import type { WorkerMetrics } from '../metrics/worker-metrics.ts';

/** What a start consists of; the order in which it happens. */
export type WakePhase = 'place' | 'pull' | 'start' | 'probe' | 'publish';

/** Times the phases of one start. */
export interface Phases {
  /** Times what `act` does, also when it fails. */
  time<Result>(phase: WakePhase, act: () => Promise<Result>): Promise<Result>;
  /** A part of the phase under way turned out to be another one, which has just ended. */
  split(phase: WakePhase, durationMs: number): void;
  /** So far, in milliseconds; what was split off a phase is not in it. */
  durations(): Partial<Record<WakePhase, number>>;
  /** Each stretch as it was, the ones within others too. */
  readonly stretches: readonly Stretch[];
}

export interface Stretch {
  phase: WakePhase;
  /** Epoch milliseconds. */
  beganAtMs: number;
  durationMs: number;
  failed: boolean;
}

export function createPhases(): Phases {
  const durationsMs = new Map<WakePhase, number>();
  const stretches: Stretch[] = [];
  let splitMs = 0;
  const add = (phase: WakePhase, ms: number) =>
    durationsMs.set(phase, (durationsMs.get(phase) ?? 0) + ms);
  return {
    stretches,
    async time(phase, act) {
      splitMs = 0;
      const beganAtMs = Date.now();
      const beganMs = performance.now();
      let failed = true;
      try {
        const result = await act();
        failed = false;
        return result;
      } finally {
        const durationMs = performance.now() - beganMs;
        stretches.push({ phase, beganAtMs, durationMs, failed });
        add(phase, Math.max(0, durationMs - splitMs));
      }
    },
    split(phase, durationMs) {
      splitMs += durationMs;
      add(phase, durationMs);
      stretches.push({ phase, beganAtMs: Date.now() - durationMs, durationMs, failed: false });
    },
    durations: () => Object.fromEntries(durationsMs),
  };
}

/** Of starts that came to their end only: what failed says nothing of how long a wake takes. */
export function observePhases(metrics: WorkerMetrics, phases: Phases): void {
  for (const [phase, ms] of Object.entries(phases.durations())) {
    metrics
      .histogram('labkeeper_wake_phase_seconds', { phase: phase as WakePhase })
      .observe(ms / 1000);
  }
}
