import { watch as watchFolder } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../model/failures.ts';
import type { Instance } from '../containers.ts';
import { prepareHome, type Home } from './home.ts';
import { exitedFolder } from './records.ts';
import { instanceNames, readState, toInstance } from './state.ts';

/** Shims that were killed tell nothing: how often it is looked whether all still live. */
const livenessIntervalMs = 2_000;

/** Tells exits as shims announce them. Resolves when `signal` aborts; rejects with the folder gone. */
export async function watchInstances(
  home: Home,
  onExit: (instance: Instance) => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  prepareHome(home);
  /** Each is told once a watch, those that were over before it by the first look at all. */
  const told = new Set<string>();
  await new Promise<void>((resolve, reject) => {
    let looking = false;
    const watcher = watchFolder(join(home.folder, exitedFolder), (_event, file) => {
      if (file !== null) tell(file).catch(end);
    });
    const timer = setInterval(() => {
      lookAtAll().catch(end);
    }, livenessIntervalMs);
    const abort = () => end();

    async function tell(name: string): Promise<void> {
      const state = await readState(home, name);
      if (state === null || state.exit === null) {
        told.delete(name);
        return;
      }
      if (told.has(name)) return;
      told.add(name);
      onExit(toInstance(state));
    }

    /** Reading the state of an instance without its shim makes it an exit. */
    async function lookAtAll(): Promise<void> {
      if (looking) return;
      looking = true;
      try {
        const names = instanceNames(home);
        for (const name of names) if (!told.has(name)) await tell(name);
        const there = new Set(names);
        for (const name of told) if (!there.has(name)) told.delete(name);
      } finally {
        looking = false;
      }
    }

    function end(error?: unknown): void {
      watcher.close();
      clearInterval(timer);
      signal.removeEventListener('abort', abort);
      if (error === undefined) resolve();
      else reject(gone(home, error));
    }

    watcher.on('error', end);
    signal.addEventListener('abort', abort);
  });
}

function gone(home: Home, cause: unknown): LabError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LabError(
    'runtime_unavailable',
    `cannot watch the instances in ${home.folder}: ${why}`,
    { cause },
  );
}
