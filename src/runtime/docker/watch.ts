import { setTimeout as pause } from 'node:timers/promises';
import type { Instance } from '../containers.ts';
import { labels } from '../../model/instance-labels.ts';
import { call, reasonOf, unavailable, type Engine } from './engine.ts';
import { jsonLines } from './image.ts';
import { exitOf, inspectInstance } from './inspect.ts';
import { installationFilter, ownLabels } from './naming.ts';

interface DeathEvent {
  Actor?: { Attributes?: Record<string, string> };
}

/** How often an instance is looked at whose death was told and that still seems to run. */
const looks = 20;
const betweenLooksMs = 25;

/** Tells exits by the engine's events. Resolves when `signal` aborts; rejects with the engine gone. */
export async function watchInstances(
  engine: Engine,
  onExit: (instance: Instance) => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const attempt = 'watch containers';
  const hangUp = new AbortController();
  const abort = () => hangUp.abort();
  signal.addEventListener('abort', abort);
  try {
    const stream = await call(engine, attempt, () =>
      engine.docker.getEvents({
        filters: { type: ['container'], event: ['die'], label: [installationFilter(engine)] },
        abortSignal: hangUp.signal,
      }),
    );
    for await (const event of jsonLines<DeathEvent>(stream)) {
      const dead = await lookAtDead(engine, event.Actor?.Attributes ?? {});
      if (dead !== null && !signal.aborted) onExit(dead);
    }
  } catch (error) {
    if (signal.aborted) return;
    throw unavailable(engine, attempt, reasonOf(error), error);
  } finally {
    signal.removeEventListener('abort', abort);
    hangUp.abort();
  }
  if (!signal.aborted) throw unavailable(engine, attempt, 'it closed the connection');
}

async function lookAtDead(
  engine: Engine,
  attributes: Record<string, string>,
): Promise<Instance | null> {
  const name = attributes[ownLabels.instance];
  if (name === undefined) return null;
  for (let look = 0; look < looks; look += 1) {
    const instance = await inspectInstance(engine, name);
    if (instance === null) return removedAlready(name, attributes);
    if (instance.phase === 'exited') return instance;
    await pause(betweenLooksMs);
  }
  return null;
}

/** Gone before it could be looked at: the event itself says enough. */
function removedAlready(name: string, attributes: Record<string, string>): Instance {
  const known: readonly string[] = Object.values(labels);
  return {
    name,
    labels: Object.fromEntries(Object.entries(attributes).filter(([key]) => known.includes(key))),
    phase: 'exited',
    address: null,
    doors: [],
    startedAtMs: null,
    exit: exitOf({ ExitCode: Number(attributes['exitCode'] ?? 0), OOMKilled: false }),
    imageDigest: attributes[ownLabels.imageDigest] ?? null,
    imageId: null,
  };
}
