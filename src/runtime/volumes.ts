import type { VolumeMeasure } from '../model/volume.ts';

/**
 * The folders of the volumes of one host. Names are DNS labels; anything else throws `invalid`, and a
 * link in the place of a folder is never followed.
 */
export interface VolumeFolders {
  /**
   * The folder, made when it is new. Throws `start_refused` when one that held something is not there any
   * more, `storage_full` for want of space. `forContainers` lets the users of containers write to it.
   * Idempotent.
   */
  ensure(name: string, options: { isNew: boolean; forContainers: boolean }): Promise<string>;

  /**
   * Walks over it at a low pace, up to a bound, without following links. Null when there is no folder. Throws
   * what the system says when it cannot be read.
   */
  measure(name: string, signal: AbortSignal): Promise<VolumeMeasure | null>;

  /**
   * Its content as a tar, piece by piece, read as fast as it is taken; links are stored as links. Null when there
   * is no folder. Iterating throws when something could not be read: what came before is then not the whole.
   * Ends its reading when `signal` aborts.
   */
  archive(name: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>;

  /** Removes it with everything in it, following no link. Success when absent; throws what is in the way. */
  remove(name: string): Promise<void>;
}
