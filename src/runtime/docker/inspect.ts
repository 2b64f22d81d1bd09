import { constants } from 'node:os';
import type { ContainerInspectInfo } from 'dockerode';
import type { Exit } from '../../model/app-state.ts';
import { LabError } from '../../model/failures.ts';
import type { Door, Instance } from '../containers.ts';
import { labels } from '../../model/instance-labels.ts';
import { call, callOr, type Engine } from './engine.ts';
import { containerName, installationFilter, ownLabels } from './naming.ts';

const atOnce = 8;

/** Null when there is none, or only its removal is still going on. */
export async function inspectInstance(engine: Engine, name: string): Promise<Instance | null> {
  const info = await inspectContainer(engine, name);
  return info === null ? null : toInstance(engine, info);
}

export async function inspectContainer(
  engine: Engine,
  name: string,
): Promise<ContainerInspectInfo | null> {
  const container = engine.docker.getContainer(containerName(engine, name));
  const info = await callOr(engine, `look at ${name}`, null, (abortSignal) =>
    container.inspect({ abortSignal }),
  );
  if (info === null || info.State.Status === 'removing') return null;
  if (info.Config.Labels[labels.installation] !== engine.installation) {
    throw new LabError(
      'conflict',
      `cannot use container ${containerName(engine, name)}: it belongs to somebody else. Remove or rename it`,
    );
  }
  return info;
}

/** All of this installation. Those that vanish while it looks are not in it. */
export async function listInstances(engine: Engine): Promise<Instance[]> {
  const found = await call(engine, 'list containers', (abortSignal) =>
    engine.docker.listContainers({
      all: true,
      filters: { label: [installationFilter(engine)] },
      abortSignal,
    }),
  );
  const names = found.flatMap((container) => container.Labels[ownLabels.instance] ?? []);
  const instances: Instance[] = [];
  for (let at = 0; at < names.length; at += atOnce) {
    const part = names.slice(at, at + atOnce).map((name) => inspectInstance(engine, name));
    for (const instance of await Promise.all(part)) if (instance !== null) instances.push(instance);
  }
  return instances;
}

function toInstance(engine: Engine, info: ContainerInspectInfo): Instance {
  const { State: state } = info;
  const all = info.Config.Labels;
  const own: readonly string[] = Object.values(ownLabels);
  const startedAtMs = Date.parse(state.StartedAt);
  const phase = phaseOf(state.Status);
  const doors = phase === 'running' || phase === 'paused' ? doorsOf(engine, info) : [];
  const [first] = doors;
  return {
    name: all[ownLabels.instance] ?? '',
    labels: Object.fromEntries(Object.entries(all).filter(([key]) => !own.includes(key))),
    phase,
    address: first === undefined ? null : { host: first.host, port: first.port },
    doors,
    // The engine writes the year 1 for what never happened.
    startedAtMs: startedAtMs > 0 ? startedAtMs : null,
    exit: phase === 'exited' ? exitOf(state) : null,
    imageDigest: all[ownLabels.imageDigest] ?? info.Image,
    imageId: info.Image,
  };
}

function phaseOf(status: string): Instance['phase'] {
  if (status === 'created' || status === 'paused') return status;
  return status === 'exited' || status === 'dead' ? 'exited' : 'running';
}

function doorsOf(engine: Engine, info: ContainerInspectInfo): Door[] {
  const ports = (info.Config.Labels[ownLabels.port] ?? '')
    .split(' ')
    .filter((port) => port !== '')
    .map(Number);
  if (engine.network !== undefined) {
    const host = info.NetworkSettings.Networks[engine.network]?.IPAddress;
    return host ? ports.map((port) => ({ innerPort: port, host, port })) : [];
  }
  return ports.flatMap((innerPort) => {
    const published = info.NetworkSettings.Ports[`${innerPort}/tcp`]?.[0]?.HostPort;
    return published ? [{ innerPort, host: '127.0.0.1', port: Number(published) }] : [];
  });
}

/**
 * The engine gives one number; above 128 it is the signal that ended the command, as shells have
 * it. Killed for memory counts unless the command ended well or was asked to (SIGTERM).
 */
export function exitOf(state: { ExitCode: number; OOMKilled: boolean }): Exit {
  const code = state.ExitCode;
  const signal = signalOf(code - 128);
  return {
    exitCode: signal === null ? code : null,
    signal,
    outOfMemory: state.OOMKilled && code !== 0 && signal !== 'SIGTERM',
  };
}

function signalOf(number: number): string | null {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? null;
}
