import { LabError } from '../model/failures.ts';
import type { Host, HostStore } from '../store/ports.ts';

/** Throws `storage_full` when no host has room for new work. */
export type StorageGuard = () => Promise<void>;

/** Hosts say hello every few seconds, so a word this old is as good as a new one. */
const rememberedMs = 2_000;

/**
 * The disk watermark at the door. Work is refused only when every host that reported is full; where
 * none did, it is accepted and waits for one. What runs is never touched.
 */
export function storageGuard(hosts: HostStore): StorageGuard {
  let known: Promise<Host[]> | null = null;
  let knownAtMs = 0;
  return async () => {
    const nowMs = performance.now();
    if (known === null || nowMs - knownAtMs > rememberedMs) {
      knownAtMs = nowMs;
      known = hosts.list();
      known.catch(() => (known = null));
    }
    const all = await known;
    if (all.length === 0 || all.some((host) => host.storage.state !== 'full')) return;
    const places = all.map(({ name, storage }) => `${name} (${megabytes(storage.freeBytes)} free)`);
    throw new LabError(
      'storage_full',
      `no new work: the disk is full on ${places.join(', ')}. Free space in the data folder, or lower LABKEEPER_STORAGE_REFUSE_BYTES.`,
    );
  };
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / (1024 * 1024))} MB`;
}
