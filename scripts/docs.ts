import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { settings } from '../src/config.ts';
import type { Verb } from '../src/cli/verb.ts';
import { verbs } from '../src/cli/verbs.ts';
import { catalog } from '../src/metrics/catalog.ts';
import type { MetricDefinition } from '../src/metrics/definition.ts';
import { processMetrics } from '../src/metrics/process-metrics.ts';

/**
 * Writes what documents say of the sources, between their markers: the settings table of README.md,
 * the metrics of docs/metrics.md and the verbs of docs/cli.md. With `--check` it changes nothing and fails when one is not current.
 */
const documents = [
  { name: 'README.md', part: 'settings', text: settingsTable },
  { name: 'docs/metrics.md', part: 'metrics', text: metricsList },
  { name: 'docs/cli.md', part: 'verbs', text: verbsList },
];

for (const document of documents) await bringUpToDate(document);

async function bringUpToDate({ name, part, text }: (typeof documents)[number]): Promise<void> {
  const begin = `<!-- ${part}:begin -->`;
  const end = `<!-- ${part}:end -->`;
  const file = join(import.meta.dirname, '..', name);
  const before = await readFile(file, 'utf8').catch(() => null);
  const from = before?.indexOf(begin) ?? -1;
  const to = before?.indexOf(end) ?? -1;
  if (before === null || from < 0 || to < from) {
    console.error(`${name} has no ${begin} … ${end}`);
    process.exitCode = 1;
    return;
  }
  const current = `${before.slice(0, from + begin.length)}\n\n${text()}\n\n${before.slice(to)}`;
  if (current === before) console.log(`${name} is current`);
  else if (process.argv.includes('--check')) {
    console.error(`the ${part} of ${name} are not current: npm run docs`);
    process.exitCode = 1;
  } else await writeFile(file, current);
}

function settingsTable(): string {
  const rows = Object.entries(settings).map(([name, schema]) => {
    const parsed = schema.safeParse(undefined);
    const text = String(parsed.data ?? '');
    const byDefault = text === '' ? '' : `\`${text}\``;
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

function verbsList(): string {
  return ['## Verbs', ...verbs.map(verbSection)].join('\n\n');
}

function verbSection(verb: Verb): string {
  const options = Object.entries(verb.options).map(
    ([name, { short, value, help }]) =>
      `- \`${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}\`: ${escaped(help)}`,
  );
  const actions = (verb.actions ?? []).map(
    ({ name, usage, summary, json }) =>
      `- \`${`${name} ${usage}`.trimEnd()}\`: ${escaped(summary)}. JSON: ${json}`,
  );
  const json = verb.actions === undefined ? [`JSON: ${verb.json}`] : [];
  return [
    `### ${verb.name}`,
    `    labkeeper ${verb.name} ${verb.usage}`.trimEnd(),
    escaped(verb.help),
    ...(actions.length === 0 ? [] : [actions.join('\n')]),
    ...(options.length === 0 ? [] : [options.join('\n')]),
    ...json,
  ].join('\n\n');
}

function escaped(words: string): string {
  return words.replaceAll('<', '\\<').replaceAll('*', '\\*');
}

/** A list, since what there is to say of a metric is too wide for a table. */
function metricsList(): string {
  const section = (title: string, metrics: [string, MetricDefinition][]) =>
    `## ${title}\n\n${metrics.map((metric) => metricLine(...metric)).join('\n')}`;
  const own = Object.entries(catalog).map(([process, definitions]) => {
    const metrics = Object.entries(definitions).filter(([name]) => !(name in processMetrics));
    return section(process, metrics);
  });
  return [...own, section('every process', Object.entries(processMetrics))].join('\n\n');
}

function metricLine(name: string, definition: MetricDefinition): string {
  const labels = Object.entries(definition.labels ?? {}).map(([label, values]) =>
    'atMost' in values
      ? `\`${label}\`: ${values.of}, at most ${values.atMost}`
      : `\`${label}\`: ${values.map((value) => `\`${value}\``).join(', ')}`,
  );
  const facts = [definition.type, ...labels].join('; ');
  const buckets = definition.buckets ? ` Buckets up to ${definition.buckets.join(', ')}.` : '';
  return `- **\`${name}\`** (${facts}): ${definition.help}.${buckets}`;
}
