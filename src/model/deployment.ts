import type { AppSpecInput } from './app-spec.ts';

/**
 * What shall be served, and how patiently. A deployment looks for the image first, then changes the
 * app's definition, then wakes it and waits until it is ready. Durations in milliseconds.
 */
export interface DeploymentPlan {
  image: string;
  /** Fields of the definition that change; the others stay as they are when it is applied. */
  changes: AppSpecInput;
  /** What the family of old clients shows of the app from then on. */
  foreign: { family: string; record: Readonly<Record<string, unknown>> } | null;
  /** Name of the container that an earlier system may have left on the host: it makes room. */
  leftover: string | null;
  /** An image that is not there yet is looked for again this often, for so long. */
  imageLookEveryMs: number;
  imageWaitMs: number;
  /** An app that is not ready by then, counted from its wake, is put to sleep. */
  readyWithinMs: number;
}
