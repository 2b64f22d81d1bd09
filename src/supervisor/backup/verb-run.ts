import { exitCodes, UsageError, type ExitCode } from '../../cli/exit-codes.ts';

/**
 * Runs `backup` or `restore` to its end. A first signal ends it in order, with nothing half done left
 * behind; what went wrong is one sentence on stderr.
 */
export async function runToEnd(act: (signal: AbortSignal) => Promise<void>): Promise<ExitCode> {
  const stopping = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const stop = (name: NodeJS.Signals) => stopping.abort(new Error(`ended by ${name}`));
  for (const name of names) process.once(name, stop);
  try {
    await act(stopping.signal);
    return exitCodes.ok;
  } catch (error) {
    const cause = stopping.signal.aborted ? stopping.signal.reason : error;
    process.stderr.write(`labkeeper: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return isUsage(cause) ? exitCodes.usage : exitCodes.failed;
  } finally {
    for (const name of names) process.off(name, stop);
  }
}

/** `parseArgs` marks its own errors so. */
function isUsage(error: unknown): boolean {
  if (error instanceof UsageError) return true;
  return (
    error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')
  );
}
