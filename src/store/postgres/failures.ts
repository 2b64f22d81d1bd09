import pg from 'pg';
import { LabError } from '../../model/failures.ts';

/**
 * Gives an error of the driver its meaning: a `LabError` where the database refused for good, an
 * ordinary error that says so where it did not answer. `attempt` is a clause: `register app/plot`.
 */
export function meaningOf(error: unknown, attempt: string): unknown {
  if (error instanceof LabError) return error;
  if (!(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (doesNotAnswer(error, code)) {
    return new Error(`cannot ${attempt}: the database does not answer (${reasonOf(error)})`, {
      cause: error,
    });
  }
  if (!(error instanceof pg.DatabaseError)) return error;
  const failure = (type: 'conflict' | 'invalid', why: string) =>
    new LabError(type, `cannot ${attempt}: ${why}`, {
      cause: error,
      details: { ...(error.constraint === undefined ? {} : { constraint: error.constraint }) },
    });
  switch (code) {
    case '23505':
      return failure('conflict', 'that already exists');
    case '23503':
      return failure('invalid', 'it refers to something that does not exist');
    case '23502':
    case '23514':
      return failure('invalid', `the database refuses it: ${error.message}`);
    // A NUL or another character that PostgreSQL cannot hold; a number out of range.
    case '22021':
    case '22P05':
    case '22003':
    case '22P02':
      return failure('invalid', error.message);
    default:
      return new Error(`cannot ${attempt}: ${error.message}`, { cause: error });
  }
}

/** Losers of a race between transactions: the same again may well succeed. */
export function isWorthRepeating(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01');
}

/** Nobody knows the state of this connection: it must not be used again. */
export function breaksConnection(error: unknown): boolean {
  return !(error instanceof pg.DatabaseError) || doesNotAnswer(error, error.code ?? '');
}

const silentCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  // Statement or lock timeout; too many connections; the server is going down or starting.
  '57014',
  '55P03',
  '53300',
  '57P01',
  '57P02',
  '57P03',
  '25P03',
]);

/** What pg says without a code. */
const silentMessage = /timeout|Connection terminated|not queryable|Cannot use a pool after/i;

function doesNotAnswer(error: Error, code: string): boolean {
  if (code.startsWith('08') || silentCodes.has(code)) return true;
  return !(error instanceof pg.DatabaseError) && silentMessage.test(error.message);
}

/** Node wraps the attempts on several addresses into one error without a message. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError) {
    return error.errors.map((inner: unknown) => String(inner)).join('; ');
  }
  return error.message;
}
