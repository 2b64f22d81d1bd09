import type { OpevaDialect } from '../../../model/opeva.ts';

/** What the OPEVA family needs of the settings. Durations in milliseconds. */
export interface OpevaSettings {
  dialect: OpevaDialect;
  /** Hosts that a client may name, `local` among them. */
  hosts: readonly string[];
  /** The host that `local` is. */
  localHost: string;
  runner: 'docker' | 'process';
  imageRepository: string;
  /** Further repositories that a client may name. */
  imageAllow: readonly string[];
  commandPrefix: readonly string[];
  limits: { cpus: number; memoryBytes: number; pids: number };
  devices: number;
  /** Waiting and running, each. */
  runMs: number;
  stopGraceMs: number;
  /** Callers that wait for a stop at once. */
  maxWaiting: number;
  /** How often the row that a caller waits for is looked at. */
  lookEveryMs: number;
  /** How long after its grace a stop is waited for. */
  stopPatienceMs: number;
  maxListed: number;
  maxConfigBytes: number;
  maxResultBytes: number;
  /** A result.json that is no JSON so long after the end stays so. */
  brokenAfterMs: number;
  /** Pages of these may use the family from a browser. */
  origins: readonly string[];
  /** What every request but that for health must bring; null lets everybody. */
  token: string | null;
  /** Whether a client at this address may come, by the listener it came through. */
  admits: Readonly<Record<'own' | 'console', (address: string) => boolean>>;
}
