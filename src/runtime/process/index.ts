import { accessSync, constants } from 'node:fs';
import type { Log } from '../../log.ts';
import { LabError } from '../../model/failures.ts';
import type { Containers } from '../containers.ts';
import { ensureInstance } from './ensure.ts';
import { prepareHome, type Home } from './home.ts';
import { archivedLogNames, forgetInstanceLog, readInstanceLog } from './logs.ts';
import { freeze } from './pause.ts';
import { instanceNames, readState, toInstance } from './state.ts';
import { removeInstance, stopInstance } from './stop.ts';
import { readMemory, usageReader } from './usage.ts';
import { watchInstances } from './watch.ts';

export { processIsolation } from './isolation.ts';

export interface ProcessContainersOptions {
  installation: string;
  /** Holds one folder an instance; made when absent. */
  folder: string;
  /** Ports are looked for from here on; else somewhere in 20000 to 29999. */
  basePortHint?: number;
  log?: Log;
}

/**
 * Plain processes of this machine, each under a shim that outlives labkeeper, keeps its output and
 * writes how it ended. They are isolated from nothing; see `processIsolation` for their limits.
 * All truth is in the folder: any number of these objects, in any process, see the same.
 */
export function processContainers(options: ProcessContainersOptions): Containers {
  const home: Home = {
    installation: options.installation,
    folder: options.folder,
    basePortHint: options.basePortHint,
    log: options.log,
  };
  const usage = usageReader(home);

  return {
    kind: 'process',

    async ping() {
      try {
        prepareHome(home);
        accessSync(home.folder, constants.R_OK | constants.W_OK | constants.X_OK);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new LabError(
          'runtime_unavailable',
          `cannot keep instances in ${home.folder}: ${why}. Make the folder writable for labkeeper`,
          { cause },
        );
      }
    },

    async ensure(spec, { signal } = {}) {
      return toInstance(await ensureInstance(home, spec, signal));
    },

    async prepareImage(image) {
      throw new LabError('invalid', `cannot get image ${image}: processes run without images`);
    },

    removeLeftover: () => Promise.resolve(false),

    async inspect(name) {
      const state = await readState(home, name);
      return state === null ? null : toInstance(state);
    },

    commandRefusal: () => Promise.resolve(null),

    async list() {
      const states = await Promise.all(instanceNames(home).map((name) => readState(home, name)));
      return states.filter((state) => state !== null).map(toInstance);
    },

    stop: (name, options) => stopInstance(home, name, options),

    async pause(name) {
      const state = await readState(home, name);
      const runs = state !== null && state.start !== null && state.exit === null;
      if (runs && !state.paused) await freeze(home, state);
    },

    remove: (name) => removeInstance(home, name),
    readLog: (name, range) => readInstanceLog(home, name, range),

    listLogs: async () => archivedLogNames(home),

    async forgetLog(name) {
      forgetInstanceLog(home, name);
    },

    usage,
    memory: (name) => readMemory(home, name),
    watch: (onExit, signal) => watchInstances(home, onExit, signal),
  };
}
