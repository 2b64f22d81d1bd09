import { existsSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { opevaFolder, type Config } from './config.ts';
import type { Log } from './log.ts';
import type { RuntimeKind } from './model/app-spec.ts';
import { isLoopback } from './model/bind.ts';
import type { Containers } from './runtime/containers.ts';
import { dockerContainers } from './runtime/docker/index.ts';
import { processContainers, processIsolation } from './runtime/process/index.ts';

/**
 * The runtimes this host has by its settings, and why a kind is missing. An engine that is set up
 * but does not answer is not missing: it is asked again with every heartbeat.
 */
export function chooseRuntimes(input: {
  config: Config;
  installation: string;
  folder: string;
  log: Log;
}): {
  runtimes: Partial<Record<RuntimeKind, Containers>>;
  missing: Partial<Record<RuntimeKind, string>>;
  /** What people must know of a runtime that is there. */
  notes: Partial<Record<RuntimeKind, string>>;
} {
  const { config, installation, folder, log } = input;
  const runtimes: Partial<Record<RuntimeKind, Containers>> = {};
  const missing: Partial<Record<RuntimeKind, string>> = {};
  const socketPath = config.LABKEEPER_DOCKER_SOCKET;
  const { LABKEEPER_DOCKER: docker, LABKEEPER_PROCESS: process } = config;
  if (docker === 'on' || (docker === 'auto' && existsSync(socketPath))) {
    runtimes.docker = dockerContainers({
      installation,
      socketPath,
      ...(config.LABKEEPER_DOCKER_NETWORK ? { network: config.LABKEEPER_DOCKER_NETWORK } : {}),
      logFolder: join(folder, 'docker-logs'),
      pathOnEngine: (path) => pathOnEngine(config, path),
      log,
    });
  } else {
    missing.docker =
      docker === 'off' ? 'LABKEEPER_DOCKER is off' : `there is no Docker socket at ${socketPath}`;
  }
  if (process === 'on' || (process === 'auto' && isLoopback(config.LABKEEPER_BIND))) {
    runtimes.process = processContainers({ installation, folder, log });
  } else {
    missing.process =
      process === 'off'
        ? 'LABKEEPER_PROCESS is off'
        : 'commands are not isolated, so they run beyond loopback only with LABKEEPER_PROCESS=on';
  }
  const { limits, reason } = processIsolation();
  const notes = {
    process: `commands run as this user and are isolated from nothing; limits are ${limits}: ${reason}`,
  };
  return { runtimes, missing, notes };
}

/** In a container of our own the engine sees the data folder elsewhere. */
function pathOnEngine(config: Config, path: string): string {
  const { LABKEEPER_DATA: here, LABKEEPER_DOCKER_DATA: there } = config;
  const shared = opevaFolder(config);
  if (config.LABKEEPER_OPEVA_DOCKER_DATA !== undefined && isIn(path, shared)) {
    return join(config.LABKEEPER_OPEVA_DOCKER_DATA, relative(shared, path));
  }
  return there === undefined ? path : join(there, relative(resolve(here), path));
}

const isIn = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder + sep);
