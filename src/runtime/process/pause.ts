import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { instanceFolder, type Home } from './home.ts';
import { membersOf, signalAll } from './process-tree.ts';
import { recordFile, writeRecord } from './records.ts';
import { treeOf, type State } from './state.ts';

const mostRounds = 200;

/**
 * Stops every process of it. The record comes first: after a crash in between, `ensure` wakes
 * what may be stopped already.
 */
export async function freeze(home: Home, state: State): Promise<void> {
  writeRecord(instanceFolder(home, state.plan.name), 'pause', { atMs: Date.now() });
  const stopped = new Set<number>();
  for (let round = 0; round < mostRounds; round += 1) {
    const running = membersOf(treeOf(state)).filter((entry) => !stopped.has(entry.pid));
    if (running.length === 0) return;
    signalAll(running, 'SIGSTOP');
    for (const { pid } of running) stopped.add(pid);
    // A fork that was under way shows in the next round.
    await wait(5);
  }
}

/** Wakes every process of it; the record goes last. */
export function resume(home: Home, state: State): void {
  signalAll(membersOf(treeOf(state)), 'SIGCONT');
  rmSync(join(instanceFolder(home, state.plan.name), recordFile('pause')), { force: true });
}
