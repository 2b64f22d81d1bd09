import { z } from 'zod';
import { bytesInWords } from '../model/in-words.ts';
import { ProblemError } from './problem-error.ts';
import { serverSentEvents } from './server-sent-events.ts';
import { sleep } from './sleep.ts';
import { bodyOf, type Transport } from './transport.ts';

const firstRetryMs = 250;
const lastRetryMs = 5_000;

/**
 * The output of a job from `fromByte` of its present attempt on, through further attempts, until it is over. After every loss it comes
 * back at the byte behind the last one. Characters are never cut in two; where the size cap has dropped
 * bytes a line says so. Refusals that will not pass by themselves (4xx) are thrown; `signal` ends it without an error.
 */
export async function* followJobLog(
  transport: Transport,
  path: string,
  { attempt, source, fromByte = 0, signal }: FollowJobLogOptions = {},
): AsyncGenerator<string> {
  let lastId: string | undefined;
  let retryMs = firstRetryMs;
  while (!isOver(signal)) {
    try {
      const answer = await transport.open(path, {
        query: { attempt, source, ...(lastId === undefined ? { fromByte } : {}) },
        headers: { accept: 'text/event-stream', 'last-event-id': lastId },
        signal,
      });
      for await (const { event, id, data } of serverSentEvents(bodyOf(answer))) {
        retryMs = firstRetryMs;
        if (event === 'end') return;
        if (event === 'log') yield logSchema.parse(JSON.parse(data)).text;
        if (event === 'cut') {
          const { leftOutBytes } = cutSchema.parse(JSON.parse(data));
          yield `\n[… ${bytesInWords(leftOutBytes)} left out …]\n`;
        }
        lastId = id ?? lastId;
      }
    } catch (error) {
      if (isOver(signal)) return;
      if (error instanceof ProblemError && error.status < 500 && error.status !== 429) throw error;
    }
    await sleep(retryMs, signal);
    retryMs = Math.min(retryMs * 2, lastRetryMs);
  }
}

const logSchema = z.object({ text: z.string() });
const cutSchema = z.object({ leftOutBytes: z.number() });

export interface FollowJobLogOptions {
  /** Only this attempt. */
  attempt?: number;
  /** What it prints, or the file that its `logFile` names. */
  source?: 'output' | 'file';
  /** Behind what was read already. */
  fromByte?: number;
  signal?: AbortSignal;
}

const isOver = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;
