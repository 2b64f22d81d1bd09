import type { JobJson } from '../model/job-api.ts';
import { ProblemError } from './problem-error.ts';
import { sleep } from './sleep.ts';
import { bodyOf, type Transport } from './transport.ts';

const firstRetryMs = 250;
const lastRetryMs = 5_000;

/**
 * The output of a job from `fromByte` of its present attempt on, through further attempts, until it is over. After every loss it comes
 * back at the byte behind the last one. Characters are never cut in two. Refusals that will not pass by themselves
 * (4xx) are thrown; `signal` ends it without an error.
 */
export async function* followJobLog(
  transport: Transport,
  { path, show }: { path: string; show: () => Promise<JobJson> },
  { attempt: asked, fromByte = 0, signal }: FollowJobLogOptions,
): AsyncGenerator<string> {
  let attempt = asked ?? 0;
  let nextByte = fromByte;
  const decoder = new TextDecoder();
  let retryMs = firstRetryMs;
  while (!isOver(signal)) {
    try {
      const job = await show();
      // Before the first attempt there is nothing to read, and nothing to resume.
      attempt = attempt === 0 ? job.attempt : attempt;
      if (attempt > 0) {
        const answer = await transport.open(path, {
          query: { attempt, fromByte: nextByte, follow: true },
          headers: { accept: 'text/plain' },
          signal,
        });
        for await (const chunk of bodyOf(answer)) {
          nextByte += chunk.length;
          retryMs = firstRetryMs;
          const text = decoder.decode(chunk, { stream: true });
          if (text !== '') yield text;
        }
        const now = await show();
        if (now.terminal || now.attempt > attempt) {
          const rest = decoder.decode();
          if (rest !== '') yield rest;
          if (now.attempt === attempt || asked !== undefined) return;
          attempt = now.attempt;
          nextByte = 0;
          continue;
        }
      } else if (job.terminal) return;
    } catch (error) {
      if (isOver(signal)) return;
      if (error instanceof ProblemError && error.status < 500 && error.status !== 429) throw error;
    }
    await sleep(attempt === 0 ? firstRetryMs : retryMs, signal);
    retryMs = Math.min(retryMs * 2, lastRetryMs);
  }
}

export interface FollowJobLogOptions {
  /** Only this attempt. */
  attempt?: number;
  /** Behind what was read already. */
  fromByte?: number;
  signal?: AbortSignal;
}

const isOver = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;
