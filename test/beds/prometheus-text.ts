/** One sample of Prometheus' text format. */
export interface Sample {
  /** With `_bucket`, `_sum` or `_count` for histograms. */
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Scrape {
  /** What the text says of each metric, by its name. */
  families: Map<string, { type: string; help: string; samples: Sample[] }>;
  /** The value of one series, or undefined. */
  value(name: string, labels?: Record<string, string>): number | undefined;
}

/** Reads the text format strictly: whatever it does not know is an error. */
export function parseMetrics(text: string): Scrape {
  const families: Scrape['families'] = new Map();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind !== undefined) {
      const family = families.get(name) ?? { type: '', help: '', samples: [] };
      if (kind === 'TYPE') family.type = rest;
      else family.help = rest;
      families.set(name, family);
      continue;
    }
    const sample = parseSample(line);
    const family = families.get(sample.name) ?? families.get(histogramOf(sample.name));
    if (family === undefined) throw new Error(`a sample without TYPE: ${line}`);
    family.samples.push(sample);
  }
  return {
    families,
    value(name, labels = {}) {
      const family = families.get(name) ?? families.get(histogramOf(name));
      return family?.samples.find(
        (sample) => sample.name === name && sameLabels(sample.labels, labels),
      )?.value;
    },
  };
}

/** What a process tells at its address. */
export async function scrape(url: string): Promise<Scrape> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
  return parseMetrics(await answer.text());
}

const histogramOf = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, '');

function parseSample(line: string): Sample {
  const [, name, labelText = '', number] =
    /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === undefined || number === undefined) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  const pairs = labelText.matchAll(/([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/g);
  let read = 0;
  for (const [pair, label = '', value = ''] of pairs) {
    read += pair.length;
    labels[label] = value.replace(/\\(.)/g, (_all, mark: string) => (mark === 'n' ? '\n' : mark));
  }
  if (read !== labelText.length) throw new Error(`no labels: ${labelText}`);
  return { name, labels, value: numberOf(number) };
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  const value = Number(text);
  if (Number.isNaN(value) && text !== 'NaN') throw new Error(`no number: ${text}`);
  return value;
}

function sameLabels(left: Record<string, string>, right: Record<string, string>): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length && names.every((name) => left[name] === right[name])
  );
}
