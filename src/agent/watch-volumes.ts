import type { VolumeMeasure } from '../model/volume.ts';
import { pause } from './pause.ts';
import type { AgentPorts } from './ports.ts';

/** So many are looked at before rows are read again. */
const batch = 20;
/** A walk takes at most this share of the time: what is slow to measure is measured less often. */
const greatestShare = 1 / 20;

type Ports = Pick<AgentPorts, 'host' | 'store' | 'volumes' | 'log'>;

/**
 * Measures the volumes of this host when they are due, one after the other, and removes those that
 * nobody wants any more. Until the signal aborts; what does not work is tried again.
 */
export async function watchVolumes(ports: Ports, signal: AbortSignal): Promise<void> {
  let failing = false;
  while (!signal.aborted) {
    let more = false;
    try {
      more = (await lookAtVolumes(ports, signal)) === batch;
      failing = false;
    } catch (error) {
      if (signal.aborted) return;
      // Said once an outage, like the heartbeat.
      if (!failing) ports.log.warn({ host: ports.host, err: error }, 'volumes not looked at');
      failing = true;
    }
    await pause(more ? 0 : ports.volumes.lookEveryMs, signal);
  }
}

/** One round over what is due; gives how many that were. */
export async function lookAtVolumes(ports: Ports, signal: AbortSignal): Promise<number> {
  const due = await ports.store.volumes.due(ports.host, batch);
  for (const volume of due) {
    if (signal.aborted) break;
    await (volume.removes ? remove(ports, volume.name) : measure(ports, volume, signal));
  }
  return due.length;
}

async function measure(
  { host, store, volumes }: Ports,
  { name, known }: { name: string; known: boolean },
  signal: AbortSignal,
): Promise<void> {
  const beganMs = performance.now();
  let found: VolumeMeasure | null = null;
  let hindrance: string | null = null;
  try {
    found = await volumes.folders.measure(name, signal);
    // Before its first start there may be none yet.
    if (found === null && known) hindrance = 'its folder is not there';
  } catch (error) {
    signal.throwIfAborted();
    hindrance = wordsOf(error);
  }
  const tookMs = performance.now() - beganMs;
  const nextInMs = Math.max(volumes.measureEveryMs, tookMs / greatestShare);
  await store.volumes.measured(name, host, { measure: found, hindrance, nextInMs });
}

async function remove({ host, store, volumes, log }: Ports, name: string): Promise<void> {
  try {
    await volumes.folders.remove(name);
  } catch (error) {
    log.warn({ volume: name, err: error }, 'volume not removed');
    await store.volumes.removalHindered(name, host, wordsOf(error), volumes.measureEveryMs);
    return;
  }
  await store.volumes.removed(name, host);
}

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
