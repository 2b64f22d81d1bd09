import { ApplicationFailure } from '@temporalio/common';
import { isLabError, type FailureType } from '../model/failures.ts';

/** Failures that pass by themselves: retried, not told as final. */
const transient: readonly FailureType[] = ['runtime_unavailable', 'host_unreachable'];

/**
 * Gives an activity's permanent failures their type, so that Temporal does not retry them and the
 * workflow can name them. Everything else is thrown as it is, and retried.
 */
export async function withNamedFailures<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isLabError(error)) throw error;
    throw ApplicationFailure.create({
      type: error.type,
      message: error.message,
      nonRetryable: !transient.includes(error.type),
      cause: error,
    });
  }
}
