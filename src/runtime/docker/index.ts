import Docker, { type DockerVersion } from 'dockerode';
import type { Log } from '../../log.ts';
import { LabError } from '../../model/failures.ts';
import type { Containers } from '../containers.ts';
import { askJson, call, unavailable, type Engine } from './engine.ts';
import { commandRefusal } from './command-refusal.ts';
import { ensureInstance } from './ensure.ts';
import { inspectInstance, listInstances } from './inspect.ts';
import { noCredentials, refreshImage } from './image.ts';
import { removeLeftoverContainer } from './leftover.ts';
import { forgetInstanceLog, keptLogNames, readInstanceLog } from './logs.ts';
import { pauseInstance, removeInstance, stopInstance } from './stop.ts';
import { readMemory, readUsage } from './usage.ts';
import { watchInstances } from './watch.ts';

export interface DockerContainersOptions {
  installation: string;
  /** Socket of the Docker Engine. */
  socketPath: string;
  /** Containers join it and are reached by their own address; else they are published on loopback. */
  network?: string;
  /** Logs are copied here, and stay when their container is gone; made when absent. */
  logFolder: string;
  /** Where the engine finds a folder of ours; the same place when absent. */
  pathOnEngine?: (path: string) => string;
  log?: Log;
}

const oldestApi = [1, 41] as const;

/** Containers of one Docker Engine (20.10 or newer). All truth is in the engine. */
export function dockerContainers(options: DockerContainersOptions): Containers {
  const engine: Engine = {
    // No API version is asked for: each engine answers with its own, and new ones refuse old ones.
    docker: new Docker({ socketPath: options.socketPath }),
    socketPath: options.socketPath,
    installation: options.installation,
    network: options.network,
    logFolder: options.logFolder,
    pathOnEngine: options.pathOnEngine ?? ((path) => path),
    log: options.log,
  };

  return {
    kind: 'docker',

    async ping() {
      const attempt = 'use Docker';
      try {
        const { ApiVersion, Version } = await call(
          engine,
          attempt,
          (signal) => askJson<DockerVersion>(engine, '/version', {}, signal),
          { timeoutMs: 5_000 },
        );
        const [major = 0, minor = 0] = ApiVersion.split('.').map(Number);
        if (major < oldestApi[0] || (major === oldestApi[0] && minor < oldestApi[1])) {
          throw new LabError(
            'runtime_unavailable',
            `cannot ${attempt}: engine ${Version} is too old. Install Docker 20.10 or newer`,
          );
        }
      } catch (error) {
        if (error instanceof LabError) throw error;
        throw unavailable(engine, attempt, String(error), error);
      }
    },

    ensure: (spec, how = {}) => ensureInstance(engine, spec, how),
    async prepareImage(image, { signal, registryCredentials = noCredentials } = {}) {
      const credentials = registryCredentials;
      const { id } = await refreshImage(engine, image, { signal, credentials });
      return { imageId: id };
    },

    removeLeftover: (name, image) => removeLeftoverContainer(engine, name, image),
    inspect: (name) => inspectInstance(engine, name),
    commandRefusal: (name) => commandRefusal(engine, name),
    list: () => listInstances(engine),
    stop: (name, options) => stopInstance(engine, name, options),
    pause: (name) => pauseInstance(engine, name),
    remove: (name) => removeInstance(engine, name),
    readLog: (name, range) => readInstanceLog(engine, name, range),

    listLogs: async () => keptLogNames(engine),

    async forgetLog(name) {
      forgetInstanceLog(engine, name);
    },

    usage: (name) => readUsage(engine, name),
    memory: (name) => readMemory(engine, name),
    watch: (onExit, signal) => watchInstances(engine, onExit, signal),
  };
}
