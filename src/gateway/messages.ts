/** What primary and workers of the gateway say to each other. */
export type ToWorker =
  /** Stop accepting, finish, exit. */
  | { type: 'drain' }
  /** These gateways live; what else the store knows of this listener is dead. */
  | { type: 'alive'; ids: string[] }
  | { type: 'numbers' };

export type FromWorker =
  | { type: 'ready'; ports: { console: number; apps: number } }
  | { type: 'numbers'; numbers: Record<string, number>; unready: string | null };

/** A worker's argument: who it is and where it listens. */
export interface Settings {
  id: string;
  ports: { console: number; apps: number };
}
