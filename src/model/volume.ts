import { bytesInWords } from './in-words.ts';

const GiB = 1024 ** 3;

export const defaultVolumeBytes = 10 * GiB;
export const leastVolumeBytes = 4096;
/** 1 PiB. */
export const greatestVolumeBytes = 1024 ** 5;

/** Share of its limit from which on a volume counts as nearly full. */
const warnShare = 0.9;

/** What people see: derived from its row, never stored on its own. */
export const volumeStatuses = ['unused', 'ok', 'nearly full', 'full', 'removing'] as const;
export type VolumeStatus = (typeof volumeStatuses)[number];

/** What a walk over a volume's folder found. Bytes as the disk has them given out, like `du`. */
export interface VolumeMeasure {
  sizeBytes: number;
  /** Everything that is no folder. */
  fileCount: number;
  /** False when the walk ended at its bound: then size and count are at least so great. */
  whole: boolean;
}

/** The part of a volume's row that tells how it is. Times are ISO 8601 in UTC. */
export interface VolumeCondition {
  /** Where it lives; null before its first use. */
  host: string | null;
  maxBytes: number;
  /** As last measured; null before the first time. */
  measured: (VolumeMeasure & { at: string }) | null;
  /** What hindered the last walk, in words; null when nothing did. */
  hindrance: string | null;
  /** When its removal was asked for. */
  deletedAt: string | null;
}

/** How much of its limit is used, in words. */
export type VolumeLevel = 'ok' | 'nearly full' | 'full';

export function volumeLevel(sizeBytes: number, maxBytes: number): VolumeLevel {
  if (sizeBytes >= maxBytes) return 'full';
  return sizeBytes >= maxBytes * warnShare ? 'nearly full' : 'ok';
}

export function volumeStatus(volume: VolumeCondition): VolumeStatus {
  if (volume.deletedAt !== null) return 'removing';
  if (volume.measured !== null) return volumeLevel(volume.measured.sizeBytes, volume.maxBytes);
  return volume.host === null ? 'unused' : 'ok';
}

/** What the limit does and what it cannot do; said wherever the limit is shown. */
export const volumeLimitMeaning =
  'A volume is a plain folder, which nothing stops from growing: its size is watched, and at the limit no app that writes to it is started anew, while what runs goes on.';

/** The one sentence about a volume, the same in API, pages and CLI. */
export function explainVolume(name: string, volume: VolumeCondition): string {
  const { host, measured, hindrance } = volume;
  const trouble = hindrance === null ? '' : ` It could not be measured in full: ${hindrance}.`;
  switch (volumeStatus(volume)) {
    case 'removing':
      return `${name} is being removed: its host ${host} deletes what is in it.${trouble}`;
    case 'unused':
      return `${name} has not been used yet; it will live on the host where the first app that uses it starts.`;
    case 'ok':
      return `${name} lives on ${host}${measured === null ? ' and has not been measured yet' : ` and holds ${held(volume)}`}.${trouble}`;
    case 'nearly full':
      return `${name} on ${host} is nearly full: it holds ${held(volume)}. At the limit no app that writes to it is started; make room, or raise its limit.${trouble}`;
    case 'full':
      return `${name} on ${host} is full: it holds ${held(volume)}. No app that writes to it is started until there is room; make room, or raise its limit. What runs goes on.${trouble}`;
  }
}

/** `1.2 GiB of 10 GiB in 34 files`. */
function held({ measured, maxBytes }: VolumeCondition): string {
  if (measured === null) return `an unknown part of ${bytesInWords(maxBytes)}`;
  const { sizeBytes, fileCount, whole } = measured;
  const files = `${fileCount} ${fileCount === 1 ? 'file' : 'files'}`;
  return `${whole ? '' : 'at least '}${bytesInWords(sizeBytes)} of ${bytesInWords(maxBytes)} in ${files}`;
}

/** Why an app is not started: names volume, size and limit. Null while there is room. */
export function fullVolume(
  name: string,
  { measured, maxBytes }: Pick<VolumeCondition, 'measured' | 'maxBytes'>,
): string | null {
  if (measured === null || volumeLevel(measured.sizeBytes, maxBytes) !== 'full') return null;
  return `volume ${name} is full: ${bytesInWords(measured.sizeBytes)} of ${bytesInWords(maxBytes)} used. Make room in it, or raise its limit`;
}
