/** What primary and workers of the gateway say to each other. */
export type ToWorker =
  /** Stop accepting, finish, exit. */
  | { type: 'drain' }
  /** These gateways live; what else the store knows of this listener is dead. */
  | { type: 'alive'; ids: string[] }
  /** Say the numbers for metrics. */
  | { type: 'numbers'; question: number };

export type FromWorker =
  | { type: 'ready'; ports: GatewayPorts }
  | { type: 'state'; unready: string | null }
  | { type: 'numbers'; question: number; numbers: Record<string, number> };

/** A worker's argument: who it is and where it listens. */
export interface Settings {
  id: string;
  ports: GatewayPorts;
}

export interface GatewayPorts {
  console: number;
  apps: number;
  /** Of the family's own listener; absent without one. */
  qulabs?: number;
}
