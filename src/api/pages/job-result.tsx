import { isRecord } from '../../model/is-record.ts';
import type { JobJson } from '../../model/job-api.ts';

type Scalar = string | number | boolean | null;

/** What came of a job: figures as a table, all of it as JSON. */
export function JobResult({ job: { result, links } }: { job: JobJson }) {
  if (result === null) return null;
  return (
    <section class="panel" aria-labelledby="result-heading">
      <div class="lead">
        <h2 id="result-heading">Result</h2>
        <a class="small" href={links.self}>
          As JSON
        </a>
      </div>
      {'problem' in result ? (
        <p class="mistake">It could not be taken: {result.problem}</p>
      ) : (
        <Value value={result.value} />
      )}
    </section>
  );
}

function Value({ value }: { value: unknown }) {
  const figures = figuresOf(value);
  const text = shortened(JSON.stringify(value, null, 2));
  if (figures === null) {
    return (
      <pre tabindex={0} aria-label="Result as JSON">
        {text}
      </pre>
    );
  }
  return (
    <>
      <Figures {...figures} />
      <details>
        <summary>All of it</summary>
        <pre tabindex={0} aria-label="Result as JSON">
          {text}
        </pre>
      </details>
    </>
  );
}

interface FigureTable {
  /** Names of the columns behind the first. */
  columns: readonly string[];
  rows: readonly { name: string; cells: readonly Scalar[] }[];
}

const mostRows = 60;
const mostColumns = 8;

/**
 * Figures that fit a table: names with one value each, or names with the same few figures each, as the costs of
 * buildings. Null for everything else.
 */
export function figuresOf(value: unknown): FigureTable | null {
  if (!isRecord(value)) return null;
  const entries = Object.entries(value);
  const flat = entries.filter((entry): entry is [string, Scalar] => isScalar(entry[1]));
  const nested = entries.filter(
    (entry): entry is [string, Record<string, Scalar>] =>
      isRecord(entry[1]) && Object.values(entry[1]).every(isScalar),
  );
  if (entries.length === 0 || entries.length > mostRows) return null;
  const columns = [...new Set(nested.flatMap(([, row]) => Object.keys(row)))];
  if (nested.length > 1 && columns.length <= mostColumns && nested.length >= flat.length) {
    const rows = nested.map(([name, row]) => ({
      name,
      cells: columns.map((key) => row[key] ?? null),
    }));
    return { columns, rows };
  }
  if (flat.length === 0) return null;
  return { columns: ['Value'], rows: flat.map(([name, cell]) => ({ name, cells: [cell] })) };
}

function Figures({ columns, rows }: FigureTable) {
  return (
    <div class="wide" tabindex={0} role="region" aria-label="Figures of the result">
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Figure</th>
            {columns.map((column) => (
              <th scope="col">{inWords(column)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, cells }) => (
            <tr>
              <th scope="row">{inWords(name)}</th>
              {cells.map((cell, at) => (
                <td data-label={inWords(columns[at] ?? '')}>{cellText(cell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** `selfSufficiency_pct` → `self sufficiency pct`: programs name figures as they name variables. */
const inWords = (name: string): string =>
  name
    .replaceAll('_', ' ')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .slice(0, 80);

function cellText(cell: Scalar): string {
  if (cell === null) return '–';
  if (typeof cell !== 'number' || Number.isInteger(cell)) return String(cell).slice(0, 200);
  return String(Number(cell.toPrecision(6)));
}

const isScalar = (value: unknown): value is Scalar =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

const mostCharacters = 20_000;

/** A page is no place for megabytes: the API has them. */
export const shortened = (text: string): string =>
  text.length <= mostCharacters
    ? text
    : `${text.slice(0, mostCharacters)}\n… ${text.length - mostCharacters} more characters: the API answers all of it`;
