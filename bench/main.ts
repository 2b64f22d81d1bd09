import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { printFigures, type Bench } from './measure.ts';

/**
 * `npm run bench -- <name>`: runs `bench/<name>.ts`, prints a table for people and a JSON line a figure
 * for programs. A bench exports `bench`; a file without it is no bench.
 */
const [name, ...rest] = process.argv.slice(2);
const folder = import.meta.dirname;
const names = (await readdir(folder))
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts' && file !== 'measure.ts')
  .map((file) => file.slice(0, -3));

if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- <name> [seconds]\nbenches: ${names.join(', ')}\n`);
  process.exit(2);
}
const { bench } = (await import(pathToFileURL(join(folder, `${name}.ts`)).href)) as {
  bench: Bench;
};
const seconds = Number(rest[0] ?? 4);
const figures = await bench({ seconds, say: (text) => process.stderr.write(`${text}\n`) });
printFigures(name, figures);
process.exit(0);
