import { isRecord } from '../model/is-record.ts';
import type { Sweep, SweepRow, SweepStore } from '../store/sweep-ports.ts';

const pageSize = 500;

/**
 * The table of a sweep, page by page as it is read: which columns results have is found out in a first pass, so no
 * more than a page is ever held.
 */
export function sweepCsv(
  sweeps: Pick<SweepStore, 'rows'>,
  sweep: Sweep,
): ReadableStream<Uint8Array> {
  const lines = tableOf(sweeps, sweep);
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await lines.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
}

async function* tableOf(
  sweeps: Pick<SweepStore, 'rows'>,
  { id, parameters }: Sweep,
): AsyncGenerator<string, undefined> {
  const results = new Set<string>();
  for await (const page of pagesOf(sweeps, id)) {
    for (const row of page) for (const key of Object.keys(flatResult(row))) results.add(key);
  }
  const columns = [...results].sort();
  // A result may be called like a parameter: then both are told apart.
  const names = columns.map((name) => (parameters.includes(name) ? `result.${name}` : name));
  yield line(['index', 'job', 'state', ...parameters, ...names]);
  for await (const page of pagesOf(sweeps, id)) {
    const text = page.map((row) => {
      const result = flatResult(row);
      return line([
        row.index,
        row.job,
        row.state,
        ...parameters.map((name) => row.parameters[name]),
        ...columns.map((name) => result[name]),
      ]);
    });
    yield text.join('');
  }
  return undefined;
}

async function* pagesOf(sweeps: Pick<SweepStore, 'rows'>, id: string): AsyncGenerator<SweepRow[]> {
  for (let after = -1; ;) {
    const page = await sweeps.rows(id, { after, limit: pageSize });
    if (page.length > 0) yield page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.index ?? after;
  }
}

/** Numbers, texts and truths that lie flat in a result, or one level below. */
function flatResult({ result }: SweepRow): Record<string, unknown> {
  if (!isRecord(result) || !isRecord(result['value'])) return {};
  const flat: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(result['value'])) {
    if (!isRecord(value)) {
      if (!Array.isArray(value)) flat[key] = value;
      continue;
    }
    for (const [inner, deep] of Object.entries(value)) {
      if (typeof deep !== 'object') flat[`${key}.${inner}`] = deep;
    }
  }
  return flat;
}

const line = (cells: readonly unknown[]): string => `${cells.map(cell).join(',')}\r\n`;

/** RFC 4180. What a spreadsheet would take for a formula is told as text. */
function cell(value: unknown): string {
  if (value === undefined || value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const safe = typeof value === 'string' && /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
