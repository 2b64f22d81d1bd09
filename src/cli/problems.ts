import { ProblemError, UnreachableError } from '../client/index.ts';
import { exitCodes, NotFoundError, UsageError, type ExitCode } from './exit-codes.ts';

export interface DescribedProblem {
  exitCode: ExitCode;
  /** One short word for programs. */
  type: string;
  /** What was attempted, why it failed, what to do. */
  message: string;
}

/** What a person is told about a failure, and what the process ends with. */
export function describeProblem(error: unknown): DescribedProblem {
  if (error instanceof UsageError) {
    return { exitCode: exitCodes.usage, type: 'usage', message: error.message };
  }
  if (isParsingError(error)) {
    // Node's hint on how to pass a word that begins with a hyphen helps nobody here.
    const [message = error.message] = error.message.split('. ', 1);
    return { exitCode: exitCodes.usage, type: 'usage', message };
  }
  if (error instanceof NotFoundError) {
    return { exitCode: exitCodes.notFound, type: 'not_found', message: error.message };
  }
  if (error instanceof UnreachableError) {
    const message = `${error.message}. Is it running? Start it with \`npm start\`, or say where it is with --server URL.`;
    return { exitCode: exitCodes.unreachable, type: 'unreachable', message };
  }
  if (error instanceof ProblemError) return describeRefusal(error);
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: exitCodes.failed, type: 'failed', message };
}

function describeRefusal({ status, type, message }: ProblemError): DescribedProblem {
  // A gateway whose API is away answers for it, in words of its own.
  if (type === 'unknown' && (status === 502 || status === 503)) {
    return {
      exitCode: exitCodes.unreachable,
      type: 'unreachable',
      message: `labkeeper's control plane does not answer at the moment (${status}). Apps go on; try again in a few seconds.`,
    };
  }
  if (type === 'unknown') {
    return {
      exitCode: exitCodes.failed,
      type,
      message: `${message}: this does not look like labkeeper. Say where it is with --server URL.`,
    };
  }
  const exitCode = type === 'not_found' ? exitCodes.notFound : exitCodes.failed;
  return { exitCode, type, message };
}

function isParsingError(error: unknown): error is Error {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
}
