import { describeProblem } from './problems.ts';
import type { ExitCode } from './exit-codes.ts';

/** What standard error is told of a failure, and what the process ends with: a sentence, or problem+json for programs. */
export function failureText(
  error: unknown,
  { json, mark = 'labkeeper:' }: { json: boolean; mark?: string },
): { exitCode: ExitCode; text: string } {
  const { exitCode, problem } = describeProblem(error);
  return { exitCode, text: json ? `${JSON.stringify(problem)}\n` : `${mark} ${problem.detail}\n` };
}
