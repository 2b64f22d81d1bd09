import type { VolumeCondition, VolumeMeasure } from '../model/volume.ts';
import type { Operation } from './ports.ts';

/** A named folder on one host. */
export interface Volume extends VolumeCondition {
  name: string;
  space: string;
  owner: string;
  title: string | null;
  /** Names of apps whose definitions name it, by name, at most 100. */
  apps: string[];
  createdAt: string;
}

/** Volumes of one host together; those not used yet have none. */
export interface VolumeTotal {
  host: string | null;
  volumes: number;
  /** As last measured. */
  sizeBytes: number;
}

export interface VolumeStore {
  /**
   * Makes a volume, or changes title, limit and space of the one that has the name; without a space it
   * keeps its own. One transaction with its event. Throws `conflict` while it is being removed, or when apps
   * of another space name it; `quota_exceeded` at the limit of volumes; `invalid` for a space that is not there.
   */
  put(input: {
    name: string;
    space?: string;
    title: string | null;
    /** The default when null. */
    maxBytes: number | null;
    actor: string;
    /** Called under the lock with the volume that has the name; throws to refuse, and nothing is written. */
    check?: (existing: Volume | null) => void;
  }): Promise<{ outcome: 'created' | 'changed' | 'unchanged'; volume: Volume }>;

  find(name: string): Promise<Volume | null>;
  /** Those of the names that are there, by name. */
  findAll(names: readonly string[]): Promise<Volume[]>;
  /** By name; `after` is the last name of the page before, `spaces` keeps those in one of them. */
  list(page: { spaces?: readonly string[]; after?: string; limit: number }): Promise<Volume[]>;
  /** The fullest first, by share of their limit; those never measured last. `share` keeps those at least so full or hindered. */
  fullest(page: { spaces?: readonly string[]; share?: number; limit: number }): Promise<Volume[]>;
  /** By host; those without one last. */
  totals(): Promise<VolumeTotal[]>;

  /**
   * Settles where volumes live before an app is placed: those without a host get this one, with an event. False, and
   * nothing changed, when one is not there, is being removed or lives elsewhere. Idempotent.
   */
  settle(names: readonly string[], host: string, app: string): Promise<boolean>;

  /**
   * Accepts the removal of a volume with everything in it. One that was never used is gone at once; another goes
   * when its host has removed the folder. The same id, or a removal that goes on, answers the operation
   * there is. Throws `not_found`, and `conflict` while an app names it (saying which) or when the id was used.
   */
  remove(input: {
    name: string;
    actor: string;
    why: string;
    operationId: string;
  }): Promise<Operation>;

  /** What an agent has to look at now on its host, longest overdue first. */
  due(host: string, limit: number): Promise<{ name: string; removes: boolean; known: boolean }[]>;
  /** Asks the agent to measure soon. */
  askMeasure(names: readonly string[]): Promise<void>;
  /**
   * What a walk found; null keeps what is known. One transaction with an event when it became nearly full, full, has
   * room again, or could not be measured any more. Nothing when the volume lives elsewhere or is being removed.
   */
  measured(
    name: string,
    host: string,
    found: { measure: VolumeMeasure | null; hindrance: string | null; nextInMs: number },
  ): Promise<void>;
  /** Its folder is gone from its host: the row goes too, and its removal is over. Idempotent. */
  removed(name: string, host: string): Promise<void>;
  /** Its folder could not be removed: said once, tried again after `nextInMs`. */
  removalHindered(name: string, host: string, hindrance: string, nextInMs: number): Promise<void>;
}
