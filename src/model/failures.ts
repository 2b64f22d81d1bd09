/**
 * Every permanent failure the product knows, by the `type` that crosses rooms: adapters and
 * stores throw it, activities turn it into a non-retryable `ApplicationFailure` of the same type,
 * the API maps it to a status. What is not in this list is transient (retried) or a bug.
 */
const failureTypes = [
  'invalid',
  'not_found',
  'conflict',
  'forbidden',
  'image_not_found',
  'registry_refused',
  'secret_unavailable',
  'runtime_unavailable',
  'start_refused',
  'exited_before_ready',
  'not_ready_in_time',
  'no_capacity',
  'quota_exceeded',
  'storage_full',
  'host_unreachable',
] as const;

export type FailureType = (typeof failureTypes)[number];

/** An expected, permanent failure. `details` holds plain data for programs, never a secret. */
export class LabError extends Error {
  readonly type: FailureType;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    type: FailureType,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'LabError';
    this.type = type;
    this.details = options.details ?? {};
  }
}

/** True for errors made by `LabError`, also across bundles where `instanceof` would not hold. */
export function isLabError(error: unknown): error is LabError {
  return (
    error instanceof Error &&
    error.name === 'LabError' &&
    failureTypes.includes((error as LabError).type)
  );
}
