/** Two series of memory samples an app, each with a fixed number of slots that are used in turn. */
export interface MemoryRing {
  fine: { stepMs: number; slots: number };
  coarse: { stepMs: number; slots: number };
}

/**
 * With samples of a minute and 1,440 slots: a day minute by minute, and thirty days hour by hour.
 */
export function memoryRing(stepMs: number, slots: number): MemoryRing {
  return {
    fine: { stepMs, slots },
    coarse: { stepMs: stepMs * 60, slots: Math.max(1, Math.floor(slots / 2)) },
  };
}
