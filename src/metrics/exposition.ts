import type { MetricDefinitions } from './definition.ts';

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

/** Prometheus' text format, in the order of the definitions. Numbers without definition are left out. */
export function exposition(
  definitions: MetricDefinitions,
  numbers: Readonly<Record<string, number>>,
): string {
  const lines = new Map<string, string[]>(Object.keys(definitions).map((name) => [name, []]));
  for (const [name, value] of Object.entries(numbers)) {
    lines.get(familyOf(definitions, name))?.push(`${name} ${text(value)}`);
  }
  let all = '';
  for (const [name, own] of lines) {
    const definition = definitions[name];
    if (definition === undefined || own.length === 0) continue;
    all += `# HELP ${name} ${definition.help}\n# TYPE ${name} ${definition.type}\n`;
    all += `${own.join('\n')}\n`;
  }
  return all;
}

/**
 * The numbers of several processes as one. `ended` are the last numbers of processes that are gone:
 * what they counted stays counted, what they measured goes with them.
 */
export function together(
  definitions: MetricDefinitions,
  living: readonly Readonly<Record<string, number>>[],
  ended: Readonly<Record<string, number>>,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const numbers of [...living, ended]) {
    for (const [name, value] of Object.entries(numbers)) {
      const definition = definitions[familyOf(definitions, name)];
      if (definition === undefined) continue;
      if (numbers === ended && definition.type === 'gauge') continue;
      const before = sums[name];
      sums[name] = before === undefined ? value : joined(definition.across, before, value);
    }
  }
  return sums;
}

function joined(how: 'sum' | 'max' | 'min' | undefined, left: number, right: number): number {
  if (how === 'max') return Math.max(left, right);
  return how === 'min' ? Math.min(left, right) : left + right;
}

/** The metric a sample belongs to: a histogram has three names. */
function familyOf(definitions: MetricDefinitions, name: string): string {
  const bare = name.split('{', 1)[0] ?? name;
  return bare in definitions ? bare : bare.replace(/_(?:bucket|sum|count)$/, '');
}

function text(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
