import { UsageError } from './exit-codes.ts';

const sizesMs = { s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90min`, `12h`, `7d` as milliseconds. */
export function durationMs(given: string): number {
  const [, amount, unit] = /^(\d{1,6})\s?(s|min|h|d)$/.exec(given) ?? [];
  if (amount === undefined || unit === undefined || Number(amount) === 0) {
    throw new UsageError(`${given} is no duration such as 90min, 12h or 7d`);
  }
  return Number(amount) * sizesMs[unit as keyof typeof sizesMs];
}
