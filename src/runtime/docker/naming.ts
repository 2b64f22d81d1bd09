import { labels } from '../../model/instance-labels.ts';
import type { Engine } from './engine.ts';

/** Beside the port's labels: what the engine does not remember by itself. */
export const ownLabels = {
  instance: 'labkeeper.instance',
  /** Container ports to try, best first, separated by blanks. */
  port: 'labkeeper.port',
  /** Of its log, where it is copied: what is dropped lies in the middle. */
  keepsBeginning: 'labkeeper.log-keeps-beginning',
  imageDigest: 'labkeeper.image-digest',
} as const;

/** Deterministic, so that a repeated create meets the first one; two installations never meet. */
export function containerName(engine: Engine, instance: string): string {
  return `labkeeper-${engine.installation.slice(0, 8)}-${instance}`;
}

/** Finds all of this installation, and nothing else. */
export function installationFilter(engine: Engine): string {
  return `${labels.installation}=${engine.installation}`;
}
