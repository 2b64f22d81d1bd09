import type { Logger } from '@temporalio/worker';

const nothing = () => undefined;

/** Bundling and workers talk a lot; a test's own failure says more. */
export const quiet: Logger = {
  log: nothing,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
};
