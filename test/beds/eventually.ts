import { setTimeout as pause } from 'node:timers/promises';

/**
 * Polls until `attempt` stops throwing and gives what it gives; at the deadline it throws the last
 * failure. For conditions that nobody announces: whatever can be awaited is awaited instead.
 *
 * `const app = await eventually(async () => { const app = await find(); expect(app).toBe(…); return app })`
 */
export async function eventually<Result>(
  attempt: () => Result | Promise<Result>,
  options: { deadlineMs?: number; intervalMs?: number } = {},
): Promise<Result> {
  const { deadlineMs = 10_000, intervalMs = 20 } = options;
  const endsAtMs = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= endsAtMs) {
        throw new Error(`still not so after ${deadlineMs} ms: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
    await pause(intervalMs);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
