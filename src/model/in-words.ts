/** 5400000 → `1.5 h`: for tables and sentences. */
export function durationInWords(durationMs: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
  ] as const;
  for (const [unit, sizeMs] of units) {
    if (durationMs >= sizeMs) return `${Math.round((durationMs / sizeMs) * 10) / 10} ${unit}`;
  }
  return `${Math.max(0, Math.round(durationMs / 1000))} s`;
}

/** `2026-03-02T09:15:04.120Z` → `2026-03-02 09:15:04 UTC`. */
export const timeInWords = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;

/** 73400320 → `70 MiB`. */
export function bytesInWords(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
