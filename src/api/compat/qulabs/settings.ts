/** What the QuLabs family needs of the settings. Durations in milliseconds. */
export interface QulabsSettings {
  /** Public address of the family's own listener without final slash, if one is set. */
  url: string | null;
  /** What registrations and deletions must bring; null lets everybody. */
  token: string | null;
  imageWaitMs: number;
  imageLookEveryMs: number;
  readyWithinMs: number;
  idleAfterMs: number;
  deleteWithinMs: number;
  limits: { cpus: number; memoryBytes: number; pids: number };
  /** Apps are published on their port of the host's loopback too. */
  publishes: boolean;
  /** Callers that wait for a registration or deletion at once. */
  maxWaiting: number;
  /** How often the row that a caller waits for is looked at. */
  lookEveryMs: number;
}
