import type { Log } from '../log.ts';
import type { UseReport, UseStore } from '../store/ports.ts';

/** What this gateway saw of one app. */
export interface AppUse {
  app: string;
  lastUseMs: number | null;
  reason: string | null;
  /** Requests that count and are not answered yet. */
  inFlight: number;
  /** WebSockets, event streams and open tabs: connections, but no use by themselves. */
  openSockets: number;
  changes: number;
  reportedChanges: number;
}

export interface UseLedger {
  apps: Map<string, AppUse>;
  /** Told of every use, for the stop protocol. */
  onUse: (app: string) => void;
}

export function createLedger(): UseLedger {
  return { apps: new Map(), onUse: () => {} };
}

export function useOf(ledger: UseLedger, app: string): AppUse {
  let use = ledger.apps.get(app);
  if (use === undefined) {
    use = {
      app,
      lastUseMs: null,
      reason: null,
      inFlight: 0,
      openSockets: 0,
      changes: 0,
      reportedChanges: 0,
    };
    ledger.apps.set(app, use);
  }
  return use;
}

/** Somebody uses the app now. */
export function noteUse(ledger: UseLedger, use: AppUse, reason: string): void {
  use.lastUseMs = Date.now();
  use.reason = reason;
  use.changes += 1;
  ledger.onUse(use.app);
}

export function noteCounts(use: AppUse, change: { inFlight?: number; openSockets?: number }): void {
  use.inFlight += change.inFlight ?? 0;
  use.openSockets += change.openSockets ?? 0;
  use.changes += 1;
}

/** Milliseconds since the last use; 0 while something is in flight. */
export function lastUseAgoMs(use: AppUse, nowMs: number): number | null {
  if (use.inFlight > 0) return 0;
  return use.lastUseMs === null ? null : Math.max(0, nowMs - use.lastUseMs);
}

/**
 * Writes what changed since it was last written. While the store does not answer nothing is lost:
 * the numbers stand in memory and go with the next batch, one line an app however long it takes.
 */
export function createReporter(ledger: UseLedger, store: UseStore, gateway: string, log: Log) {
  let failing = false;
  let under: Promise<void> | null = null;
  const report = async (everything: boolean) => {
    const nowMs = Date.now();
    const batch: { use: AppUse; changes: number; report: UseReport }[] = [];
    for (const use of ledger.apps.values()) {
      const changed = use.changes !== use.reportedChanges;
      if (!changed && !(everything || failing) && use.inFlight === 0) continue;
      if (!changed && use.inFlight === 0 && use.openSockets === 0) continue;
      batch.push({ use, changes: use.changes, report: reportOf(use, nowMs) });
    }
    if (batch.length === 0) return;
    try {
      await store.report(
        gateway,
        batch.map((line) => line.report),
      );
      for (const { use, changes } of batch) use.reportedChanges = changes;
      if (failing) log.info({ apps: batch.length }, 'use is reported again');
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'cannot report use: keeping it for later');
      failing = true;
    }
  };
  return {
    /** One batch; `everything` also repeats counts that did not change. */
    async flush(everything = false): Promise<void> {
      await under;
      under = report(everything);
      await under;
    },
    isFailing: () => failing,
    /** Apps with use that is not written yet. */
    unreported: () =>
      [...ledger.apps.values()].filter((use) => use.changes !== use.reportedChanges).length,
  };
}

function reportOf(use: AppUse, nowMs: number): UseReport {
  return {
    app: use.app,
    lastUseAgoMs: lastUseAgoMs(use, nowMs),
    reason: use.reason,
    inFlight: use.inFlight,
    openSockets: use.openSockets,
  };
}
