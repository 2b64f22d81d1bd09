import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import type { FailureType } from '../model/failures.ts';

/** The model's failure type an activity ended with, or null for any other error. */
export function failureTypeOf(error: unknown): FailureType | null {
  if (!(error instanceof ActivityFailure)) return null;
  if (error.cause instanceof ApplicationFailure)
    return (error.cause.type ?? null) as FailureType | null;
  return null;
}

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
