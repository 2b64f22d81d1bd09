/** 1430 → `1.4 s`: one unit, at most two digits and a half, for scales and tables. */
export function shortDuration(durationMs: number): string {
  const [unit, sizeMs] = durationUnits.find(([, size]) => durationMs >= size) ?? ['ms', 1];
  const count = durationMs / sizeMs;
  return `${unit === 'ms' || count >= 100 ? Math.round(count) : Math.round(count * 10) / 10} ${unit}`;
}

const durationUnits = [
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** `1 volume`, `3 volumes`: for nouns that only take an s. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** `11-25 09:15`, in UTC as all times of the pages. */
export const shortMoment = (iso: string): string => `${iso.slice(5, 10)} ${iso.slice(11, 16)}`;
