/** Words to search for, as an address has them: what a database would not take is left out. */
export function searchIn(text: string | undefined): string {
  return (text ?? '').trim().slice(0, 100).replaceAll('\0', '');
}

/** A page of rows that were read one more than it holds, and the name to go on after. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  nameOf: (row: Row) => string,
): { items: Row[]; next: string | null } {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? nameOf(last) : null };
}
