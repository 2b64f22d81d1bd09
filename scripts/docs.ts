import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { settings } from '../src/config.ts';

/**
 * Writes the settings table of README.md from src/config.ts, between its markers. With `--check` it
 * changes nothing and fails when the table is not current.
 */
const begin = '<!-- settings:begin -->';
const end = '<!-- settings:end -->';
const file = join(import.meta.dirname, '..', 'README.md');

const text = await readFile(file, 'utf8').catch(() => null);
const from = text?.indexOf(begin) ?? -1;
const to = text?.indexOf(end) ?? -1;
if (text === null || from < 0 || to < from) {
  console.error(`README.md has no ${begin} … ${end}`);
  process.exitCode = 1;
} else {
  const current = `${text.slice(0, from + begin.length)}\n\n${settingsTable()}\n\n${text.slice(to)}`;
  if (current === text) console.log('README.md is current');
  else if (process.argv.includes('--check')) {
    console.error('the settings table of README.md is not current: npm run docs');
    process.exitCode = 1;
  } else await writeFile(file, current);
}

function settingsTable(): string {
  const rows = Object.entries(settings).map(([name, schema]) => {
    const parsed = schema.safeParse(undefined);
    const byDefault = parsed.data === undefined ? '' : `\`${String(parsed.data)}\``;
    return [`\`${name}\``, byDefault, (schema.description ?? '').replaceAll('|', '\\|')];
  });
  const table = [['setting', 'default', 'meaning'], ...rows];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...table.map((row) => [...(row[column] ?? '')].length)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(table[0] ?? []), rule, ...rows.map(line)].join('\n');
}
