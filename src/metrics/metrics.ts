import {
  otherValue,
  type MetricDefinition,
  type MetricDefinitions,
  type ValueOf,
} from './definition.ts';

/** The numbers of one process. Names, label names and label values are checked by the compiler. */
export interface Metrics<Definitions extends MetricDefinitions> {
  definitions: Definitions;
  counter<Name extends NamesOf<Definitions, 'counter'>>(
    name: Name,
    ...labels: LabelsOf<Definitions[Name]>
  ): Counter;
  gauge<Name extends NamesOf<Definitions, 'gauge'>>(
    name: Name,
    ...labels: LabelsOf<Definitions[Name]>
  ): Gauge;
  histogram<Name extends NamesOf<Definitions, 'histogram'>>(
    name: Name,
    ...labels: LabelsOf<Definitions[Name]>
  ): Histogram;
  /** Called before each look at the numbers, to set gauges that nobody keeps up to date. */
  onCollect(measure: () => void): void;
  /** Every number now, by its full name: `name{label="value"}`. */
  numbers(): Record<string, number>;
}

export interface Counter {
  add(count?: number): void;
}

export interface Gauge {
  /** Not a number says that it is not known now. */
  set(value: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

type NamesOf<Definitions extends MetricDefinitions, Type extends MetricDefinition['type']> = {
  [Name in keyof Definitions]: Definitions[Name]['type'] extends Type ? Name : never;
}[keyof Definitions] &
  string;

type LabelsOf<Definition extends MetricDefinition> = Definition extends {
  labels: infer Labels extends NonNullable<MetricDefinition['labels']>;
}
  ? [labels: { [Label in keyof Labels]: ValueOf<Labels[Label]> }]
  : [];

/**
 * Made for a gateway's hot path: whoever counts often keeps the handle, and counting is an addition.
 * A client library needs 50 ms and 11 MB in each process for what is done here.
 */
export function createMetrics<Definitions extends MetricDefinitions>(
  definitions: Definitions,
): Metrics<Definitions> {
  const families = new Map<string, Map<string, Series>>();
  const measures: (() => void)[] = [];
  for (const [name, definition] of Object.entries(definitions)) {
    const family = new Map<string, Series>();
    families.set(name, family);
    for (const labels of knownLabels(definition)) {
      family.set(labelText(labels), createSeries(definition));
    }
  }

  const series = (name: string, labels: Record<string, string> = {}): Series => {
    const definition = definitions[name];
    const family = families.get(name);
    if (definition === undefined || family === undefined) throw new Error(`no metric ${name}`);
    const known = family.get(labelText(labels));
    if (known !== undefined) return known;
    const bounded = family.size < seriesLimit(definition) ? labels : asOther(labels);
    const key = labelText(bounded);
    const found = family.get(key) ?? createSeries(definition);
    family.set(key, found);
    return found;
  };

  return {
    definitions,
    counter: (name, ...[labels]: [Record<string, string>?]) => series(name, labels),
    gauge: (name, ...[labels]: [Record<string, string>?]) => series(name, labels),
    histogram: (name, ...[labels]: [Record<string, string>?]) => series(name, labels),
    onCollect(measure) {
      measures.push(measure);
    },
    numbers() {
      for (const measure of measures) measure();
      const numbers: Record<string, number> = {};
      for (const [name, family] of families) {
        for (const [labels, one] of family) one.write(numbers, name, labels);
      }
      return numbers;
    },
  };
}

interface Series extends Counter, Gauge, Histogram {
  write(numbers: Record<string, number>, name: string, labels: string): void;
}

function createSeries({ type, buckets }: MetricDefinition): Series {
  return type === 'histogram' ? histogramSeries(buckets ?? []) : plainSeries();
}

function plainSeries(): Series {
  let value = 0;
  return {
    add(count = 1) {
      value += count;
    },
    set(given) {
      value = given;
    },
    observe() {
      throw new Error('only a histogram observes');
    },
    write(numbers, name, labels) {
      numbers[withLabels(name, labels)] = value;
    },
  };
}

function histogramSeries(bounds: readonly number[]): Series {
  const counts = Array.from<number>({ length: bounds.length + 1 }).fill(0);
  let sum = 0;
  const refuse = () => {
    throw new Error('a histogram only observes');
  };
  return {
    add: refuse,
    set: refuse,
    observe(value) {
      sum += value;
      let at = 0;
      while (at < bounds.length && value > (bounds[at] as number)) at += 1;
      counts[at] = (counts[at] as number) + 1;
    },
    write(numbers, name, labels) {
      let upTo = 0;
      for (const [at, count] of counts.entries()) {
        upTo += count;
        const bound = `le="${bounds[at] ?? '+Inf'}"`;
        numbers[withLabels(`${name}_bucket`, labels === '' ? bound : `${labels},${bound}`)] = upTo;
      }
      numbers[withLabels(`${name}_sum`, labels)] = sum;
      numbers[withLabels(`${name}_count`, labels)] = upTo;
    },
  };
}

/** Series that exist from the start: a rate over one that appears with its first event misses that. */
function knownLabels({ labels = {} }: MetricDefinition): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(labels)) {
    if (!Array.isArray(values)) return [];
    all = all.flatMap((one) => values.map((value: string) => ({ ...one, [label]: value })));
  }
  return all;
}

function seriesLimit({ labels = {} }: MetricDefinition): number {
  return Object.values(labels).reduce(
    (product, values) => product * ('atMost' in values ? values.atMost : values.length),
    1,
  );
}

const asOther = (labels: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.keys(labels).map((label) => [label, otherValue]));

function labelText(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${escaped(value)}"`)
    .join(',');
}

const escaped = (value: string): string =>
  value.replace(/["\\\n]/g, (mark) => (mark === '\n' ? '\\n' : `\\${mark}`));

const withLabels = (name: string, labels: string): string =>
  labels === '' ? name : `${name}{${labels}}`;
