import { plain, tinted, type Terminal } from './terminal.ts';

export interface Cell {
  text: string;
  tone?: Parameters<typeof tinted>[1];
}

/** Aligned columns under a heading, two spaces apart; the last column is not padded. */
export function table(
  terminal: Pick<Terminal, 'colors'>,
  heading: readonly string[],
  rows: readonly (readonly (Cell | string)[])[],
): string {
  const cells = rows.map((row) =>
    row.map((cell) => {
      const { text, tone } = typeof cell === 'string' ? { text: cell, tone: undefined } : cell;
      return { text: plain(text), tone };
    }),
  );
  const widths = heading.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.text.length ?? 0)),
  );
  const line = (row: readonly Cell[]) =>
    row
      .map(({ text, tone }, column) => {
        const isLast = column === row.length - 1;
        const padding = isLast ? '' : ' '.repeat((widths[column] ?? 0) - text.length);
        return (tone === undefined ? text : tinted(terminal, tone, text)) + padding;
      })
      .join('  ');
  const head = heading.map((text): Cell => ({ text: text.toUpperCase(), tone: 'soft' }));
  return [head, ...cells.map((row) => row.map(bare))].map((row) => `${line(row)}\n`).join('');
}

/** `exactOptionalPropertyTypes`: a tone is there or not. */
function bare({ text, tone }: { text: string; tone: Cell['tone'] | undefined }): Cell {
  return tone === undefined ? { text } : { text, tone };
}

/** `name: value` lines, values aligned; null values are left out. */
export function fields(
  terminal: Pick<Terminal, 'colors'>,
  pairs: readonly (readonly [string, string | null])[],
): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null);
  const width = Math.max(...shown.map(([name]) => name.length)) + 1;
  return shown
    .map(([name, value]) => {
      const label = tinted(terminal, 'soft', `${name}:`.padEnd(width + 1));
      return `${label}${plain(value)}\n`;
    })
    .join('');
}
