import { exitCodes, type ExitCode } from '../../cli/exit-codes.ts';
import { failureText } from '../../cli/failure-text.ts';

/**
 * Runs `backup` or `restore` to its end. A first signal ends it in order, with nothing half done left
 * behind; what went wrong is one sentence on stderr, or problem+json with --json.
 */
export async function runToEnd(
  argv: readonly string[],
  act: (signal: AbortSignal) => Promise<void>,
): Promise<ExitCode> {
  const stopping = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const stop = (name: NodeJS.Signals) => stopping.abort(new Error(`ended by ${name}`));
  for (const name of names) process.once(name, stop);
  try {
    await act(stopping.signal);
    return exitCodes.ok;
  } catch (error) {
    const cause = stopping.signal.aborted ? stopping.signal.reason : error;
    const { exitCode, text } = failureText(cause, { json: argv.includes('--json') });
    process.stderr.write(text);
    return exitCode;
  } finally {
    for (const name of names) process.off(name, stop);
  }
}
