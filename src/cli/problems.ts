import { ProblemError, UnreachableError } from '../client/index.ts';
import { isLabError } from '../model/failures.ts';
import { problemUrn, type ProblemJson } from '../model/api.ts';
import { exitCodes, NotFoundError, UsageError, type ExitCode } from './exit-codes.ts';

/** `application/problem+json`, as the API answers it, also for what the command line itself refuses. */
export type CommandProblem = Pick<
  ProblemJson,
  'type' | 'title' | 'status' | 'detail' | 'errors'
> & {
  /** Names the request in the log of the API; null when none was refused there. */
  requestId: string | null;
};

export interface DescribedProblem {
  exitCode: ExitCode;
  problem: CommandProblem;
}

/** What a person is told about a failure, and what the process ends with. */
export function describeProblem(error: unknown): DescribedProblem {
  if (error instanceof UsageError) return usage(error.message, error.errors);
  if (isParsingError(error)) {
    // Node's hint on how to pass a word that begins with a hyphen helps nobody here.
    const [message = error.message] = error.message.split('. ', 1);
    return usage(message);
  }
  if (error instanceof NotFoundError) {
    return described('notFound', 'not_found', 404, 'There is no such thing', error.message);
  }
  if (error instanceof UnreachableError) {
    const message = `${error.message}. Is it running? Start it with \`npm start\`, or say where it is with --server URL.`;
    return unreachable(message);
  }
  if (error instanceof ProblemError) return describeRefusal(error);
  if (isLabError(error)) {
    return described('failed', error.type, 409, 'It cannot be done', error.message);
  }
  const message = error instanceof Error ? error.message : String(error);
  return described('failed', 'failed', 500, 'It did not work out', message);
}

function describeRefusal(refusal: ProblemError): DescribedProblem {
  const { status, type, title, message, errors, requestId } = refusal;
  // A gateway whose API is away answers for it, in words of its own.
  if (type === 'unknown' && (status === 502 || status === 503)) {
    return unreachable(
      `labkeeper's control plane does not answer at the moment (${status}). Apps go on; try again in a few seconds.`,
    );
  }
  if (type === 'unknown') {
    const detail = `${message}: this does not look like labkeeper. Say where it is with --server URL.`;
    return described('failed', type, status, 'The answer is not understood', detail);
  }
  const { exitCode, problem } = described(
    type === 'not_found' ? 'notFound' : 'failed',
    type,
    status,
    title,
    message,
  );
  return {
    exitCode,
    problem: { ...problem, ...(errors.length === 0 ? {} : { errors }), requestId },
  };
}

function described(
  code: keyof typeof exitCodes,
  ...[type, status, title, detail]: [string, number, string, string]
): DescribedProblem {
  return {
    exitCode: exitCodes[code],
    problem: { type: `${problemUrn}${type}`, title, status, detail, requestId: null },
  };
}

function usage(detail: string, errors?: CommandProblem['errors']): DescribedProblem {
  const title = 'The command line or its file has mistakes';
  const { exitCode, problem } = described('usage', 'usage', 400, title, detail);
  return { exitCode, problem: { ...problem, ...(errors === undefined ? {} : { errors }) } };
}

const unreachable = (detail: string): DescribedProblem =>
  described('unreachable', 'unreachable', 503, 'No labkeeper answers', detail);

function isParsingError(error: unknown): error is Error {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
}
