import { ActivityFailure, TimeoutFailure } from '@temporalio/common';

/** One clause for people: what an activity failed of. */
export function reasonOf(error: unknown): string {
  if (error instanceof ActivityFailure) {
    if (error.cause instanceof TimeoutFailure) {
      return error.cause.timeoutType === 'SCHEDULE_TO_START'
        ? 'the host does not answer'
        : 'it took longer than allowed';
    }
    return error.cause?.message ?? error.message;
  }
  return error instanceof Error ? error.message : String(error);
}
