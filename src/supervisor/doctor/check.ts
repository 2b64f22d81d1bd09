import type { Config } from '../../config.ts';
import type { Addresses } from '../addresses.ts';
import type { ProcessIdentity } from '../process-identity.ts';

/** What the doctor found out about one part. */
export interface Check {
  name: string;
  /** A warning limits what works; `skipped` could not be found out. */
  state: 'ok' | 'warning' | 'failed' | 'skipped';
  detail: string;
  /** What to do about it. */
  remedy?: string;
}

/** What each check starts from. */
export interface Checkup {
  config: Config;
  environment: Readonly<Record<string, string | undefined>>;
  /** The `labkeeper up` at work on this data folder, if any. */
  supervisor: ProcessIdentity | null;
  /** Where it runs things; null when it does not run here. */
  addresses: Addresses | null;
}

/** Runs one check; whatever it throws is its finding. */
export async function check(
  name: string,
  remedy: string,
  find: () => Promise<Omit<Check, 'name'> | string>,
): Promise<Check> {
  try {
    const found = await find();
    return typeof found === 'string' ? { name, state: 'ok', detail: found } : { name, ...found };
  } catch (error) {
    return { name, state: 'failed', detail: causeOf(error), remedy };
  }
}

/** The innermost reason, in one line: `fetch failed` alone tells nobody anything. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return causeOf(error.cause);
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  return (error.message || error.name).split('\n', 1)[0] ?? error.name;
}
