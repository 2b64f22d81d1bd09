import { UsageError } from './exit-codes.ts';

/** A count given as an option, under the name the client knows it by. */
export function wholeNumber<Name extends string>(
  name: Name,
  given: string | null,
  least: number,
): Partial<Record<Name, number>> {
  if (given === null) return {};
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`${given} is no whole number from ${least} on`);
  }
  return { [name]: value } as Record<Name, number>;
}
