import { LabError } from './failures.ts';

/** What a file call threw: `storage_full` with the remedy for want of space, else as it was. */
export function asStorageFull(error: unknown, what: string, disk: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new LabError(
    'storage_full',
    `cannot ${what}: ${disk} is full. Free space there, then try again`,
    { cause: error },
  );
}
